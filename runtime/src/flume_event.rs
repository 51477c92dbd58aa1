//! `AvroFlumeEvent` as Flume's Kafka components write it: a raw Avro binary datum, with no container, magic number or schema id.
//!
//! The schema is a record of `headers`, a map of strings, and `body`, bytes (Flume's `flume.avdl`). In Avro's binary encoding that is blocks of
//! (count, then so many key and value strings), ended by a block of count 0, then the body; every count and length is a zigzag varint. Flume
//! writes one block. A reader must take several, and blocks of negative count, which are followed by their size in bytes.

use bytes::Bytes;

use crate::event::Event;

/// What a datum holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Headers in the order written; where a name repeats, the last counts.
    pub headers: Vec<(Bytes, Bytes)>,
    /// The body, a slice of what was decoded.
    pub body: Bytes,
}

/// Bytes that are no `AvroFlumeEvent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end, or a length points past their end.
    #[error("not an AvroFlumeEvent: byte {offset} asks for {wanted} bytes, {left} are left")]
    Truncated {
        /// Where the bytes were asked for.
        offset: usize,
        /// How many.
        wanted: u64,
        /// How many there are.
        left: usize,
    },
    /// A length below zero.
    #[error("not an AvroFlumeEvent: the length at byte {offset} is negative")]
    NegativeLength {
        /// Where the length is.
        offset: usize,
    },
    /// A number of more than 64 bits.
    #[error("not an AvroFlumeEvent: the number at byte {offset} is too long")]
    LongNumber {
        /// Where the number is.
        offset: usize,
    },
}

/// Appends the event with its Flume headers, sorted by name. Avro's strings are UTF-8: other bytes are replaced, as in Flume's own headers.
/// An absent body is written as an empty one, as the format knows no other.
pub fn encode(event: &Event, out: &mut Vec<u8>) {
    let headers = event.event_headers();
    if !headers.is_empty() {
        write_number(headers.len() as i64, out);
        for (name, value) in headers {
            write_bytes(String::from_utf8_lossy(&name).as_bytes(), out);
            write_bytes(String::from_utf8_lossy(&value).as_bytes(), out);
        }
    }
    write_number(0, out);
    write_bytes(event.body(), out);
}

/// Reads a datum. Bytes after it are ignored, as Avro's own reader does. No claimed count or length makes this allocate.
///
/// # Errors
/// When the bytes are no such datum.
pub fn decode(bytes: &Bytes) -> Result<Decoded, Error> {
    let mut reader = Reader { bytes, at: 0 };
    let mut headers = Vec::new();
    loop {
        let count = reader.number()?;
        if count == 0 {
            break;
        }
        if count < 0 {
            reader.number()?; // the block's size, for readers that skip it
        }
        for _ in 0..count.unsigned_abs() {
            headers.push((reader.bytes()?, reader.bytes()?));
        }
    }
    Ok(Decoded { headers, body: reader.bytes()? })
}

