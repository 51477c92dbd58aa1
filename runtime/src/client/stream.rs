//! Server-sent events: an answer that is one JSON document after another, until either side has enough.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::exchange::MOST;
use super::{Answer, Error};

/// Events of one answer. Dropping it ends the connection, and with it what the agent does for it.
#[derive(Debug)]
pub struct Stream<T> {
    body: Incoming,
    events: Events,
    address: String,
    silence: Duration,
    item: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Stream<T> {
    pub(super) fn new(body: Incoming, address: String, silence: Duration) -> Stream<T> {
        Stream { body, events: Events::default(), address, silence, item: PhantomData }
    }

    /// The next one; `None` when the agent ended the answer in order.
    ///
    /// # Errors
    /// The connection broke, nothing came for too long (the agent says something now and then, if only that it lives), or what came is not the API's.
    pub async fn next(&mut self) -> Result<Option<Answer<T>>, Error> {
        loop {
            if let Some(event) = self.events.take() {
                let json = String::from_utf8(event).map_err(|_| self.foreign("not UTF-8"))?;
                let value = serde_json::from_str(&json).map_err(|error| self.foreign(&error.to_string()))?;
                return Ok(Some(Answer { value, json }));
            }
            let frame = timeout(self.silence, self.body.frame()).await;
            let frame = frame.map_err(|_| Error::Silent { address: self.address.clone(), silence: self.silence })?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|source| Error::BrokenOff { address: self.address.clone(), source })?;
            if let Some(data) = frame.data_ref() {
                self.events.push(data).map_err(|TooLong| Error::TooLarge { address: self.address.clone(), limit: MOST })?;
            }
        }
    }

    fn foreign(&self, found: &str) -> Error {
        Error::Foreign { address: self.address.clone(), found: format!("an event of another form, {found}") }
    }
}

/// The events of a stream of bytes that comes in pieces. Only their data is of interest here.
#[derive(Debug, Default)]
struct Events {
    /// The line that is not whole yet.
    line: Vec<u8>,
    /// Data of the event that is not whole yet.
    data: Option<Vec<u8>>,
    whole: VecDeque<Vec<u8>>,
}

/// An event that is larger than any the API sends.
#[derive(Debug, PartialEq)]
struct TooLong;

impl Events {
    fn push(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            self.end_line(line.strip_suffix(b"\r").unwrap_or(&line));
        }
        self.line.extend_from_slice(bytes);
        let waiting = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        if waiting > MOST { Err(TooLong) } else { Ok(()) }
    }

    fn end_line(&mut self, line: &[u8]) {
        if line.is_empty() {
            self.whole.extend(self.data.take());
            return;
        }
        // Comments, which say that the agent lives, and the other fields.
        let Some(text) = line.strip_prefix(b"data:") else { return };
        let text = text.strip_prefix(b" ").unwrap_or(text);
        match &mut self.data {
            None => self.data = Some(text.to_owned()),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(text);
            }
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        self.whole.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(events: &mut Events) -> Vec<String> {
        std::iter::from_fn(|| events.take()).map(|event| String::from_utf8(event).unwrap()).collect()
    }

    #[test]
    fn events_are_whole_however_the_bytes_come() {
        let text = ": alive\n\nevent: x\ndata: {\"a\":\ndata: 1}\nid: 7\n\ndata:two\r\n\r\n\ndata: \u{e9}\n\ndata: not whole";
        let expected = ["{\"a\":\n1}", "two", "\u{e9}"];
        for size in 1..text.len() {
            let mut events = Events::default();
            for piece in text.as_bytes().chunks(size) {
                events.push(piece).unwrap();
            }
            assert_eq!(all(&mut events), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_given_up() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1 << 20];
        let pushed = (0..100).map_while(|_| events.push(&piece).ok()).count();
        assert_eq!(pushed, MOST >> 20);
    }
}
