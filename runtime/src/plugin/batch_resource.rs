//! The batch as a guest sees it: columns out, edits in.

use std::ops::Range;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Resource;

use super::bindings::events::{self, Column, Edits, HeaderTable, NumberColumn};
use super::bindings::{counters, logging};
use super::columns;
use super::edits;
use super::instance::State;
use crate::batch::{Batch, Outcome};
use crate::event::Event;
use crate::json::Pointer;

/// Pointers that are kept parsed.
const POINTERS: usize = 16;
/// Bytes of one that is kept.
const POINTER: usize = 256;

/// What a handle to a batch stands for. There is one batch a call, and the guest cannot keep its handle, so it names nothing more.
pub struct BatchResource;

/// The batch of the call that is under way, and what the guest has said about it.
pub(super) struct Call {
    batch: Arc<Batch>,
    range: Range<usize>,
    said: Said,
}

/// What the guest has said.
pub(super) enum Said {
    Nothing,
    Edits(Outcome),
    /// Edits that do not fit; the guest was told, and the batch fails whatever it does next.
    Nonsense(String),
}

impl Call {
    /// A call about a part of a batch.
    pub(super) fn new(batch: Arc<Batch>, range: Range<usize>) -> Call {
        Call { batch, range, said: Said::Nothing }
    }

    pub(super) fn said(self) -> Said {
        self.said
    }

    fn events(&self) -> &[Event] {
        &self.batch.events[self.range.clone()]
    }

    fn apply(&mut self, edits: Edits) -> Result<(), String> {
        let checked = match self.said {
            Said::Nothing => edits::check(edits, self.range.len()),
            _ => Err("apply was called twice for one batch".into()),
        };
        match checked {
            Ok(outcome) => {
                self.said = Said::Edits(outcome);
                Ok(())
            }
            Err(reason) => {
                self.said = Said::Nonsense(reason.clone());
                Err(reason)
            }
        }
    }
}

/// The JSON pointers that an instance names, mostly the same for every batch.
#[derive(Default)]
pub(super) struct Pointers(Vec<(String, Pointer)>);

impl Pointers {
    /// Uses the pointer that a text is.
    fn parsed<T>(&mut self, text: String, used: impl FnOnce(&Pointer) -> T) -> Result<T> {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| *known == text) {
            return Ok(used(known));
        }
        let parsed = Pointer::parse(&text);
        let parsed = parsed.ok_or_else(|| wasmtime::Error::msg(format!("{text:?} is not a JSON pointer (RFC 6901)")))?;
        let result = used(&parsed);
        if text.len() <= POINTER {
            if self.0.len() >= POINTERS {
                self.0.clear();
            }
            self.0.push((text, parsed));
        }
        Ok(result)
    }
}

impl State {
    fn call(&mut self) -> Result<&mut Call> {
        Ok(self.call_and_pointers()?.0)
    }

    fn call_and_pointers(&mut self) -> Result<(&mut Call, &mut Pointers)> {
        let call = self.call.as_mut().ok_or_else(|| wasmtime::Error::msg("a batch was used outside its call"))?;
        Ok((call, &mut self.pointers))
    }
}

impl events::Host for State {}

impl events::HostBatch for State {
    fn len(&mut self, _batch: Resource<BatchResource>) -> Result<u32> {
        Ok(u32::try_from(self.call()?.range.len())?)
    }

    fn timestamps(&mut self, _batch: Resource<BatchResource>) -> Result<Vec<i64>> {
        Ok(self.call()?.events().iter().map(|event| event.timestamp.unwrap_or(-1)).collect())
    }

    fn keys(&mut self, _batch: Resource<BatchResource>) -> Result<Column> {
        Ok(columns::borrowed(self.call()?.events(), |event| event.key.as_deref())?)
    }

    fn bodies(&mut self, _batch: Resource<BatchResource>) -> Result<Column> {
        Ok(columns::borrowed(self.call()?.events(), |event| event.body.as_deref())?)
    }

    fn body_ranges(&mut self, _batch: Resource<BatchResource>, offset: u32, len: u32) -> Result<Column> {
        Ok(columns::body_ranges(self.call()?.events(), offset, len)?)
    }

    fn header(&mut self, _batch: Resource<BatchResource>, name: String) -> Result<Column> {
        Ok(columns::header(self.call()?.events(), &name)?)
    }

    fn headers(&mut self, _batch: Resource<BatchResource>) -> Result<HeaderTable> {
        Ok(columns::headers(self.call()?.events())?)
    }

    fn json_texts(&mut self, _batch: Resource<BatchResource>, text: String) -> Result<Column> {
        let (Call { batch, range, .. }, pointers) = self.call_and_pointers()?;
        Ok(pointers.parsed(text, |pointer| columns::json_texts(batch, range.clone(), pointer))??)
    }

    fn json_numbers(&mut self, _batch: Resource<BatchResource>, text: String) -> Result<NumberColumn> {
        let (Call { batch, range, .. }, pointers) = self.call_and_pointers()?;
        pointers.parsed(text, |pointer| columns::json_numbers(batch, range.clone(), pointer))
    }

    fn apply(&mut self, _batch: Resource<BatchResource>, edits: Edits) -> Result<Result<(), String>> {
        Ok(self.call()?.apply(edits))
    }

    fn drop(&mut self, _batch: Resource<BatchResource>) -> Result<()> {
        Ok(())
    }
}

impl logging::Host for State {
    fn write(&mut self, level: logging::Level, message: String) -> Result<()> {
        self.log.write(level, &message);
        Ok(())
    }
}

impl counters::Host for State {
    fn add(&mut self, name: String, by: u64) -> Result<()> {
        self.counted.add(name, by);
        Ok(())
    }
}
