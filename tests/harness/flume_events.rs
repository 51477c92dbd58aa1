//! `AvroFlumeEvent`, the form that events have in a Kafka channel, written and read by hand: it shares nothing with the agent.
//!
//! A datum without container or schema: the headers as Avro's map of strings, then the body as Avro's bytes.

/// Headers in the order they are written.
pub type Headers = Vec<(String, String)>;

/// Writes one event behind what `out` holds.
pub fn encode(headers: &[(&str, &str)], body: &[u8], out: &mut Vec<u8>) {
    if !headers.is_empty() {
        long(headers.len() as i64, out);
        for (name, value) in headers {
            bytes(name.as_bytes(), out);
            bytes(value.as_bytes(), out);
        }
    }
    long(0, out);
    bytes(body, out);
}

/// Headers and body of one event.
///
/// # Panics
/// When this is none, or more than one.
pub fn decode(mut datum: &[u8]) -> (Headers, Vec<u8>) {
    let headers = take_headers(&mut datum);
    let body = take_bytes(&mut datum).to_vec();
    assert!(datum.is_empty(), "{} bytes follow the event", datum.len());
    (headers, body)
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    long(value.len() as i64, out);
    out.extend_from_slice(value);
}

/// Avro's long: zigzag, seven bits a byte, the lowest first.
fn long(value: i64, out: &mut Vec<u8>) {
    let mut value = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Avro's map of strings: blocks of pairs until an empty one; a negative count is followed by the block's size.
fn take_headers(datum: &mut &[u8]) -> Headers {
    let mut headers = Vec::new();
    loop {
        let count = take_long(datum);
        if count == 0 {
            return headers;
        }
        if count < 0 {
            take_long(datum);
        }
        for _ in 0..count.unsigned_abs() {
            let mut text = || String::from_utf8(take_bytes(datum).to_vec()).unwrap();
            headers.push((text(), text()));
        }
    }
}

fn take_bytes<'a>(datum: &mut &'a [u8]) -> &'a [u8] {
    let len = usize::try_from(take_long(datum)).unwrap();
    let (bytes, rest) = datum.split_at(len);
    *datum = rest;
    bytes
}

fn take_long(datum: &mut &[u8]) -> i64 {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = datum.split_first().unwrap();
        *datum = rest;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_flume_writes_it_and_read_back() {
        let written = |headers: &[(&str, &str)], body: &[u8]| {
            let mut out = Vec::new();
            encode(headers, body, &mut out);
            out
        };
        assert_eq!(written(&[("a", "1")], b"hi"), [2, 2, b'a', 2, b'1', 0, 4, b'h', b'i']);
        assert_eq!(written(&[], b"hi"), [0, 4, b'h', b'i']);
        let body = vec![7; 300];
        assert_eq!(
            decode(&written(&[("a", "1"), ("topic", "")], &body)),
            (vec![("a".into(), "1".into()), ("topic".into(), String::new())], body)
        );
    }
}
