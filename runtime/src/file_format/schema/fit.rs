//! Whether a JSON body is a record of a schema: strictly, so that nothing of it is lost and nothing invented.
//!
//! | schema | JSON |
//! |---|---|
//! | `int`, `long` | a number without a fraction that is in range |
//! | `float`, `double` | a number |
//! | `string`, `enum`, `uuid` | a string |
//! | `bytes`, `fixed` | a string, its characters U+0000 to U+00FF one byte each, as in Avro's own JSON encoding |
//! | `array`, `map`, `record` | an array, an object; a field that is missing takes its default, else null where it may be |
//! | a union | as its branches; the first one that fits, without Avro's object around it |
//! | `decimal` | a string, or a number of at most 15 digits, with no more digits than the scale has behind the point |
//! | `date`, `time-…`, `timestamp-…` | a number of the schema's unit, or ISO 8601 text; digits finer than the unit are cut off |

mod values;

use std::cell;

use jiff::civil;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use self::values::{bytes, date, decimal, float, int, kind, long, time};
use super::Schema;
use super::shape::{Record, Shape};

/// What a missing field holds if it may.
static NULL: Json = Json::Null;

/// Most branches of unions that may be tried in vain for one body: where records hold unions of records, each level can double the tries.
const MOST_TRIES: u32 = 1_000_000;

/// What becomes of a field that the schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownFields {
    /// The event is refused, and is in the dead letters as it was.
    #[default]
    Refuse,
    /// The field is left out of the file.
    Ignore,
}

