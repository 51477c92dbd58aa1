//! Events as bytes: everything an event carries, compactly. What an event has in common with the one before it (topic, implied headers) is not
//! written again; what is read shares the memory it was read into.
//!
//! Layout, with LEB128 numbers (`n`), zigzag for signed ones (`z`), and `bytes` as a number and that many bytes:
//! ```text
//! version u8, then by event:
//!   flags u8 | n headers { scope and null u8 | bytes name | bytes value } | bytes key | bytes body | z timestamp
//!   | bytes topic, z partition, z offset | topic header: u8 is there and by name only, bytes | n attempt, u8 source and parked, bytes source
//! ```
//! Each part but the flags and the headers is there only where a flag says so.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::{Event, Header, Implied, Origin, Replay, Scope};

/// Written before the events of each record.
const VERSION: u8 = 1;

const KEY: u8 = 1;
const BODY: u8 = 2;
const TIMESTAMP: u8 = 4;
const ORIGIN: u8 = 8;
const IMPLIED: u8 = 16;
const REPLAY: u8 = 32;
const SAME_TOPIC: u8 = 64;
const SAME_IMPLIED: u8 = 128;

const NULL_VALUE: u8 = 4;
const TOPIC_HEADER: u8 = 1;
const BY_NAME_ONLY: u8 = 2;
const HAS_SOURCE: u8 = 1;
const PARKED: u8 = 2;

/// Bytes that are no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bytes that are no events")]
pub(super) struct Malformed;

/// Writes events one after the other.
pub(super) struct Encoder {
    bytes: Vec<u8>,
    topic: Option<Arc<str>>,
    implied: Option<Arc<Implied>>,
}

impl Encoder {
    pub(super) fn new(capacity: usize) -> Encoder {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.push(VERSION);
        Encoder { bytes, topic: None, implied: None }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn push(&mut self, event: &Event) {
        // All of it, so that nothing is forgotten.
        let Event { headers, key, body, timestamp, origin, implied, replay } = event;
        let same_topic = origin.as_ref().is_some_and(|origin| self.topic.as_ref() == Some(&origin.topic));
        let same_implied = match (implied, &self.implied) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            _ => false,
        };
        let flags = [
            (KEY, key.is_some()),
            (BODY, body.is_some()),
            (TIMESTAMP, timestamp.is_some()),
            (ORIGIN, origin.is_some()),
            (IMPLIED, implied.is_some()),
            (REPLAY, replay.is_some()),
            (SAME_TOPIC, same_topic),
            (SAME_IMPLIED, same_implied),
        ];
        self.bytes.push(flags.into_iter().filter(|(_, set)| *set).fold(0, |flags, (flag, _)| flags | flag));
        self.number(headers.len() as u64);
        headers.iter().for_each(|header| self.header(header));
        key.iter().for_each(|key| self.bytes(key));
        body.iter().for_each(|body| self.bytes(body));
        timestamp.iter().for_each(|timestamp| self.signed(*timestamp));
        if let Some(origin) = origin {
            self.origin(origin, same_topic);
        }
        if let Some(implied) = implied.as_ref().filter(|_| !same_implied) {
            self.implied(implied);
        }
        if let Some(replay) = replay {
            self.number(replay.attempt.into());
            let source = if replay.source.is_some() { HAS_SOURCE } else { 0 };
            self.bytes.push(source | if replay.is_parked() { PARKED } else { 0 });
            replay.source.iter().for_each(|source| self.bytes(source.as_bytes()));
        }
    }

    fn implied(&mut self, implied: &Arc<Implied>) {
        let Implied { topic_header, by_name_only } = &**implied;
        let there = if topic_header.is_some() { TOPIC_HEADER } else { 0 };
        self.bytes.push(there | if *by_name_only { BY_NAME_ONLY } else { 0 });
        topic_header.iter().for_each(|header| self.bytes(header.as_bytes()));
        self.implied = Some(implied.clone());
    }

    fn header(&mut self, header: Header<'_>) {
        let scope = match header.scope {
            Scope::Record => 0,
            Scope::Event => 1,
            Scope::Both => 2,
        };
        self.bytes.push(scope | if header.value.is_none() { NULL_VALUE } else { 0 });
        self.bytes(header.name);
        header.value.iter().for_each(|value| self.bytes(value));
    }

