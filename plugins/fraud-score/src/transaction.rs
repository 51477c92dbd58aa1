//! A card transaction, as far as the rules look at it. The host reads the bodies; only these fields come over.

use std::borrow::Cow;

use weir_interceptor::{Batch, Event, JsonNumbers, JsonTexts};

pub struct Transaction<'a> {
    pub card: &'a str,
    pub amount: f64,
    pub mcc: &'a str,
    pub country: &'a str,
    pub home: &'a str,
}

/// Those fields of every event in a batch.
pub struct Fields<'a> {
    card: JsonTexts<'a>,
    amount: JsonNumbers<'a>,
    mcc: JsonTexts<'a>,
    country: JsonTexts<'a>,
    home: JsonTexts<'a>,
}

impl<'a> Fields<'a> {
    pub fn of(batch: &'a Batch) -> Fields<'a> {
        Fields {
            card: batch.json_texts("/card"),
            amount: batch.json_numbers("/amount"),
            mcc: batch.json_texts("/mcc"),
            country: batch.json_texts("/country"),
            home: batch.json_texts("/home"),
        }
    }

    /// Reads an event; the error is a sentence for the dead letter. A body that is no JSON has no field.
    pub fn transaction(&self, event: &Event<'a, '_>) -> Result<Transaction<'a>, Cow<'static, str>> {
        let transaction = Transaction {
            card: self.card.of(event).ok_or("not a transaction: no `card`")?,
            amount: self.amount.of(event).ok_or("not a transaction: no number `amount`")?,
            mcc: self.mcc.of(event).ok_or("not a transaction: no `mcc`")?,
            country: self.country.of(event).ok_or("not a transaction: no `country`")?,
            home: self.home.of(event).ok_or("not a transaction: no `home`")?,
        };
        if transaction.amount < 0.0 {
            return Err(format!("not a transaction: amount {} is negative", transaction.amount).into());
        }
        Ok(transaction)
    }
}
