//! The three kinds of containers, record by record.

use std::borrow::Cow;

use super::super::schema::{self, Schema, datum, fit};
use super::super::{Encoder, Error, Refused};
use super::container::Container;
use super::{Datum, Json, SCHEMA_LITERAL, SCHEMA_URL};
use crate::event::Event;
use crate::flume_event;

/// The schema of `FlumeEventAvroEventSerializer`.
const EVENT: &str = r#"{"type":"record","name":"Event","fields":[{"name":"headers","type":{"type":"map","values":"string"}},{"name":"body","type":"bytes"}]}"#;

/// Events as they are. Their encoding is that of an `AvroFlumeEvent`, whose record has another name.
pub(in super::super) struct EventFile(Container);

impl EventFile {
    pub(in super::super) fn new(spec: &super::Event) -> EventFile {
        EventFile(Container::new(EVENT, spec.codec, spec.sync_interval))
    }
}

impl Encoder for EventFile {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        self.0.append(|block| flume_event::encode(event, block), out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.flush(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.0.flush(out)
    }
}

/// Bodies that are records already.
pub(in super::super) struct DatumFile {
    container: Container,
    schema: Schema,
    /// What an event must say, as the first one did, to be in this file.
    key: Option<Vec<u8>>,
}

impl DatumFile {
    pub(in super::super) fn new(spec: &Datum, schema: Schema, first: &Event) -> DatumFile {
        let container = Container::new(schema.text(), spec.codec, spec.sync_interval);
        DatumFile { container, schema, key: schema_key(first).map(Cow::into_owned) }
    }
}

/// The schema of a file that begins with this event.
pub(in super::super) fn schema_of(spec: &Datum, first: &Event) -> Result<Schema, Refused> {
    if let Some(url) = first.header_text(SCHEMA_URL) {
        if let Some(schema) = spec.schema.as_ref().filter(|schema| schema.location() == Some(&url)) {
            return Ok(schema.clone());
        }
        let named = Schema::named_by_event(&url, spec.schema_directory.as_deref());
        return named.map_err(|source| Refused::Schema { header: SCHEMA_URL, source });
    }
    if let Some(text) = first.header(SCHEMA_LITERAL) {
        let text = std::str::from_utf8(&text).map_err(|_| schema::Error::Unsupported("the schema is not UTF-8".to_owned()));
        return text.and_then(Schema::parse).map_err(|source| Refused::Schema { header: SCHEMA_LITERAL, source });
    }
    spec.schema.clone().ok_or(Refused::NoSchema)
}

/// What the event says about its schema: the URL where there is one, else the schema itself.
pub(in super::super) fn schema_key(event: &Event) -> Option<Cow<'_, [u8]>> {
    event.header(SCHEMA_URL).or_else(|| event.header(SCHEMA_LITERAL))
}

impl Encoder for DatumFile {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        if schema_key(event).as_deref() != self.key.as_deref() {
            return Err(Refused::OtherSchema);
        }
        datum::check(&self.schema, event.body()).map_err(Refused::NotDatum)?;
        self.container.append(|block| block.extend_from_slice(event.body()), out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.container.flush(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.container.flush(out)
    }
}

/// JSON bodies as records.
pub(in super::super) struct JsonFile {
    container: Container,
    schema: Schema,
    unknown: fit::UnknownFields,
}

impl JsonFile {
    pub(in super::super) fn new(spec: &Json) -> JsonFile {
        let container = Container::new(spec.schema.text(), spec.codec, spec.sync_interval);
        JsonFile { container, schema: spec.schema.clone(), unknown: spec.unknown_fields }
    }
}

impl Encoder for JsonFile {
    fn append(&mut self, event: &Event, out: &mut Vec<u8>) -> Result<(), Refused> {
        let json = serde_json::from_slice(event.body()).map_err(Refused::NotJson)?;
        let cell = fit::fit(&self.schema, self.schema.root(), &json, self.unknown).map_err(Refused::Misfit)?;
        self.container.append(|block| datum::write(&cell, block), out);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.container.flush(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        self.container.flush(out)
    }
}
