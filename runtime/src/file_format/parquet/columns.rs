//! An Avro schema as Arrow's, from which the Parquet schema follows.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::super::schema::{Error, Schema, Shape, Unit};

/// The columns of a schema's records.
pub(super) fn columns(schema: &Schema) -> Result<arrow_schema::Schema, Error> {
    let Shape::Record(number) = schema.root() else {
        return Err(Error::Unsupported("the schema of a parquet file must be a record".to_owned()));
    };
    Ok(arrow_schema::Schema::new(Mapping { schema, within: Vec::new() }.fields(*number)?))
}

struct Mapping<'a> {
    schema: &'a Schema,
    /// Records around this place: one that holds itself has no end of columns.
    within: Vec<usize>,
}

impl Mapping<'_> {
    fn fields(&mut self, number: usize) -> Result<Fields, Error> {
        let schema = self.schema;
        let record = schema.record(number);
        if self.within.contains(&number) {
            return Err(Error::Unsupported(format!("record `{}` holds itself, which no parquet file can", record.name)));
        }
        if record.fields.is_empty() {
            return Err(Error::Unsupported(format!("record `{}` has no fields, which no parquet file can", record.name)));
        }
        self.within.push(number);
        let fields: Result<Fields, Error> = record.fields.iter().map(|field| self.field(&field.name, &field.shape)).collect();
        self.within.pop();
        fields
    }

    fn field(&mut self, name: &str, shape: &Shape) -> Result<Field, Error> {
        let (shape, nullable) = match shape {
            Shape::Union(branches) => match &branches[..] {
                [Shape::Null, shape] | [shape, Shape::Null] => (shape, true),
                [shape] => (shape, false),
                _ => {
                    let text = format!("field `{name}` is a union of several types, which no parquet column can be");
                    return Err(Error::Unsupported(text));
                }
            },
            shape => (shape, *shape == Shape::Null),
        };
        Ok(Field::new(name, self.kind(name, shape)?, nullable))
    }

    fn kind(&mut self, name: &str, shape: &Shape) -> Result<DataType, Error> {
        let unsupported = |what: &str| Error::Unsupported(format!("field `{name}`: {what}"));
        Ok(match shape {
            Shape::Null => DataType::Null,
            Shape::Boolean => DataType::Boolean,
            Shape::Int => DataType::Int32,
            Shape::Long => DataType::Int64,
            Shape::Float => DataType::Float32,
            Shape::Double => DataType::Float64,
            Shape::Bytes => DataType::Binary,
            Shape::Text | Shape::Enum(_) => DataType::Utf8,
            Shape::Fixed(0) => return Err(unsupported("a fixed of no bytes cannot be a parquet column")),
            Shape::Fixed(size) => {
                DataType::FixedSizeBinary(i32::try_from(*size).map_err(|_| unsupported("so long a fixed cannot be a parquet column"))?)
            }
            Shape::Uuid => DataType::FixedSizeBinary(16),
            Shape::Array(item) => DataType::List(Arc::new(self.field("element", item)?)),
            Shape::Map(item) => {
                let entry = Fields::from(vec![Field::new("key", DataType::Utf8, false), self.field("value", item)?]);
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry), false)), false)
            }
            // `field` has taken one branch out of it: what is left is a union in a union, which Avro forbids.
            Shape::Union(_) => return Err(unsupported("a union in a union")),
            Shape::Record(number) => DataType::Struct(self.fields(*number)?),
            Shape::Date => DataType::Date32,
            Shape::Time(Unit::Milli) => DataType::Time32(TimeUnit::Millisecond),
            Shape::Time(unit) => DataType::Time64(time_unit(*unit)),
            Shape::Timestamp(unit) => DataType::Timestamp(time_unit(*unit), Some("+00:00".into())),
            Shape::LocalTimestamp(unit) => DataType::Timestamp(time_unit(*unit), None),
            Shape::Decimal { precision, scale, .. } => {
                // A schema's decimals have at most 38 digits.
                let digits = u8::try_from(*precision).map_err(|_| unsupported("so many digits cannot be a parquet column"))?;
                let scale = i8::try_from(*scale).map_err(|_| unsupported("so many digits cannot be a parquet column"))?;
                DataType::Decimal128(digits, scale)
            }
        })
    }
}

fn time_unit(unit: Unit) -> TimeUnit {
    match unit {
        Unit::Milli => TimeUnit::Millisecond,
        Unit::Micro => TimeUnit::Microsecond,
        Unit::Nano => TimeUnit::Nanosecond,
    }
}
