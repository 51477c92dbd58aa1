//! Avro's binary encoding: writing a cell, and checking bytes that somebody else has written.

use super::Schema;
use super::fit::Cell;
use super::shape::{Shape, Unit};
use crate::flume_event::{write_bytes, write_number};

/// Deepest nesting of a datum: a schema that holds itself lets the data say how deep.
const DEEPEST: usize = 128;

/// Bytes that are no datum of the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: {reason}")]
pub struct NotDatum {
    /// Where.
    pub offset: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// Appends the cell.
pub fn write(cell: &Cell<'_>, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => {}
        Cell::Boolean(value) => out.push((*value).into()),
        Cell::Int(value) => write_number((*value).into(), out),
        Cell::Long(value) => write_number(*value, out),
        Cell::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
        Cell::Double(value) => out.extend_from_slice(&value.to_le_bytes()),
        Cell::Bytes(bytes) => write_bytes(bytes, out),
        Cell::Fixed(bytes) => out.extend_from_slice(bytes),
        Cell::Text(text) => write_bytes(text.as_bytes(), out),
        Cell::Symbol(number, _) => write_number(*number as i64, out),
        Cell::Decimal(digits, _, fixed) => write_decimal(*digits, *fixed, out),
        Cell::List(cells) => {
            if !cells.is_empty() {
                write_number(cells.len() as i64, out);
                cells.iter().for_each(|cell| write(cell, out));
            }
            write_number(0, out);
        }
        Cell::Map(cells) => {
            if !cells.is_empty() {
                write_number(cells.len() as i64, out);
                for (key, cell) in cells {
                    write_bytes(key.as_bytes(), out);
                    write(cell, out);
                }
            }
            write_number(0, out);
        }
        Cell::Record(_, cells) => cells.iter().for_each(|cell| write(cell, out)),
        Cell::Union(number, cell) => {
            write_number(*number as i64, out);
            write(cell, out);
        }
    }
}

/// Two's complement, the highest byte first: as few bytes as hold the number, or as many as are fixed.
fn write_decimal(digits: i128, fixed: Option<usize>, out: &mut Vec<u8>) {
    let bytes = digits.to_be_bytes();
    let sign = if digits < 0 { 0xff } else { 0 };
    match fixed {
        Some(size) => {
            out.extend(std::iter::repeat_n(sign, size.saturating_sub(bytes.len())));
            out.extend_from_slice(&bytes[bytes.len().saturating_sub(size)..]);
        }
        None => {
            // A leading byte of the sign alone says nothing, unless the next one would change the sign.
            let spare = bytes.windows(2).take_while(|pair| pair[0] == sign && (pair[1] ^ sign) & 0x80 == 0).count();
            write_bytes(&bytes[spare..], out);
        }
    }
}

/// Whether the bytes are one datum of the schema and nothing more. Nothing is allocated, whatever they claim.
///
/// # Errors
/// When they are not.
pub fn check(schema: &Schema, bytes: &[u8]) -> Result<(), NotDatum> {
    let mut reader = Reader { schema, bytes, at: 0 };
    reader.skip(schema.root(), 0)?;
    if reader.at < bytes.len() { Err(reader.wrong("bytes follow the datum")) } else { Ok(()) }
}

