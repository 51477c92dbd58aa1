//! Avro schemas: what a file's records look like, and whether a body is one of them.
//!
//! A [`Schema`] is read once, from a file or from its text, and becomes [`Shape`]s: names resolved, so that checking an event looks nothing up.
//! [`fit`] says strictly whether a JSON body is such a record, [`datum`] whether bytes are one, and writes them.

pub mod datum;
pub mod fit;
mod shape;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use datum::NotDatum;
pub use fit::Misfit;
pub use shape::{Field, Record, Shape, Unit};

/// Largest schema, bytes: a schema may come with an event.
pub const LARGEST: u64 = 1 << 20;

/// An Avro schema. Cloning copies nothing.
#[derive(Clone, PartialEq)]
pub struct Schema(Arc<Parsed>);

#[derive(PartialEq)]
struct Parsed {
    /// Where a configuration says it is, when it is a file.
    location: Option<String>,
    /// JSON without blanks.
    text: String,
    root: Shape,
    records: Vec<Record>,
}

/// No schema.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("read schema {path:?}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// More than [`LARGEST`] bytes.
    #[error("the schema has more than 1 MiB")]
    TooLarge,
    /// Text that is no JSON.
    #[error("the schema is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON that is no Avro schema.
    #[error("not an Avro schema")]
    NotAvro(#[source] Box<apache_avro::Error>),
    /// A default value that is none of its field's values.
    #[error("the default of field `{field}` is not one of its values")]
    Default {
        /// Which field.
        field: String,
        /// Why not.
        #[source]
        source: Misfit,
    },
    /// A valid schema that nothing here can write.
    #[error("{0}")]
    Unsupported(String),
    /// A location that is not a local file.
    #[error("a schema is read from a local file only, not from {0:?}")]
    NotLocal(String),
    /// A file outside of the directory that events may name schemas from.
    #[error("the schema is not below the directory that events may take schemas from")]
    Outside,
    /// An event names a schema's file, and no directory is set aside for that.
    #[error("events may not name schema files: no schema directory is configured")]
    NoDirectory,
}

impl Schema {
    /// Reads a schema's text.
    ///
    /// # Errors
    /// When it is none, or too large.
    pub fn parse(text: &str) -> Result<Schema, Error> {
        Schema::parse_from(text, None)
    }

    fn parse_from(text: &str, location: Option<String>) -> Result<Schema, Error> {
        if text.len() as u64 > LARGEST {
            return Err(Error::TooLarge);
        }
        let json: serde_json::Value = serde_json::from_str(text).map_err(Error::NotJson)?;
        let avro = apache_avro::Schema::parse(&json).map_err(|error| Error::NotAvro(Box::new(error)))?;
        let (root, records) = shape::shapes(&avro)?;
        let schema = Schema(Arc::new(Parsed { location, text: json.to_string(), root, records }));
        schema.check_defaults()?;
        Ok(schema)
    }

    fn read(path: &Path, location: Option<String>) -> Result<Schema, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("not a regular file")));
        }
        let mut text = String::new();
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(failed)?;
        Schema::parse_from(&text, location)
    }

    /// A schema as a configuration gives it: its text, which begins with `{`, `[` or `"`, else a path or a `file:` URL, relative to the
    /// working directory.
    ///
    /// # Errors
    /// When there is no schema there.
    pub fn configured(written: &str) -> Result<Schema, Error> {
        if written.trim_start().starts_with(['{', '[', '"']) {
            return Schema::parse(written);
        }
        Schema::read(&local_path(written)?, Some(written.to_owned()))
    }

    /// A schema that an event names. Only files below `directory` are read, after symbolic links: what an event says must not reach any other file.
    ///
    /// # Errors
    /// When it names anything else, or there is no schema there.
    pub fn named_by_event(url: &str, directory: Option<&Path>) -> Result<Schema, Error> {
        let directory = directory.ok_or(Error::NoDirectory)?;
        let directory = directory.canonicalize().map_err(|source| Error::Read { path: directory.to_owned(), source })?;
        let path = directory.join(local_path(url)?);
        // Whether a file outside exists is not told, either.
        let path = path.canonicalize().map_err(|_| Error::Outside)?;
        if !path.starts_with(&directory) {
            return Err(Error::Outside);
        }
        Schema::read(&path, None)
    }

    /// Where the configuration says it is, as written; `None` when it is written there itself.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }

    /// The schema as JSON.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// What a body is.
    #[must_use]
    pub fn root(&self) -> &Shape {
        &self.0.root
    }

    /// The record of this number, which a [`Shape::Record`] holds.
    #[must_use]
    pub fn record(&self, number: usize) -> &Record {
        &self.0.records[number]
    }

    /// A default is fitted whenever its field is missing: this must not fail then.
    fn check_defaults(&self) -> Result<(), Error> {
        for record in &self.0.records {
            for field in &record.fields {
                let Some(default) = &field.default else { continue };
                fit::fit(self, &field.shape, default, fit::UnknownFields::Refuse)
                    .map_err(|source| Error::Default { field: format!("{}.{}", record.name, field.name), source })?;
            }
        }
        Ok(())
    }
}

