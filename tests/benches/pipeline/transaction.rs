//! A card transaction, parsed whole and borrowed from the body: how a scorer reads one that has no host to do it.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// The fields the rules look at, and those that must be there all the same.
#[derive(Deserialize)]
pub struct Transaction<'a> {
    #[serde(rename = "id")]
    _id: Id,
    #[serde(borrow)]
    pub card: Cow<'a, str>,
    pub amount: f64,
    #[serde(borrow, rename = "currency")]
    _currency: Cow<'a, str>,
    #[serde(borrow, rename = "merchant")]
    _merchant: Cow<'a, str>,
    #[serde(borrow)]
    pub mcc: Cow<'a, str>,
    #[serde(borrow)]
    pub country: Cow<'a, str>,
    #[serde(borrow)]
    pub home: Cow<'a, str>,
    #[serde(rename = "ts")]
    _ts: i64,
}

impl<'a> Transaction<'a> {
    /// Reads a body; the error is a sentence for the dead letter.
    pub fn read(body: Option<&'a [u8]>) -> Result<Transaction<'a>, String> {
        let body = body.ok_or("not a transaction: no body")?;
        if body.is_empty() {
            return Err("not a transaction: empty body".into());
        }
        // serde would take an array of as many values for the struct.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err("not a transaction: an array, not an object".into());
        }
        let transaction: Transaction<'a> = serde_json::from_slice(body).map_err(|error| format!("not a transaction: {error}"))?;
        if transaction.amount < 0.0 {
            return Err(format!("not a transaction: amount {} is negative", transaction.amount));
        }
        Ok(transaction)
    }
}

/// A string or an integer; it is not looked at any further.
struct Id;

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Id;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or an integer")
            }
            fn visit_str<E: de::Error>(self, _id: &str) -> Result<Id, E> {
                Ok(Id)
            }
            fn visit_u64<E: de::Error>(self, _id: u64) -> Result<Id, E> {
                Ok(Id)
            }
            fn visit_i64<E: de::Error>(self, _id: i64) -> Result<Id, E> {
                Ok(Id)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
