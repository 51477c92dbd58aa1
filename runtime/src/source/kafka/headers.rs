//! Record headers as Kafka has them: names are bytes. The wrapper's own reader panics on a name that is not UTF-8.

#![expect(unsafe_code, reason = "librdkafka's header calls have no other binding that takes any name")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use bytes::Bytes;
use rdkafka::bindings::{rd_kafka_header_get_all, rd_kafka_headers_t, rd_kafka_message_headers};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaRespErr;

use super::fetch::Record;

/// The headers of a record, in order. A name with a NUL byte ends there: librdkafka gives out C strings.
pub(crate) fn read(message: &BorrowedMessage<'_>) -> Vec<(Bytes, Option<Bytes>)> {
    of(Record::of(message))
}

/// As [`read`].
pub(super) fn of(record: Record<'_>) -> Vec<(Bytes, Option<Bytes>)> {
    let mut headers: *mut rd_kafka_headers_t = ptr::null_mut();
    // SAFETY: the record is alive for the whole function, and its headers belong to it.
    let found = unsafe { rd_kafka_message_headers(record.as_ptr(), &mut headers) };
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Vec::new();
    }
    (0..).map_while(|index| header(headers, index)).collect()
}

fn header(headers: *const rd_kafka_headers_t, index: usize) -> Option<(Bytes, Option<Bytes>)> {
    let (mut name, mut value, mut size): (*const c_char, *const c_void, usize) = (ptr::null(), ptr::null(), 0);
    // SAFETY: `headers` is a live header list; an index past its end is answered with an error.
    let found = unsafe { rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size) };
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
        return None;
    }
    // SAFETY: on success the name is a C string and the value has `size` bytes, both owned by the list; they are copied here.
    let (name, value) = unsafe {
        let value = (!value.is_null()).then(|| Bytes::copy_from_slice(std::slice::from_raw_parts(value.cast::<u8>(), size)));
        (Bytes::copy_from_slice(CStr::from_ptr(name).to_bytes()), value)
    };
    Some((name, value))
}