/// The path of a `file:` URL, or what is written when it is no URL.
fn local_path(written: &str) -> Result<PathBuf, Error> {
    let Some((scheme, rest)) = written.split_once(':') else { return Ok(PathBuf::from(written)) };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(Error::NotLocal(crate::excerpt::excerpt(written)));
    }
    let path = match rest.strip_prefix("//") {
        // An empty host, or this one.
        Some(rest) => rest.strip_prefix("localhost").filter(|path| path.starts_with('/')).unwrap_or(rest),
        None => rest,
    };
    if !path.starts_with('/') {
        return Err(Error::NotLocal(crate::excerpt::excerpt(written)));
    }
    Ok(PathBuf::from(percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()))
}

impl fmt::Debug for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.text)
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Schema, D::Error> {
        let written = String::deserialize(deserializer)?;
        Schema::configured(&written).map_err(|error| de::Error::custom(crate::error_chain(&error)))
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.location().unwrap_or(self.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]}"#;

    #[test]
    fn a_schema_is_a_text_a_path_or_a_file_url() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r 1.avsc");
        std::fs::write(&path, RECORD).unwrap();
        let path = path.to_str().unwrap();
        for written in
            [RECORD.to_owned(), path.to_owned(), format!("file:{path}"), format!("file://{path}"), format!("FILE://localhost{path}")]
        {
            assert_eq!(Schema::configured(&written).unwrap().text(), Schema::parse(RECORD).unwrap().text(), "{written}");
        }
        assert!(Schema::configured(&format!("file://{}", path.replace(' ', "%20"))).is_ok());
    }

    #[test]
    fn only_local_files_are_read() {
        for written in ["hdfs://namenode/r.avsc", "http://example.com/r.avsc", "file://host/r.avsc", "file:r.avsc"] {
            assert!(matches!(Schema::configured(written), Err(Error::NotLocal(_))), "{written}");
        }
        assert!(matches!(Schema::configured("/no/such/file"), Err(Error::Read { .. })));
        assert!(matches!(Schema::configured("/dev/zero"), Err(Error::Read { .. })));
    }

    #[test]
    fn an_event_names_schemas_of_its_directory_only() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret.avsc");
        std::fs::write(&secret, RECORD).unwrap();
        let directory = outside.path().join("schemas");
        std::fs::create_dir(&directory).unwrap();
        std::fs::write(directory.join("r.avsc"), RECORD).unwrap();
        std::os::unix::fs::symlink(&secret, directory.join("link.avsc")).unwrap();
        let named = |url: &str| Schema::named_by_event(url, Some(&directory));
        assert!(named("r.avsc").is_ok());
        assert!(named(&format!("file://{}", directory.join("r.avsc").display())).is_ok());
        for url in ["../secret.avsc", secret.to_str().unwrap(), "link.avsc", "missing.avsc", "../missing.avsc"] {
            assert!(matches!(named(url), Err(Error::Outside)), "{url}");
        }
        assert!(matches!(named("http://example.com/r.avsc"), Err(Error::NotLocal(_))));
        assert!(matches!(Schema::named_by_event("r.avsc", None), Err(Error::NoDirectory)));
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        assert!(matches!(Schema::parse("{"), Err(Error::NotJson(_))));
        assert!(matches!(Schema::parse(r#"{"type": "nothing"}"#), Err(Error::NotAvro(_))));
        assert!(matches!(Schema::parse(&format!("\"{}\"", "x".repeat(1 << 20))), Err(Error::TooLarge)));
        let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 2}"#;
        assert!(matches!(Schema::parse(decimal), Err(Error::Unsupported(_))));
    }
}
