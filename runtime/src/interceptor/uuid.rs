//! UUID: sets a header to a random UUID (`org.apache.flume.sink.solr.morphline.UUIDInterceptor`).

use std::sync::Arc;

use bytes::Bytes;

use super::each::{Target, judge};
use super::spec::Uuid as Spec;
use super::{Interceptor, Judging};
use crate::batch::Batch;

/// The UUID interceptor.
#[derive(Debug)]
pub struct Uuid {
    target: Target,
    prefix: String,
}

impl Uuid {
    /// As the settings say.
    pub fn new(spec: &Spec) -> Uuid {
        Uuid { target: Target::new(spec.header.clone(), spec.preserve_existing), prefix: spec.prefix.clone() }
    }
}

impl Interceptor for Uuid {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| self.target.set(event, || Bytes::from(format!("{}{}", self.prefix, ::uuid::Uuid::new_v4()))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{header, judged, kept, with_header};
    use super::*;
    use crate::event::Event;

    fn uuid(preserve_existing: bool) -> Uuid {
        Uuid::new(&Spec { header: "id".into(), preserve_existing, prefix: "p-".into() })
    }

    #[test]
    fn every_event_gets_an_id_of_its_own() {
        let events = judged(&uuid(true), vec![Event::new(""), Event::new("")]).batch.events;
        let ids: Vec<String> = events.iter().filter_map(|event| header(event, "id")).collect();
        assert_ne!(ids[0], ids[1]);
        let parsed = ::uuid::Uuid::parse_str(ids[0].strip_prefix("p-").expect("the prefix")).expect("a UUID");
        assert_eq!(parsed.get_version_num(), 4);
    }

    #[test]
    fn an_existing_id_stays_unless_told_otherwise() {
        assert_eq!(header(&kept(&uuid(true), with_header("id", "mine")), "id").as_deref(), Some("mine"));
        assert_ne!(header(&kept(&uuid(false), with_header("id", "mine")), "id").as_deref(), Some("mine"));
    }
}
