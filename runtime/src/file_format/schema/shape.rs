//! Shapes: a schema with its names resolved, and no more of it than writing needs.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::Schema as Avro;
use apache_avro::schema::{InnerDecimalSchema, Name, NamespaceRef, UuidSchema};
use serde_json::Value as Json;

use super::Error;

/// Most digits of a decimal: what 128 bits hold.
const MOST_DIGITS: usize = 38;

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `int`
    Int,
    /// `long`
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    Text,
    /// `fixed` of so many bytes.
    Fixed(usize),
    /// `enum` of these symbols.
    Enum(Arc<[String]>),
    /// `array` of these.
    Array(Arc<Shape>),
    /// `map` from strings to these.
    Map(Arc<Shape>),
    /// One of these.
    Union(Arc<[Shape]>),
    /// The record of this number in the schema; a record may hold itself.
    Record(usize),
    /// `date`: days, an `int`.
    Date,
    /// `time-millis`, an `int`, or `time-micros`, a `long`.
    Time(Unit),
    /// `timestamp-…`: since the epoch, a `long`.
    Timestamp(Unit),
    /// `local-timestamp-…`: the same without a time zone.
    LocalTimestamp(Unit),
    /// `decimal`.
    Decimal {
        /// Digits.
        precision: usize,
        /// Digits behind the point.
        scale: usize,
        /// Bytes, where it is a `fixed`.
        fixed: Option<usize>,
    },
    /// `uuid` as a `fixed` of 16 bytes; one of text is [`Shape::Text`].
    Uuid,
}

/// What a time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milli,
    /// Microseconds.
    Micro,
    /// Nanoseconds.
    Nano,
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its name with its namespace.
    pub name: String,
    /// Its fields in order.
    pub fields: Vec<Field>,
}

/// A record's field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub shape: Shape,
    /// What it holds where a body says nothing.
    pub default: Option<Json>,
}

/// The shape of a schema, and the records it is made of.
pub(super) fn shapes(schema: &Avro) -> Result<(Shape, Vec<Record>), Error> {
    let mut builder = Builder::default();
    let root = builder.shape(schema, None)?;
    Ok((root, builder.records))
}

#[derive(Default)]
struct Builder {
    records: Vec<Record>,
    named: HashMap<String, Shape>,
}

impl Builder {
    fn shape(&mut self, schema: &Avro, namespace: NamespaceRef<'_>) -> Result<Shape, Error> {
        Ok(match schema {
            Avro::Null => Shape::Null,
            Avro::Boolean => Shape::Boolean,
            Avro::Int => Shape::Int,
            Avro::Long => Shape::Long,
            Avro::Float => Shape::Float,
            Avro::Double => Shape::Double,
            Avro::Bytes | Avro::BigDecimal => Shape::Bytes,
            Avro::String => Shape::Text,
            Avro::Array(array) => Shape::Array(Arc::new(self.shape(&array.items, namespace)?)),
            Avro::Map(map) => Shape::Map(Arc::new(self.shape(&map.types, namespace)?)),
            Avro::Union(union) => {
                let branches: Result<Vec<Shape>, Error> = union.variants().iter().map(|branch| self.shape(branch, namespace)).collect();
                Shape::Union(branches?.into())
            }
            Avro::Record(record) => {
                let number = self.records.len();
                let name = record.name.fully_qualified_name(namespace).into_owned();
                // Before the fields, which may be records of the same kind.
                self.records.push(Record { name: name.to_string(), fields: Vec::new() });
                self.named.insert(name.to_string(), Shape::Record(number));
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    let shape = self.shape(&field.schema, name.namespace())?;
                    fields.push(Field { name: field.name.clone(), shape, default: field.default.clone() });
                }
                self.records[number].fields = fields;
                Shape::Record(number)
            }
            Avro::Enum(symbols) => self.name(&symbols.name, namespace, Shape::Enum(symbols.symbols.clone().into())),
            Avro::Fixed(fixed) | Avro::Duration(fixed) => self.name(&fixed.name, namespace, Shape::Fixed(fixed.size)),
            Avro::Decimal(decimal) => {
                let (precision, scale) = (decimal.precision, decimal.scale);
                if precision > MOST_DIGITS {
                    return Err(Error::Unsupported(format!("a decimal of {precision} digits: at most {MOST_DIGITS} can be written")));
                }
                match &decimal.inner {
                    InnerDecimalSchema::Bytes => Shape::Decimal { precision, scale, fixed: None },
                    InnerDecimalSchema::Fixed(fixed) => {
                        self.name(&fixed.name, namespace, Shape::Decimal { precision, scale, fixed: Some(fixed.size) })
                    }
                }
            }
            Avro::Uuid(UuidSchema::String) => Shape::Text,
            Avro::Uuid(UuidSchema::Bytes) => Shape::Bytes,
            Avro::Uuid(UuidSchema::Fixed(fixed)) => self.name(&fixed.name, namespace, Shape::Uuid),
            Avro::Date => Shape::Date,
            Avro::TimeMillis => Shape::Time(Unit::Milli),
            Avro::TimeMicros => Shape::Time(Unit::Micro),
            Avro::TimestampMillis => Shape::Timestamp(Unit::Milli),
            Avro::TimestampMicros => Shape::Timestamp(Unit::Micro),
            Avro::TimestampNanos => Shape::Timestamp(Unit::Nano),
            Avro::LocalTimestampMillis => Shape::LocalTimestamp(Unit::Milli),
            Avro::LocalTimestampMicros => Shape::LocalTimestamp(Unit::Micro),
            Avro::LocalTimestampNanos => Shape::LocalTimestamp(Unit::Nano),
            Avro::Ref { name } => {
                let name = name.fully_qualified_name(namespace).to_string();
                self.named.get(&name).cloned().ok_or_else(|| Error::Unsupported(format!("`{name}` is named and nowhere described")))?
            }
        })
    }

    fn name(&mut self, name: &Name, namespace: NamespaceRef<'_>, shape: Shape) -> Shape {
        self.named.insert(name.fully_qualified_name(namespace).to_string(), shape.clone());
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schema;
    use super::*;

    #[test]
    fn names_are_resolved_in_their_namespace() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "Node", "namespace": "a.b", "fields": [
                {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["X", "Y"]}},
                {"name": "again", "type": "Kind"},
                {"name": "next", "type": ["null", "a.b.Node"], "default": null}]}"#,
        )
        .unwrap();
        assert_eq!(schema.root(), &Shape::Record(0));
        let record = schema.record(0);
        assert_eq!(record.name, "a.b.Node");
        assert_eq!(record.fields[0].shape, record.fields[1].shape);
        assert_eq!(record.fields[2].shape, Shape::Union([Shape::Null, Shape::Record(0)].into()));
    }
}