    fn origin(&mut self, origin: &Origin, same_topic: bool) {
        if !same_topic {
            self.bytes(origin.topic.as_bytes());
            self.topic = Some(origin.topic.clone());
        }
        self.signed(origin.partition.into());
        self.signed(origin.offset);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn signed(&mut self, value: i64) {
        self.number((value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned());
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Reads so many events; all of the bytes must be theirs.
pub(super) fn decode(bytes: Bytes, count: usize) -> Result<Vec<Event>, Malformed> {
    let mut decoder = Decoder { bytes, at: 0, topic: None, implied: None };
    if decoder.byte()? != VERSION {
        return Err(Malformed);
    }
    // An event is two bytes at least, whatever the count says.
    let mut events = Vec::with_capacity(count.min(decoder.bytes.len() / 2));
    for _ in 0..count {
        events.push(decoder.event()?);
    }
    if decoder.at == decoder.bytes.len() { Ok(events) } else { Err(Malformed) }
}

struct Decoder {
    bytes: Bytes,
    at: usize,
    topic: Option<Arc<str>>,
    implied: Option<Arc<Implied>>,
}

impl Decoder {
    fn event(&mut self) -> Result<Event, Malformed> {
        let flags = self.byte()?;
        let has = |flag: u8| flags & flag != 0;
        let mut event = Event::default();
        for _ in 0..self.number()? {
            let tag = self.byte()?;
            let scope = match tag & !NULL_VALUE {
                0 => Scope::Record,
                1 => Scope::Event,
                2 => Scope::Both,
                _ => return Err(Malformed),
            };
            let name = self.slice()?;
            let value = if tag & NULL_VALUE == 0 { Some(self.slice()?) } else { None };
            event.headers.push(name, value, scope);
        }
        event.key = has(KEY).then(|| self.slice()).transpose()?;
        event.body = has(BODY).then(|| self.slice()).transpose()?;
        event.timestamp = has(TIMESTAMP).then(|| self.signed()).transpose()?;
        event.origin = has(ORIGIN).then(|| self.origin(has(SAME_TOPIC))).transpose()?;
        event.implied = has(IMPLIED).then(|| self.implied(has(SAME_IMPLIED))).transpose()?;
        event.replay = has(REPLAY).then(|| self.replay()).transpose()?.map(Arc::new);
        Ok(event)
    }

    fn origin(&mut self, same_topic: bool) -> Result<Origin, Malformed> {
        if !same_topic {
            self.topic = Some(self.text()?.into());
        }
        let topic = self.topic.clone().ok_or(Malformed)?;
        let partition = i32::try_from(self.signed()?).map_err(|_| Malformed)?;
        Ok(Origin { topic, partition, offset: self.signed()? })
    }

    fn implied(&mut self, same: bool) -> Result<Arc<Implied>, Malformed> {
        if !same {
            let flags = self.byte()?;
            let topic_header = (flags & TOPIC_HEADER != 0).then(|| self.text()).transpose()?;
            self.implied = Some(Arc::new(Implied { topic_header, by_name_only: flags & BY_NAME_ONLY != 0 }));
        }
        self.implied.clone().ok_or(Malformed)
    }

    fn replay(&mut self) -> Result<Replay, Malformed> {
        let attempt = u32::try_from(self.number()?).map_err(|_| Malformed)?;
        let flags = self.byte()?;
        let source = (flags & HAS_SOURCE != 0).then(|| self.text()).transpose()?;
        let replay = Replay::new(attempt, source);
        if flags & PARKED != 0 {
            replay.park();
        }
        Ok(replay)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.slice()?.into()).map_err(|_| Malformed)
    }

    fn slice(&mut self) -> Result<Bytes, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or(Malformed)?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(slice)
    }

    fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Headers;

    /// All that an event carries, to be compared.
    fn seen(event: &Event) -> String {
        let replay = event.replay.as_ref().map(|replay| (replay.attempt, &replay.source, replay.is_parked()));
        let implied = &event.implied;
        format!("{:?} {:?} {:?} {:?} {:?} {implied:?} {replay:?}", event.headers, event.key, event.body, event.timestamp, event.origin)
    }

    fn some_bytes() -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn headers() -> impl Strategy<Value = Headers> {
        let scope = prop_oneof![Just(Scope::Record), Just(Scope::Event), Just(Scope::Both)];
        prop::collection::vec((some_bytes(), prop::option::of(some_bytes()), scope), 0..4).prop_map(|all| {
            let mut headers = Headers::default();
            all.into_iter().for_each(|(name, value, scope)| headers.push(name, value, scope));
            headers
        })
    }

    fn event() -> impl Strategy<Value = Event> {
        let origin = ("[a-c]", any::<i32>(), any::<i64>());
        let origin = origin.prop_map(|(topic, partition, offset)| Origin { topic: topic.into(), partition, offset });
        let implied = (prop::option::of("[ab]"), any::<bool>());
        let implied = implied.prop_map(|(topic_header, by_name_only)| Arc::new(Implied { topic_header, by_name_only }));
        let replay = (any::<u32>(), prop::option::of("[a-z]{0,5}"), any::<bool>()).prop_map(|(attempt, source, parked)| {
            let replay = Replay::new(attempt, source);
            if parked {
                replay.park();
            }
            Arc::new(replay)
        });
        let parts = (
            headers(),
            prop::option::of(some_bytes()),
            prop::option::of(some_bytes()),
            prop::option::of(any::<i64>()),
            prop::option::of(origin),
            prop::option::of(implied),
            prop::option::of(replay),
        );
        parts.prop_map(|(headers, key, body, timestamp, origin, implied, replay)| Event {
            headers,
            key,
            body,
            timestamp,
            origin,
            implied,
            replay,
        })
    }

    fn encoded(events: &[Event]) -> Bytes {
        let mut encoder = Encoder::new(0);
        events.iter().for_each(|event| encoder.push(event));
        encoder.finish().into()
    }

    proptest! {
        #[test]
        fn events_come_back_as_they_went(events in prop::collection::vec(event(), 0..6)) {
            let back = decode(encoded(&events), events.len()).expect("our own bytes");
            prop_assert_eq!(back.iter().map(seen).collect::<Vec<_>>(), events.iter().map(seen).collect::<Vec<_>>());
        }

        #[test]
        fn bytes_that_are_no_events_are_refused_and_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0usize..50) {
            bytes.insert(0, VERSION);
            let _ = decode(bytes.into(), count);
        }

        #[test]
        fn bytes_that_are_cut_off_are_refused(events in prop::collection::vec(event(), 1..4), cut in any::<prop::sample::Index>()) {
            let whole = encoded(&events);
            prop_assert_eq!(decode(whole.slice(..cut.index(whole.len())), events.len()).err(), Some(Malformed));
        }
    }

    #[test]
    fn a_record_of_another_version_is_refused() {
        let mut bytes = Vec::from(encoded(&[Event::new("a")]));
        bytes[0] = 2;
        assert_eq!(decode(bytes.into(), 1).err(), Some(Malformed));
    }
}
