//! Reading the log in order, from any event on. What is damaged is set aside and reported, and what is behind it is read.

use std::ops::Range;

use super::codec;
use super::damage::Damage;
use super::error::{During, Error};
use super::log::Log;
use super::record;
use super::segment::{Found, RECORDS, Records, Segment};
use crate::event::Event;

/// Where reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Number of the event wanted next.
    pub(super) event: u64,
    segment: u64,
    offset: u64,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Events by the number of the first; between them may be gaps.
    pub(super) events: Vec<(u64, Vec<Event>)>,
    /// What could not be read.
    pub(super) damage: Vec<Damage>,
}

impl Log {
    /// A cursor at an event: reading begins with the segment it is in.
    pub(super) fn cursor(&self, event: u64) -> Cursor {
        let segment = self.segments.iter().rev().find(|segment| segment.header.first <= event).or(self.segments.front());
        Cursor { event, segment: segment.map_or(0, |segment| segment.header.id), offset: RECORDS }
    }

    /// A cursor behind all there is.
    pub(super) fn end_cursor(&self) -> Cursor {
        let (segment, offset) = self.segments.back().map_or((0, RECORDS), |last| (last.header.id, last.length));
        Cursor { event: self.next, segment, offset }
    }

    /// Reads on for about so many bytes, or to the end. After an error the cursor is where it was.
    pub(super) fn read(&mut self, cursor: &mut Cursor, most: u64) -> Result<Chunk, Error> {
        let (mut at, mut chunk, mut read) = (*cursor, Chunk::default(), 0);
        while at.event < self.next && read < most && chunk.damage.is_empty() {
            read += self.step(&mut at, &mut chunk)?;
        }
        *cursor = at;
        Ok(chunk)
    }

    /// One record, one damaged part, or the way to the next segment; says how many bytes were read.
    fn step(&mut self, at: &mut Cursor, chunk: &mut Chunk) -> Result<u64, Error> {
        let Some(index) = self.segments.iter().position(|segment| segment.header.id >= at.segment) else {
            // All segments are gone from here on: the events are, too.
            chunk.damage.extend(self.missing(at, self.next));
            return Ok(0);
        };
        let segment = self.segments[index].clone();
        if segment.header.id != at.segment {
            (at.segment, at.offset) = (segment.header.id, RECORDS);
        }
        if at.event < segment.header.first {
            chunk.damage.extend(self.missing(at, segment.header.first));
            return Ok(0);
        }
        let limit = self.segments.get(index + 1).map_or(self.next, |next| next.header.first.min(self.next));
        if at.event >= limit {
            *at = Cursor { event: at.event, segment: segment.header.id + 1, offset: RECORDS };
            return Ok(0);
        }
        let mut records = self.records(&segment)?;
        let found = records.at(at.offset, segment.length).during("read", &segment.path)?;
        let read = match found {
            Found::Record(header, payload) if header.first <= at.event => {
                let size = header.size();
                match codec::decode(payload, header.count as usize) {
                    Ok(events) => {
                        keep(chunk, at, header, events, limit);
                        at.offset += size;
                    }
                    Err(codec::Malformed) => self.pass(&segment, &mut records, at, limit, chunk)?,
                }
                size
            }
            _ => {
                self.pass(&segment, &mut records, at, limit, chunk)?;
                0
            }
        };
        self.reading = Some((segment.header.id, records));
        Ok(read)
    }

    /// Passes by what is damaged: to the next record that is whole, or to the segment's end.
    fn pass(&mut self, segment: &Segment, records: &mut Records, at: &mut Cursor, limit: u64, chunk: &mut Chunk) -> Result<(), Error> {
        let start = at.offset;
        let (mut end, mut event, mut was_durable) = (segment.length, limit, true);
        let mut offset = start;
        while let Some((found, header)) = records.next(offset, segment.length).during("read", &segment.path)? {
            offset = found + record::HEADER as u64;
            let whole = match records.at(found, segment.length).during("read", &segment.path)? {
                Found::Record(header, payload) => codec::decode(payload, header.count as usize).is_ok(),
                _ => false,
            };
            if whole && header.first < limit {
                (end, event, was_durable) = (found, header.first, header.synced > start);
                break;
            }
            if !whole {
                // Its header is sound, so the next record is behind it.
                offset = found + header.size();
            }
        }
        let events = at.event..event.max(at.event);
        (at.offset, at.event) = (end, events.end);
        if !events.is_empty() {
            let copy = self.set_aside(segment, &(start..end))?;
            chunk.damage.push(Damage { segment: segment.path.clone(), bytes: start..end, events, was_durable, copy });
        }
        Ok(())
    }

    /// Events that no segment has.
    fn missing(&self, at: &mut Cursor, next: u64) -> Option<Damage> {
        let events = std::mem::replace(&mut at.event, next)..next;
        let segment = self.layout.data.first().cloned().unwrap_or_default();
        Some(Damage { segment, bytes: 0..0, events, was_durable: true, copy: None })
    }

    fn records(&mut self, segment: &Segment) -> Result<Records, Error> {
        match self.reading.take() {
            Some((id, records)) if id == segment.header.id => Ok(records),
            _ => Records::open(&*self.disk, segment),
        }
    }
}

/// Takes the events of a record that are wanted.
fn keep(chunk: &mut Chunk, at: &mut Cursor, header: record::Header, mut events: Vec<Event>, limit: u64) {
    let wanted: Range<u64> = at.event..header.end().min(limit);
    if wanted.is_empty() {
        return;
    }
    events.truncate((wanted.end - header.first) as usize);
    events.drain(..(wanted.start - header.first) as usize);
    at.event = wanted.end;
    chunk.events.push((wanted.start, events));
}