/// A value of a schema, read from JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// `null`
    Null,
    /// `boolean`
    Boolean(bool),
    /// `int`, a date, milliseconds of a day
    Int(i32),
    /// `long`, a time
    Long(i64),
    /// `float`
    Float(f32),
    /// `double`
    Double(f64),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `fixed`, a `uuid` of bytes
    Fixed(Vec<u8>),
    /// `string`
    Text(&'a str),
    /// A symbol of an `enum`, with its number.
    Symbol(usize, &'a str),
    /// A `decimal`: its digits as a number, how many of them are behind the point, its bytes where that is fixed.
    Decimal(i128, usize, Option<usize>),
    /// `array`
    List(Vec<Cell<'a>>),
    /// `map`
    Map(Vec<(&'a str, Cell<'a>)>),
    /// A record, its fields in the schema's order.
    Record(&'a Record, Vec<Cell<'a>>),
    /// A branch of a union, by number.
    Union(usize, Box<Cell<'a>>),
}

/// Why a value does not fit. It says where and what, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {reason}")]
pub struct Misfit {
    /// Way from the body to the value: `orders[3].id`; `.` is the body itself.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}

impl Misfit {
    fn new(reason: impl Into<String>) -> Misfit {
        Misfit { path: ".".to_owned(), reason: reason.into() }
    }

    fn expected(what: &str, found: &Json) -> Misfit {
        Misfit::new(format!("{what} is expected, not {}", kind(found)))
    }

    fn below(mut self, step: &str) -> Misfit {
        self.path = match self.path.as_str() {
            "." => step.to_owned(),
            path if path.starts_with('[') => format!("{step}{path}"),
            path => format!("{step}.{path}"),
        };
        self
    }
}

/// The value of this shape that the JSON is.
///
/// # Errors
/// When it is none.
pub fn fit<'a>(schema: &'a Schema, shape: &'a Shape, value: &'a Json, unknown: UnknownFields) -> Result<Cell<'a>, Misfit> {
    Fitting { schema, unknown, tries: cell::Cell::new(0) }.fit(shape, value)
}

struct Fitting<'a> {
    schema: &'a Schema,
    unknown: UnknownFields,
    /// Branches of unions tried in vain so far.
    tries: cell::Cell<u32>,
}

impl<'a> Fitting<'a> {
    fn fit(&self, shape: &'a Shape, value: &'a Json) -> Result<Cell<'a>, Misfit> {
        match (shape, value) {
            (Shape::Null, Json::Null) => Ok(Cell::Null),
            (Shape::Null, _) => Err(Misfit::expected("null", value)),
            (Shape::Boolean, Json::Bool(value)) => Ok(Cell::Boolean(*value)),
            (Shape::Boolean, _) => Err(Misfit::expected("true or false", value)),
            (Shape::Int, _) => int(value).map(Cell::Int),
            (Shape::Long, _) => long(value).map(Cell::Long),
            (Shape::Float, Json::Number(number)) => float(number).map(Cell::Float),
            (Shape::Double, Json::Number(number)) => number.as_f64().map(Cell::Double).ok_or_else(|| Misfit::expected("a number", value)),
            (Shape::Float | Shape::Double, _) => Err(Misfit::expected("a number", value)),
            (Shape::Text, Json::String(text)) => Ok(Cell::Text(text)),
            (Shape::Text, _) => Err(Misfit::expected("a string", value)),
            (Shape::Bytes, _) => bytes(value).map(Cell::Bytes),
            (Shape::Fixed(size), _) => {
                let bytes = bytes(value)?;
                if bytes.len() != *size {
                    return Err(Misfit::new(format!("{size} bytes are expected, not {}", bytes.len())));
                }
                Ok(Cell::Fixed(bytes))
            }
            (Shape::Uuid, Json::String(text)) => {
                let uuid = uuid::Uuid::try_parse(text).map_err(|_| Misfit::expected("a UUID", value))?;
                Ok(Cell::Fixed(uuid.into_bytes().to_vec()))
            }
            (Shape::Uuid, _) => Err(Misfit::expected("a UUID", value)),
            (Shape::Enum(symbols), Json::String(text)) => {
                let number = symbols.iter().position(|symbol| symbol == text);
                number.map(|number| Cell::Symbol(number, text)).ok_or_else(|| Misfit::new("a string that is none of the symbols"))
            }
            (Shape::Enum(_), _) => Err(Misfit::expected("a symbol", value)),
            (Shape::Array(item), Json::Array(values)) => {
                let cells = values.iter().enumerate();
                let cells = cells.map(|(index, value)| self.fit(item, value).map_err(|misfit| misfit.below(&format!("[{index}]"))));
                cells.collect::<Result<_, _>>().map(Cell::List)
            }
            (Shape::Array(_), _) => Err(Misfit::expected("an array", value)),
            (Shape::Map(item), Json::Object(values)) => {
                let cells = values.iter().map(|(key, value)| {
                    self.fit(item, value).map(|cell| (key.as_str(), cell)).map_err(|misfit| misfit.below(&crate::excerpt::excerpt(key)))
                });
                cells.collect::<Result<_, _>>().map(Cell::Map)
            }
            (Shape::Record(number), Json::Object(values)) => self.record(self.schema.record(*number), values),
            (Shape::Map(_) | Shape::Record(_), _) => Err(Misfit::expected("an object", value)),
            (Shape::Union(branches), _) => self.union(branches, value),
            (Shape::Decimal { precision, scale, fixed }, _) => {
                decimal(value, *precision, *scale, *fixed).map(|digits| Cell::Decimal(digits, *scale, *fixed))
            }
            (Shape::Date, Json::String(text)) => date(text).map(Cell::Int),
            (Shape::Date, _) => int(value).map(Cell::Int),
            (Shape::Time(unit), _) => time(*unit, value),
            (Shape::Timestamp(unit), Json::String(text)) => {
                let instant: jiff::Timestamp = text.parse().map_err(|_| Misfit::expected("a time with its offset", value))?;
                unit.count(instant.as_nanosecond()).map(Cell::Long)
            }
            (Shape::LocalTimestamp(unit), Json::String(text)) => {
                let local: civil::DateTime = text.parse().map_err(|_| Misfit::expected("a time", value))?;
                let instant = local.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| Misfit::expected("a time", value))?;
                unit.count(instant.timestamp().as_nanosecond()).map(Cell::Long)
            }
            (Shape::Timestamp(_) | Shape::LocalTimestamp(_), _) => long(value).map(Cell::Long),
        }
    }

    fn record(&self, record: &'a Record, values: &'a Map<String, Json>) -> Result<Cell<'a>, Misfit> {
        let mut cells = Vec::with_capacity(record.fields.len());
        let mut found = 0;
        for field in &record.fields {
            let value = values.get(&field.name);
            found += usize::from(value.is_some());
            let cell = match value.or(field.default.as_ref()) {
                Some(value) => self.fit(&field.shape, value),
                None => self.fit(&field.shape, &NULL).map_err(|_| Misfit::new("the field is missing")),
            };
            cells.push(cell.map_err(|misfit| misfit.below(&field.name))?);
        }
        if found < values.len() && self.unknown == UnknownFields::Refuse {
            let unknown = values.keys().find(|name| record.fields.iter().all(|field| field.name != **name));
            let name = unknown.map(|name| crate::excerpt::excerpt(name)).unwrap_or_default();
            return Err(Misfit::new("the schema has no such field").below(&name));
        }
        Ok(Cell::Record(record, cells))
    }

    fn union(&self, branches: &'a [Shape], value: &'a Json) -> Result<Cell<'a>, Misfit> {
        let mut misfit = None;
        for (number, branch) in branches.iter().enumerate() {
            if self.tries.get() > MOST_TRIES {
                return Err(Misfit::new("too many branches of unions to try"));
            }
            match self.fit(branch, value) {
                Ok(cell) => return Ok(Cell::Union(number, Box::new(cell))),
                Err(error) => {
                    self.tries.set(self.tries.get() + 1);
                    misfit = Some(error).filter(|_| *branch != Shape::Null).or(misfit);
                }
            }
        }
        // With one branch beside null, what that one says is the reason.
        match misfit {
            Some(misfit) if branches.len() <= 2 && !value.is_null() => Err(misfit),
            _ => Err(Misfit::new(format!("{} fits no branch of the union", kind(value)))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema(field: &str) -> Schema {
        Schema::parse(&format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {field}}}]}}"#)).unwrap()
    }

    /// The cell of the one field.
    fn cell(field: &str, value: &Json) -> Result<String, String> {
        let schema = schema(field);
        let fitted = fit(&schema, schema.root(), value, UnknownFields::Refuse);
        match fitted.map_err(|misfit| misfit.to_string())? {
            Cell::Record(_, cells) => Ok(format!("{:?}", cells[0])),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn values_that_fit() {
        let cases = [
            (r#""int""#, json!(-5), "Int(-5)"),
            (r#""long""#, json!(7.0), "Long(7)"),
            (r#""double""#, json!(3), "Double(3.0)"),
            (r#""bytes""#, json!("a\u{ff}"), "Bytes([97, 255])"),
            (r#"["null", "string"]"#, json!("x"), r#"Union(1, Text("x"))"#),
            (r#"["null", "string"]"#, json!(null), "Union(0, Null)"),
            (r#"{"type": "enum", "name": "E", "symbols": ["X", "Y"]}"#, json!("Y"), r#"Symbol(1, "Y")"#),
            (r#"{"type": "int", "logicalType": "date"}"#, json!("1970-01-11"), "Int(10)"),
            (r#"{"type": "int", "logicalType": "date"}"#, json!("1969-12-31"), "Int(-1)"),
            (r#"{"type": "int", "logicalType": "time-millis"}"#, json!("00:00:01.5"), "Int(1500)"),
            (r#"{"type": "long", "logicalType": "timestamp-millis"}"#, json!("1970-01-01T01:00:00.0019+01:00"), "Long(1)"),
            (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, json!(17), "Long(17)"),
            (r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#, json!("1970-01-02T00:00:00"), "Long(86400000)"),
            (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, json!("-123.4"), "Decimal(-12340, 2, None)"),
            (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#, json!(0.25), "Decimal(25, 2, None)"),
        ];
        for (field, value, wanted) in cases {
            assert_eq!(cell(field, &json!({ "a": value })).as_deref(), Ok(wanted), "{field}");
        }
    }

    #[test]
    fn values_that_do_not_fit() {
        let decimal = r#"{"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}"#;
        let cases = [
            (r#""int""#, json!(2_147_483_648_i64)),
            (r#""int""#, json!(1.5)),
            (r#""int""#, json!("1")),
            (r#""long""#, json!(1e300)),
            (r#""long""#, json!(9_223_372_036_854_775_808_u64)),
            (r#""float""#, json!(1e300)),
            (r#""bytes""#, json!("\u{100}")),
            (r#""string""#, json!(null)),
            (r#"["null", "string"]"#, json!(1)),
            (r#"{"type": "fixed", "name": "F", "size": 2}"#, json!("abc")),
            (r#"{"type": "enum", "name": "E", "symbols": ["X"]}"#, json!("Z")),
            (r#"{"type": "int", "logicalType": "time-millis"}"#, json!(1_i64 << 40)),
            (decimal, json!("1.234")),
            (decimal, json!("1234.5")),
            (decimal, json!("1e2")),
            (decimal, json!("")),
            (decimal, json!(true)),
        ];
        for (field, value) in cases {
            assert!(cell(field, &json!({ "a": value })).is_err(), "{field} {value}");
        }
    }

    #[test]
    fn a_misfit_says_where_it_is_and_not_what() {
        let nested = r#"{"type": "array", "items": {"type": "map", "values": "int"}}"#;
        assert_eq!(
            cell(nested, &json!({"a": [{}, {"k": "secret"}]})).unwrap_err(),
            "`a[1].k`: a whole number of 32 bits is expected, not this string"
        );
        assert_eq!(cell(r#""int""#, &json!([])).unwrap_err(), "`.`: an object is expected, not an array");
        assert_eq!(cell(r#""int""#, &json!({})).unwrap_err(), "`a`: the field is missing");
    }

    #[test]
    fn a_field_the_schema_lacks_is_refused_unless_it_may_be_left_out() {
        let body = json!({"a": 1, "b": 2});
        assert_eq!(cell(r#""int""#, &body).unwrap_err(), "`b`: the schema has no such field");
        let schema = schema(r#""int""#);
        assert!(fit(&schema, schema.root(), &body, UnknownFields::Ignore).is_ok());
    }

    #[test]
    fn a_union_in_a_union_of_records_does_not_take_for_ever() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "A", "fields": [{"name": "n", "type": ["null", "A",
                {"type": "record", "name": "B", "fields": [{"name": "n", "type": ["null", "A", "B"]}]}]}]}"#,
        )
        .unwrap();
        let mut body = json!(1);
        for _ in 0..100 {
            body = json!({ "n": body });
        }
        let misfit = fit(&schema, schema.root(), &body, UnknownFields::Refuse).unwrap_err();
        assert!(misfit.reason.contains("union"), "{misfit}");
    }

    #[test]
    fn a_default_that_is_no_value_of_its_field_makes_no_schema() {
        let text = r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]}"#;
        assert!(Schema::parse(text).is_err());
    }
}
