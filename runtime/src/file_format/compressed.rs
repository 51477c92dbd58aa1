//! A whole file through a codec, as Flume's `CompressedStream` writes it: each flush ends a member, and the next event begins another.

use super::compress::Compressor;
use super::{Codec, Encoder, Error, Health, Refused};
use crate::event::Event;

/// Bytes gathered for the compressor: a call for each event would cost more than its body.
const CHUNK: usize = 128 << 10;

pub(super) struct Compressed {
    inner: Box<dyn Encoder>,
    compressor: Compressor,
    waiting: Vec<u8>,
    /// Something is in the member that is not ended yet.
    begun: bool,
    health: Health,
}

impl Compressed {
    /// What `inner` gives, through the codec.
    pub(super) fn new(inner: Box<dyn Encoder>, codec: Codec) -> Compressed {
        let (compressor, waiting, health) = (Compressor::new(codec), Vec::new(), Health::default());
        Compressed { inner, compressor, waiting, begun: false, health }
    }

    fn compress(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        self.begun = true;
        self.compressor.write(&self.waiting, out)?;
        self.waiting.clear();
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.compress(out)?;
        if self.begun {
            self.compressor.end(out)?;
            self.begun = false;
        }
        Ok(())
    }
}

impl Encoder for Compressed {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        self.inner.append(event, &mut self.waiting)?;
        if self.waiting.len() >= CHUNK {
            let outcome = self.compress(out);
            self.health.note(outcome);
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.inner.flush(&mut self.waiting)?;
        let outcome = self.end(out);
        self.health.note(outcome);
        self.health.check()
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.inner.finish(&mut self.waiting)?;
        let outcome = self.end(out);
        self.health.note(outcome);
        self.health.check()
    }

    fn readable_after_flush(&self) -> bool {
        self.inner.readable_after_flush()
    }
}