struct Reader<'a> {
    schema: &'a Schema,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn skip(&mut self, shape: &'a Shape, depth: usize) -> Result<(), NotDatum> {
        if depth > DEEPEST {
            return Err(self.wrong("nested too deep"));
        }
        match shape {
            Shape::Null => {}
            Shape::Boolean => {
                if self.take(1)?[0] > 1 {
                    return Err(self.wrong("a boolean is 0 or 1"));
                }
            }
            Shape::Int | Shape::Date | Shape::Time(Unit::Milli) => {
                i32::try_from(self.number()?).map_err(|_| self.wrong("an int has 32 bits"))?;
            }
            Shape::Long | Shape::Time(_) | Shape::Timestamp(_) | Shape::LocalTimestamp(_) => {
                self.number()?;
            }
            Shape::Float => {
                self.take(4)?;
            }
            Shape::Double => {
                self.take(8)?;
            }
            Shape::Bytes | Shape::Decimal { fixed: None, .. } => {
                self.sized()?;
            }
            Shape::Text => self.text()?,
            Shape::Fixed(size) | Shape::Decimal { fixed: Some(size), .. } => {
                self.take(*size)?;
            }
            Shape::Uuid => {
                self.take(16)?;
            }
            Shape::Enum(symbols) => {
                let number = self.number()?;
                if usize::try_from(number).map_or(true, |number| number >= symbols.len()) {
                    return Err(self.wrong("no symbol has this number"));
                }
            }
            Shape::Array(item) => self.blocks(|reader| reader.skip(item, depth + 1))?,
            Shape::Map(item) => self.blocks(|reader| {
                reader.text()?;
                reader.skip(item, depth + 1)
            })?,
            Shape::Union(branches) => {
                let number = self.number()?;
                let branch = usize::try_from(number).ok().and_then(|number| branches.get(number));
                let branch = branch.ok_or_else(|| self.wrong("no branch of the union has this number"))?;
                self.skip(branch, depth + 1)?;
            }
            Shape::Record(number) => {
                for field in &self.schema.record(*number).fields {
                    self.skip(&field.shape, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    /// Blocks of items; a negative count is followed by the block's size in bytes.
    fn blocks(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), NotDatum>) -> Result<(), NotDatum> {
        loop {
            let count = self.number()?;
            if count == 0 {
                return Ok(());
            }
            let size = if count < 0 { Some(self.number()?) } else { None };
            let start = self.at;
            for _ in 0..count.unsigned_abs() {
                let before = self.at;
                item(self)?;
                if self.at == before {
                    // Items of no bytes, such as nulls: any number of them is there.
                    break;
                }
            }
            // Whoever skips the block goes by its size.
            if size.is_some_and(|size| size != (self.at - start) as i64) {
                return Err(self.wrong("a block has another size than it says"));
            }
        }
    }

    fn text(&mut self) -> Result<(), NotDatum> {
        let bytes = self.sized()?;
        if std::str::from_utf8(bytes).is_err() {
            return Err(self.wrong("a string is not UTF-8"));
        }
        Ok(())
    }

    fn sized(&mut self) -> Result<&'a [u8], NotDatum> {
        let length = self.number()?;
        let length = usize::try_from(length).map_err(|_| self.wrong("a length is negative"))?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], NotDatum> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(|| self.wrong("the bytes end here"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<i64, NotDatum> {
        let mut zigzag: u64 = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            }
        }
        Err(self.wrong("a number has more than 64 bits"))
    }

    fn wrong(&self, reason: &'static str) -> NotDatum {
        NotDatum { offset: self.at, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fit::{UnknownFields, fit};
    use super::*;

    fn decimal(digits: i128, fixed: Option<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        write_decimal(digits, fixed, &mut out);
        out
    }

    #[test]
    fn a_decimal_has_as_few_bytes_as_hold_it() {
        assert_eq!(decimal(0, None), [2, 0]);
        assert_eq!(decimal(127, None), [2, 127]);
        assert_eq!(decimal(128, None), [4, 0, 128]);
        assert_eq!(decimal(-128, None), [2, 0x80]);
        assert_eq!(decimal(-129, None), [4, 0xff, 0x7f]);
        assert_eq!(decimal(-2, Some(3)), [0xff, 0xff, 0xfe]);
        assert_eq!(decimal(1, Some(18)).len(), 18);
    }

    #[test]
    fn bytes_that_are_no_datum_are_told_with_their_place() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "string"]}, {"name": "b", "type": {"type": "array", "items": "null"}}]}"#,
        )
        .unwrap();
        // Branch 1, "hi", two nulls.
        assert_eq!(check(&schema, &[2, 4, b'h', b'i', 4, 0]), Ok(()));
        // A block that says its size: two nulls, 0 bytes; and one that lies.
        assert_eq!(check(&schema, &[0, 3, 0, 0]), Ok(()));
        assert_eq!(check(&schema, &[0, 3, 2, 0]).map_err(|error| error.offset), Err(3));
        // As many nulls as a number can count take no time.
        let many = [0, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
        assert_eq!(check(&schema, &many), Ok(()));
        let wrong: [(&[u8], usize); 6] = [(&[], 0), (&[4], 1), (&[2, 4, b'h'], 2), (&[2, 1], 2), (&[2, 2, 0xff, 0], 3), (&[0, 0, 0], 2)];
        for (bytes, offset) in wrong {
            assert_eq!(check(&schema, bytes).map_err(|error| error.offset), Err(offset), "{bytes:?}");
        }
    }

    #[test]
    fn a_schema_that_holds_itself_cannot_be_nested_for_ever() {
        let schema = Schema::parse(r#"{"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]}"#).unwrap();
        assert_eq!(check(&schema, &[2, 2, 2, 0]), Ok(()));
        assert_eq!(check(&schema, &[2; 100_000]).map_err(|error| error.reason), Err("nested too deep"));
    }

    #[test]
    fn what_is_written_is_a_datum() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "R", "fields": [
                {"name": "m", "type": {"type": "map", "values": ["null", "double", "string"]}},
                {"name": "d", "type": {"type": "fixed", "name": "D", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 1}}]}"#,
        )
        .unwrap();
        let json = serde_json::json!({"m": {"x": null, "y": 1.5, "z": "é"}, "d": "-12.5"});
        let mut bytes = Vec::new();
        write(&fit(&schema, schema.root(), &json, UnknownFields::Refuse).unwrap(), &mut bytes);
        assert_eq!(check(&schema, &bytes), Ok(()));
    }
}
