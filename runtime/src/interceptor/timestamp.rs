//! `timestamp`: sets a header to the current time (`org.apache.flume.interceptor.TimestampInterceptor`). As in Flume this covers the record's
//! own timestamp unless `preserveExisting` says otherwise.

use std::sync::Arc;

use bytes::Bytes;

use super::each::{Target, judge};
use super::spec::Timestamp as Spec;
use super::{Interceptor, Judging};
use crate::batch::Batch;

/// The interceptor `timestamp`.
#[derive(Debug)]
pub struct Timestamp {
    target: Target,
}

impl Timestamp {
    /// As the settings say.
    pub fn new(spec: &Spec) -> Timestamp {
        Timestamp { target: Target::new(spec.header.clone(), spec.preserve_existing) }
    }
}

impl Interceptor for Timestamp {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        let now = Bytes::from(jiff::Timestamp::now().as_millisecond().to_string());
        judge(&batch, |event| self.target.set(event, || now.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{header, kept, with_header};
    use super::*;
    use crate::event::Event;

    fn timestamp(preserve_existing: bool) -> Timestamp {
        Timestamp::new(&Spec { preserve_existing, header: "timestamp".into() })
    }

    fn millis(event: &Event) -> i64 {
        header(event, "timestamp").and_then(|text| text.parse().ok()).expect("a number")
    }

    #[test]
    fn the_time_is_set_over_one_that_is_there() {
        let before = jiff::Timestamp::now().as_millisecond();
        for event in [Event::new(""), with_header("timestamp", "1")] {
            let set = millis(&kept(&timestamp(false), event));
            assert!((before..=jiff::Timestamp::now().as_millisecond()).contains(&set));
        }
    }

    #[test]
    fn an_existing_time_is_preserved_where_asked() {
        assert_eq!(millis(&kept(&timestamp(true), with_header("timestamp", "1"))), 1);
        assert!(millis(&kept(&timestamp(true), Event::new(""))) > 1);
    }
}
