//! Kafka records as librdkafka's C interface knows them: the Rust wrapper panics on header names that are not UTF-8.

use std::time::Duration;

use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseProducer, Producer};

use super::topics::{Topic, client};

/// A header as Kafka has it: any bytes as the name, a value that may be null.
pub type Header = (Vec<u8>, Option<Vec<u8>>);

/// A record to send, with anything that Kafka allows.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Key, or null.
    pub key: Option<Vec<u8>>,
    /// Value, or null.
    pub body: Option<Vec<u8>>,
    /// Headers, in order.
    pub headers: Vec<Header>,
}

/// Sends records to partition 0, in order, and waits until the broker has them.
pub fn send(topic: &Topic, records: &[Record]) {
    let producer: BaseProducer =
        client(topic.bootstrap()).set("message.max.bytes", "50000000").set("enable.idempotence", "true").create().unwrap();
    for record in records {
        ffi::produce(&producer, &topic.name, record);
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}

/// The headers of a record that was read.
pub fn headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
    ffi::headers(message)
}

#[expect(unsafe_code, reason = "the wrapper offers no header names that are not UTF-8")]
mod ffi {
    use std::ffi::{CStr, CString, c_void};
    use std::ptr;

    use rdkafka::bindings::*;
    use rdkafka::message::BorrowedMessage;
    use rdkafka::producer::{BaseProducer, Producer};

    use super::{Header, Record};

    pub fn produce(producer: &BaseProducer, topic: &str, record: &Record) {
        let topic = CString::new(topic).unwrap();
        let (key, key_len) = parts(record.key.as_deref());
        let (body, body_len) = parts(record.body.as_deref());
        // SAFETY: the client outlives the call; every pointer comes with its own length and is copied (F_COPY, header_add) before the call returns;
        // the headers' ownership passes on when producev succeeds, and it is asserted to.
        unsafe {
            let handle = producer.client().native_ptr();
            let headers = rd_kafka_headers_new(record.headers.len());
            for (name, value) in &record.headers {
                let (value, value_len) = parts(value.as_deref());
                let code = rd_kafka_header_add(headers, name.as_ptr().cast(), name.len() as isize, value, value_len as isize);
                assert_eq!(code, rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
            }
            let code = rd_kafka_producev(
                handle,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
                topic.as_ptr(),
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
                0_i32,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
                RD_KAFKA_MSG_F_COPY,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
                body,
                body_len,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
                headers,
                rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
            );
            assert_eq!(code, rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR, "produce");
        }
    }

    pub fn headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
        let mut found = Vec::new();
        // SAFETY: the message is borrowed, so its headers, names (ended by zero) and values live through this function, which copies them.
        unsafe {
            let mut list = ptr::null_mut();
            if rd_kafka_message_headers(message.ptr(), &raw mut list) != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return found;
            }
            let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
            while rd_kafka_header_get_all(list, found.len(), &raw mut name, &raw mut value, &raw mut len)
                == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                let bytes = (!value.is_null()).then(|| std::slice::from_raw_parts(value.cast::<u8>(), len).to_vec());
                found.push((CStr::from_ptr(name).to_bytes().to_vec(), bytes));
            }
        }
        found
    }

    /// Null for null; an empty value is a pointer to no bytes.
    fn parts(bytes: Option<&[u8]>) -> (*const c_void, usize) {
        bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
    }
}
