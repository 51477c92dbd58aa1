//! A card transaction, as far as the rules look at it. The host reads the bodies; only these fields come over.

use std::borrow::Cow;

use weir_interceptor::Event;

pub struct Transaction<'a> {
    pub card: &'a str,
    pub amount: f64,
    pub mcc: &'a str,
    pub country: &'a str,
    pub home: &'a str,
}

impl<'a> Transaction<'a> {
    /// Reads an event; the error is a sentence for the dead letter. A body that is no JSON has no field.
    pub fn read(event: &Event<'a, '_>) -> Result<Transaction<'a>, Cow<'static, str>> {
        let transaction = Transaction {
            card: event.json_text("/card").ok_or("not a transaction: no `card`")?,
            amount: event.json_number("/amount").ok_or("not a transaction: no number `amount`")?,
            mcc: event.json_text("/mcc").ok_or("not a transaction: no `mcc`")?,
            country: event.json_text("/country").ok_or("not a transaction: no `country`")?,
            home: event.json_text("/home").ok_or("not a transaction: no `home`")?,
        };
        if transaction.amount < 0.0 {
            return Err(format!("not a transaction: amount {} is negative", transaction.amount).into());
        }
        Ok(transaction)
    }
}