/// A length and the bytes, as Avro writes `bytes` and `string`.
pub(crate) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_number(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

/// Avro's `int` and `long`: zigzag, then seven bits a byte, lowest first.
pub(crate) fn write_number(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn bytes(&mut self) -> Result<Bytes, Error> {
        let offset = self.at;
        let length = u64::try_from(self.number()?).map_err(|_| Error::NegativeLength { offset })?;
        let left = self.bytes.len() - self.at;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length)).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Error::Truncated { offset: self.at, wanted: length, left })?;
        let bytes = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<i64, Error> {
        let offset = self.at;
        let mut zigzag: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(Error::Truncated { offset: self.at, wanted: 1, left: 0 })?;
            self.at += 1;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return Err(Error::LongNumber { offset });
            }
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            }
        }
        Err(Error::LongNumber { offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Scope;

    fn event(headers: &[(&str, &str)], body: &str) -> Event {
        let mut event = Event::new(body.to_owned());
        for (name, value) in headers {
            event.set_header(name.to_string(), value.to_string(), Scope::Event);
        }
        event
    }

    fn encoded(event: &Event) -> Vec<u8> {
        let mut out = Vec::new();
        encode(event, &mut out);
        out
    }

    fn headers(decoded: &Decoded) -> Vec<(&str, &str)> {
        let text = |bytes| std::str::from_utf8(bytes).expect("text");
        decoded.headers.iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    #[test]
    fn the_bytes_are_those_that_flume_writes() {
        assert_eq!(encoded(&event(&[("a", "1")], "hi")), [0x02, 0x02, 0x61, 0x02, 0x31, 0x00, 0x04, 0x68, 0x69]);
        assert_eq!(encoded(&event(&[], "hi")), [0x00, 0x04, 0x68, 0x69]);
        assert_eq!(encoded(&Event::default()), [0x00, 0x00]);
    }

    #[test]
    fn several_blocks_and_blocks_of_negative_count_are_read() {
        let bytes: &[u8] = &[0x02, 0x02, b'a', 0x02, b'1', 0x01, 0x08, 0x02, b'b', 0x02, b'2', 0x00, 0x04, b'h', b'i'];
        let decoded = decode(&Bytes::from_static(bytes)).expect("a datum");
        assert_eq!(headers(&decoded), [("a", "1"), ("b", "2")]);
        assert_eq!(decoded.body, "hi");
    }

    #[test]
    fn the_body_is_a_slice_of_the_datum() {
        let bytes = Bytes::from(encoded(&event(&[("a", "1")], "a body")));
        let decoded = decode(&bytes).expect("a datum");
        assert!(bytes.as_ptr_range().contains(&decoded.body.as_ptr()));
    }

    #[test]
    fn record_headers_are_not_written_and_an_event_header_is_written_once() {
        let mut event = event(&[("a", "1")], "");
        event.headers.push("a", Some("2".into()), Scope::Event);
        event.headers.push("traceparent", Some("x".into()), Scope::Record);
        event.headers.push(&b"\xff"[..], Some(b"\xfe"[..].into()), Scope::Both);
        let decoded = decode(&encoded(&event).into()).expect("a datum");
        assert_eq!(headers(&decoded), [("a", "2"), ("\u{fffd}", "\u{fffd}")]);
    }

    #[test]
    fn every_shorter_prefix_is_refused() {
        let whole = Bytes::from(encoded(&event(&[("name", "value"), ("other", "")], "the body")));
        for length in 0..whole.len() {
            assert!(matches!(decode(&whole.slice(..length)), Err(Error::Truncated { .. })), "{length} bytes");
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let refused = |bytes: &'static [u8]| decode(&Bytes::from_static(bytes)).expect_err("no datum");
        assert_eq!(refused(&[0x00, 0x01]), Error::NegativeLength { offset: 1 });
        let mut huge = vec![0x00];
        write_number(i64::MAX, &mut huge);
        assert!(matches!(decode(&huge.into()), Err(Error::Truncated { wanted: 0x7fff_ffff_ffff_ffff, left: 0, .. })));
        assert!(matches!(refused(&[0xff; 10]), Error::LongNumber { offset: 0 }));
        // i64::MIN entries: the loop ends with the bytes.
        assert!(matches!(refused(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00]), Error::Truncated { .. }));
    }

    /// A fixed stream of pseudo-random numbers (Knuth's MMIX constants): the same events every time.
    fn random() -> impl FnMut(u64) -> u64 {
        let mut seed: u64 = 1;
        move |below| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        }
    }

    #[test]
    fn mutated_data_is_read_or_refused_without_a_panic() {
        let mut random = random();
        let whole = encoded(&event(&[("name", "value"), ("other", "")], "the body"));
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len() as u64) as usize;
                bytes[at] = random(256) as u8;
            }
            match decode(&bytes.into()) {
                Ok(decoded) => assert!(decoded.body.len() <= whole.len()),
                Err(_) => refused += 1,
            }
        }
        assert!((1..20_000).contains(&refused), "{refused}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut random = random();
        for _ in 0..500 {
            let mut wanted: Vec<(String, String)> = (0..random(6)).map(|n| (format!("h{n}"), "é".repeat(random(200) as usize))).collect();
            wanted.sort();
            let body = Bytes::from((0..random(70_000)).map(|n| n as u8).collect::<Vec<u8>>());
            let mut event = Event::new(body.clone());
            for (name, value) in &wanted {
                event.set_header(name.clone(), value.clone(), Scope::Event);
            }
            let decoded = decode(&encoded(&event).into()).expect("a datum");
            let read: Vec<(String, String)> =
                headers(&decoded).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(read, wanted);
            assert_eq!(decoded.body, body);
        }
    }

    #[test]
    fn numbers_of_every_width_survive() {
        for number in (0..63).map(|bit| 1i64 << bit).flat_map(|n| [n - 1, n, -n]).chain([i64::MAX, i64::MIN]) {
            let mut out = Vec::new();
            write_number(number, &mut out);
            let bytes = Bytes::from(out);
            assert_eq!(Reader { bytes: &bytes, at: 0 }.number(), Ok(number));
        }
    }
}
