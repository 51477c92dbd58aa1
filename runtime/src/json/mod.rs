//! Fields of JSON bodies by RFC 6901 pointer. A body is read once, to where its outermost fields are, by [`scan`]; every pointer of every
//! interceptor finds them there for as long as the body is what it was. No tree is built, no value is made before it is asked for. Where neighbours have
//! the same names in the same order, which is what [`shape`] is about, a field's place is known for all of them.
//!
//! The reader is our own, since those there are do less or more: `sonic-rs` goes down into a nested body by recursion without a bound, takes `\uZZZZ`
//! for an escape, and is three times as slow unless it is compiled for the one CPU it runs on; `simd-json` does not keep how a number was written.

mod pointer;
mod scan;
mod shape;
mod special;
#[cfg(test)]
mod tests;
mod value;

use std::ops::Range;

pub(crate) use pointer::Pointer;
use scan::{Outermost, Place, scan};
use shape::{Ordinals, Shape, Shapes};
pub(crate) use value::Value;
use value::{names, unescaped};

use crate::event::Event;

/// Events from which on it pays to learn what their bodies have in common.
const ALIKE: usize = 16;
/// Fields of a document that room is made for ahead.
const FIELDS: usize = 64;
/// Names that are remembered.
const ASKED: usize = 16;

/// Where the fields of a batch's bodies are. A field is 24 bytes here and at least five in the body, so what a hostile body can make of it is
/// bounded by the body.
#[derive(Debug, Default)]
pub(crate) struct Documents(Option<Box<Bodies>>);

/// What is there once somebody asked.
#[derive(Debug)]
struct Bodies {
    /// One an event.
    documents: Vec<Document>,
    /// How many of them are unread.
    unread: usize,
    /// Of all documents.
    fields: Vec<Field>,
    shapes: Shapes,
    /// Where the names last asked for are.
    asked: Vec<(String, Ordinals)>,
}

#[derive(Debug, Clone, Default)]
enum Document {
    #[default]
    Unread,
    /// Not JSON, or no body.
    Malformed,
    /// An object with these fields, of this shape unless it has none.
    Object(Range<usize>, Option<Shape>),
    /// JSON, but no object.
    Other,
}

#[derive(Debug)]
struct Field {
    name: Place,
    value: Place,
}

impl Documents {
    /// Reads the bodies of a range of a batch's events where that has not been done.
    pub(crate) fn read(&mut self, events: &[Event], range: Range<usize>) {
        let bodies = match &mut self.0 {
            Some(bodies) if bodies.documents.len() == events.len() => bodies,
            other => other.insert(Box::new(Bodies::unread(events.len()))),
        };
        if bodies.unread > 0 {
            bodies.read(events, range);
        }
    }

    /// The value the pointer names in the body of each of a range's events, which were read.
    pub(crate) fn values<'a>(
        &'a mut self,
        events: &'a [Event],
        range: Range<usize>,
        pointer: &'a Pointer,
    ) -> impl Iterator<Item = Option<Value<'a>>> {
        let tokens = pointer.tokens();
        let outermost = tokens.split_first();
        let place = self.0.as_deref_mut().zip(outermost).and_then(|(bodies, (first, _))| bodies.ask(&first.name));
        let bodies = self.0.as_deref();
        let ordinals = bodies.zip(place).and_then(|(bodies, place)| bodies.asked.get(place)).map(|(_, ordinals)| ordinals);
        range.map(move |index| {
            let bodies = bodies?;
            let (document, body) = (bodies.documents.get(index)?, events.get(index)?.body());
            let (start, rest) = match (document, outermost) {
                (Document::Unread | Document::Malformed, _) => return None,
                (Document::Object(fields, shape), Some((first, rest))) => {
                    let fields = bodies.fields.get(fields.clone())?;
                    let field = match shape {
                        Some(shape) => fields.get(ordinals?.of(*shape)?)?,
                        // Of fields of one name the last counts, as for most parsers.
                        None => fields.iter().rev().find(|field| names(body, field.name, &first.name) == Some(true))?,
                    };
                    (Value::new(body, field.value), rest)
                }
                _ => (Value::whole(body)?, tokens),
            };
            rest.iter().try_fold(start, Value::child)
        })
    }

    /// Whether no body was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What is still known when other events follow: `origins` says of each of them which of these events' bodies it has.
    pub(crate) fn carried(self, origins: impl Iterator<Item = Option<usize>>) -> Documents {
        Documents(self.0.map(|mut bodies| {
            let carried =
                origins.map(|origin| origin.and_then(|index| bodies.documents.get_mut(index)).map(std::mem::take).unwrap_or_default());
            let documents: Vec<Document> = carried.collect();
            bodies.unread = documents.iter().filter(|document| matches!(document, Document::Unread)).count();
            bodies.documents = documents;
            bodies
        }))
    }
}

impl Bodies {
    fn unread(events: usize) -> Bodies {
        let shapes = if events < ALIKE { Shapes::default() } else { Shapes::new() };
        Bodies { documents: vec![Document::Unread; events], unread: events, fields: Vec::new(), shapes, asked: Vec::new() }
    }

    /// Where in `asked` a name is, for all shapes there are; nowhere when it is too long to be in any.
    fn ask(&mut self, name: &str) -> Option<usize> {
        if name.len() > shape::NAME {
            return None;
        }
        let known = self.asked.iter().position(|(asked, _)| asked == name);
        let place = known.unwrap_or_else(|| {
            if self.asked.len() >= ASKED {
                self.asked.clear();
            }
            self.asked.push((name.to_owned(), Ordinals::default()));
            self.asked.len() - 1
        });
        self.shapes.learn(name, &mut self.asked[place].1);
        Some(place)
    }

    fn read(&mut self, events: &[Event], range: Range<usize>) {
        let mut open = Vec::new();
        for index in range {
            if matches!(self.documents[index], Document::Unread) {
                let is_first = self.fields.is_empty();
                self.documents[index] = self.document(events[index].body(), &mut open);
                self.unread -= 1;
                if is_first {
                    // As many for the others as it has.
                    self.fields.reserve(self.fields.len().min(FIELDS) * self.unread);
                }
            }
        }
    }

    fn document(&mut self, body: &[u8], open: &mut Vec<u8>) -> Document {
        if simdutf8::basic::from_utf8(body).is_err() {
            return Document::Malformed;
        }
        let (begin, fields) = (self.fields.len(), &mut self.fields);
        let outermost = scan(body, &mut self.shapes, open, |name, value| {
            let Some(name) = name else { return Some(()) };
            if name.has_escapes() {
                unescaped(body, name)?;
            }
            fields.push(Field { name, value });
            Some(())
        });
        match outermost {
            Some(Outermost::Object(shape)) => Document::Object(begin..self.fields.len(), shape),
            Some(_) => Document::Other,
            None => {
                self.fields.truncate(begin);
                Document::Malformed
            }
        }
    }
}
