//! Record headers as Kafka has them: names are bytes, values may be null.

#![expect(unsafe_code, reason = "the wrapper takes only names that are UTF-8")]

use std::ffi::{c_char, c_void};
use std::ptr;

use rdkafka::bindings::{rd_kafka_header_add, rd_kafka_headers_t};
use rdkafka::message::OwnedHeaders;
use rdkafka::types::RDKafkaRespErr;

/// Headers of a record being made.
pub(super) struct RecordHeaders(OwnedHeaders);

impl RecordHeaders {
    pub(super) fn with_capacity(headers: usize) -> RecordHeaders {
        RecordHeaders(OwnedHeaders::new_with_capacity(headers))
    }

    /// Appends a header. False when librdkafka refuses it (its list is read-only, which a new one never is).
    pub(super) fn add(&mut self, name: &[u8], value: Option<&[u8]>) -> bool {
        let native = ptr::from_ref(self.0.as_borrowed()).cast_mut().cast::<rd_kafka_headers_t>();
        let (value, size) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len() as isize));
        // SAFETY: a `BorrowedHeaders` is the native list by another name, owned by `self.0` alone; name and value are copied by the call.
        let added =
            unsafe { rd_kafka_header_add(native, name.as_ptr().cast::<c_char>(), name.len() as isize, value.cast::<c_void>(), size) };
        added == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
    }

    pub(super) fn into_owned(self) -> OwnedHeaders {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;

    #[test]
    fn names_and_values_arrive_as_they_are_given() {
        let mut headers = RecordHeaders::with_capacity(1);
        assert!(headers.add(b"a", Some(b"1")));
        assert!(headers.add(b"null", None));
        assert!(headers.add(b"empty", Some(b"")));
        let headers = headers.into_owned();
        let seen: Vec<_> = headers.iter().map(|header| (header.key, header.value)).collect();
        assert_eq!(seen, [("a", Some(&b"1"[..])), ("null", None), ("empty", Some(&b""[..]))]);
    }
}
