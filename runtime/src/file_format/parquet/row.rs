//! A cell as arrow-json wants it: bytes in hexadecimal, decimals as text, times as numbers of their unit. A cell has been checked already, so
//! nothing here can be refused.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::super::schema::fit::Cell;

pub(super) struct Row<'a>(pub(super) &'a Cell<'a>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Cell::Null => serializer.serialize_unit(),
            Cell::Boolean(value) => serializer.serialize_bool(*value),
            Cell::Int(value) => serializer.serialize_i32(*value),
            Cell::Long(value) => serializer.serialize_i64(*value),
            Cell::Float(value) => serializer.serialize_f32(*value),
            Cell::Double(value) => serializer.serialize_f64(*value),
            Cell::Bytes(bytes) | Cell::Fixed(bytes) => serializer.serialize_str(&hexadecimal(bytes)),
            Cell::Text(text) | Cell::Symbol(_, text) => serializer.serialize_str(text),
            Cell::Decimal(digits, scale, _) => serializer.serialize_str(&decimal(*digits, *scale)),
            Cell::List(cells) => {
                let mut list = serializer.serialize_seq(Some(cells.len()))?;
                for cell in cells {
                    list.serialize_element(&Row(cell))?;
                }
                list.end()
            }
            Cell::Map(cells) => {
                let mut map = serializer.serialize_map(Some(cells.len()))?;
                for (key, cell) in cells {
                    map.serialize_entry(key, &Row(cell))?;
                }
                map.end()
            }
            Cell::Record(record, cells) => {
                let mut map = serializer.serialize_map(Some(cells.len()))?;
                for (field, cell) in record.fields.iter().zip(cells) {
                    map.serialize_entry(&field.name, &Row(cell))?;
                }
                map.end()
            }
            Cell::Union(_, cell) => Row(cell).serialize(serializer),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

fn decimal(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_its_point_where_the_scale_says() {
        let cases = [(0, 2, "0.00"), (-5, 2, "-0.05"), (12345, 2, "123.45"), (-7, 0, "-7")];
        for (digits, scale, text) in cases {
            assert_eq!(decimal(digits, scale), text);
        }
    }
}
