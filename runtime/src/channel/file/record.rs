//! A record: events that become durable together, with their numbers and checksums.
//!
//! ```text
//! magic u32 | CRC32C of the rest of the header u32 | payload length u32 | CRC32C of the payload u32
//! | number of the first event u64 | events u32 | 0 u32 | synced up to u64 | payload, padded to 8 bytes
//! ```
//! All numbers are little-endian. The header's checksum also covers the segment's salt and the record's place in it, so that no bytes of an
//! event, and no record that was copied about, can pass for a record.

use bytes::Bytes;

use super::codec::Encoder;
use crate::batch::Batch;

/// Bytes of a header.
pub(super) const HEADER: usize = 40;
/// Records begin at multiples of it.
pub(super) const ALIGNMENT: usize = 8;

const MAGIC: [u8; 4] = *b"WREC";
/// A record is closed once it has so many bytes: a bad block costs no more events than that, and no reader needs more memory.
const ENOUGH: usize = 256 << 10;

/// Events as bytes, before it is known where they will be.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) payload: Vec<u8>,
    pub(super) crc: u32,
    pub(super) count: u32,
}

impl Encoded {
    /// A batch as records; `None` where an event is too large for any.
    pub(super) fn batch(batch: &Batch) -> Option<Vec<Encoded>> {
        let mut records = Vec::with_capacity(1);
        let capacity = ENOUGH.min(batch.size() + 64 * batch.len() + 16);
        let (mut encoder, mut count) = (Encoder::new(capacity), 0);
        for event in &batch.events {
            if encoder.len() >= ENOUGH {
                let full = std::mem::replace(&mut encoder, Encoder::new(capacity));
                records.push(Encoded::new(full, std::mem::take(&mut count)));
            }
            encoder.push(event);
            count += 1;
        }
        records.push(Encoded::new(encoder, count));
        records.iter().all(|record| u32::try_from(record.payload.len()).is_ok()).then_some(records)
    }

    fn new(encoder: Encoder, count: u32) -> Encoded {
        let payload = encoder.finish();
        Encoded { crc: crc32c::crc32c(&payload), payload, count }
    }

    /// Bytes it takes in a segment.
    pub(super) fn size(&self) -> u64 {
        size(self.payload.len())
    }
}

/// Bytes that a record with so long a payload takes.
fn size(payload: usize) -> u64 {
    (HEADER + payload.next_multiple_of(ALIGNMENT)) as u64
}

/// Where a record is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Of the segment.
    pub(super) salt: u64,
    /// Bytes before it in the segment.
    pub(super) offset: u64,
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) payload: u32,
    pub(super) crc: u32,
    /// Number of its first event.
    pub(super) first: u64,
    /// How many events it has.
    pub(super) count: u32,
    /// The segment was synced up to here before this record was written.
    pub(super) synced: u64,
}

impl Header {
    /// Number of the event after its last.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(self.count.into())
    }

    /// Bytes of the whole record.
    pub(super) fn size(&self) -> u64 {
        size(self.payload as usize)
    }

    /// Reads a header; `None` where there is none, or a damaged one.
    pub(super) fn parse(bytes: &[u8], place: Place) -> Option<Header> {
        let bytes: &[u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        if bytes[..4] != MAGIC || number(&bytes[4..8]) as u32 != checksum(bytes, place) {
            return None;
        }
        Some(Header {
            payload: number(&bytes[8..12]) as u32,
            crc: number(&bytes[12..16]) as u32,
            first: number(&bytes[16..24]),
            count: number(&bytes[24..28]) as u32,
            synced: number(&bytes[32..40]),
        })
    }

    /// Whether the payload is whole.
    pub(super) fn fits(&self, payload: &Bytes) -> bool {
        payload.len() == self.payload as usize && crc32c::crc32c(payload) == self.crc
    }
}

/// Appends a record to what is to be written.
pub(super) fn append(out: &mut Vec<u8>, encoded: &Encoded, first: u64, synced: u64, place: Place) {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(encoded.payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&encoded.crc.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&encoded.count.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&synced.to_le_bytes());
    if let Ok(header) = <&[u8; HEADER]>::try_from(&out[start..]) {
        let crc = checksum(header, place);
        out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    }
    out.extend_from_slice(&encoded.payload);
    out.resize(start + encoded.size() as usize, 0);
}

fn checksum(header: &[u8; HEADER], place: Place) -> u32 {
    let crc = crc32c::crc32c(&place.salt.to_le_bytes());
    let crc = crc32c::crc32c_append(crc, &place.offset.to_le_bytes());
    crc32c::crc32c_append(crc, &header[8..])
}

/// A little-endian number of up to eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    fn record(place: Place) -> (Vec<u8>, Encoded) {
        let encoded = Encoded::batch(&Batch::from(vec![Event::new("a"), Event::new("b")])).expect("small").remove(0);
        let mut bytes = Vec::new();
        append(&mut bytes, &encoded, 7, 0, place);
        (bytes, encoded)
    }

    #[test]
    fn any_flipped_bit_of_a_header_or_payload_is_found() {
        let place = Place { salt: 1, offset: 8192 };
        let (whole, encoded) = record(place);
        let header = Header::parse(&whole, place).expect("whole");
        assert_eq!((header.first, header.end(), header.size()), (7, 9, whole.len() as u64));
        let payload = HEADER..HEADER + encoded.payload.len();
        for bit in 0..payload.end * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let sound = Header::parse(&bytes, place).is_some_and(|header| header.fits(&Bytes::copy_from_slice(&bytes[payload.clone()])));
            assert!(!sound, "bit {bit}");
        }
    }

    #[test]
    fn a_record_that_was_copied_elsewhere_is_none() {
        let place = Place { salt: 1, offset: 8192 };
        let (bytes, _) = record(place);
        assert_eq!(Header::parse(&bytes, Place { offset: 8200, ..place }), None);
        assert_eq!(Header::parse(&bytes, Place { salt: 2, ..place }), None);
    }

    #[test]
    fn a_large_batch_becomes_several_records() {
        let events: Vec<Event> = (0..300).map(|_| Event::new(vec![b'x'; 2000])).collect();
        let records = Encoded::batch(&Batch::from(events)).expect("small events");
        assert!(records.len() > 1);
        assert_eq!(records.iter().map(|record| record.count).sum::<u32>(), 300);
        assert!(records.iter().all(|record| record.payload.len() < ENOUGH + 4000));
    }
}
