//! `static`: sets one header to one value (`org.apache.flume.interceptor.StaticInterceptor`).

use std::sync::Arc;

use bytes::Bytes;

use super::each::{Target, judge};
use super::spec::Static as Spec;
use super::{Interceptor, Judging};
use crate::batch::Batch;

/// The interceptor `static`.
#[derive(Debug)]
pub struct StaticHeader {
    target: Target,
    value: Bytes,
}

impl StaticHeader {
    /// As the settings say.
    pub fn new(spec: &Spec) -> StaticHeader {
        StaticHeader { target: Target::new(spec.key.clone(), spec.preserve_existing), value: Bytes::from(spec.value.clone()) }
    }
}

impl Interceptor for StaticHeader {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| self.target.set(event, || self.value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{header, kept, with_header};
    use super::*;
    use crate::event::Event;

    fn static_header(preserve_existing: bool) -> StaticHeader {
        StaticHeader::new(&Spec { preserve_existing, key: "datacentre".into(), value: "north".into() })
    }

    #[test]
    fn the_header_is_set_where_it_is_missing() {
        assert_eq!(header(&kept(&static_header(true), Event::new("")), "datacentre").as_deref(), Some("north"));
    }

    #[test]
    fn an_existing_header_stays_unless_told_otherwise() {
        let event = || with_header("datacentre", "south");
        assert_eq!(header(&kept(&static_header(true), event()), "datacentre").as_deref(), Some("south"));
        assert_eq!(header(&kept(&static_header(false), event()), "datacentre").as_deref(), Some("north"));
    }
}
