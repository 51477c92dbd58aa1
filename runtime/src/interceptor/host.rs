//! `host`: sets a header to this host's address or full name (`org.apache.flume.interceptor.HostInterceptor`), looked up once. Where the name
//! cannot be found no header is set, as in Flume.

use std::sync::Arc;

use bytes::Bytes;

use super::each::{Target, judge};
use super::spec::Host as Spec;
use super::{Interceptor, Judging};
use crate::batch::Batch;
use crate::localhost;

/// The interceptor `host`.
#[derive(Debug)]
pub struct Host {
    target: Target,
    value: Option<Bytes>,
}

impl Host {
    /// As the settings say. Looks this host up, which may take as long as its resolver does.
    pub fn new(spec: &Spec) -> Host {
        let value = if spec.use_ip { Some(localhost::address().to_string()) } else { localhost::canonical_name() };
        if value.is_none() {
            tracing::warn!(header = spec.header, "this host has no full name, the host interceptor sets no header");
        }
        Host { target: Target::new(spec.header.clone(), spec.preserve_existing), value: value.map(Bytes::from) }
    }
}

impl Interceptor for Host {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| {
            let value = self.value.as_ref()?;
            self.target.set(event, || value.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{header, kept, with_header};
    use super::*;
    use crate::event::Event;

    fn host(use_ip: bool, preserve_existing: bool) -> Host {
        Host::new(&Spec { preserve_existing, use_ip, header: "host".into() })
    }

    #[test]
    fn the_header_is_this_hosts_address_or_name() {
        let address = localhost::address().to_string();
        assert_eq!(header(&kept(&host(true, false), Event::new("")), "host"), Some(address.clone()));
        assert_eq!(header(&kept(&host(true, false), with_header("host", "other")), "host"), Some(address));
        assert_eq!(header(&kept(&host(false, false), Event::new("")), "host"), localhost::canonical_name());
    }

    #[test]
    fn an_existing_header_is_preserved_where_asked() {
        assert_eq!(header(&kept(&host(true, true), with_header("host", "other")), "host").as_deref(), Some("other"));
    }
}
