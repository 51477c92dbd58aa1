//! What is let into a file can be written and read: no event that was taken may fail the file, nor the events beside it.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{read, spec};
use crate::event::Event;
use crate::file_format::schema::{Schema, datum};

/// Every kind of field.
const KINDS: [&str; 23] = [
    r#""null""#,
    r#""boolean""#,
    r#""int""#,
    r#""long""#,
    r#""float""#,
    r#""double""#,
    r#""bytes""#,
    r#""string""#,
    r#"["null", "long"]"#,
    r#"{"type": "array", "items": ["null", "double"]}"#,
    r#"{"type": "map", "values": "string"}"#,
    r#"{"type": "fixed", "name": "F", "size": 1}"#,
    r#"{"type": "enum", "name": "E", "symbols": ["a", "b"]}"#,
    r#"{"type": "int", "logicalType": "date"}"#,
    r#"{"type": "int", "logicalType": "time-millis"}"#,
    r#"{"type": "long", "logicalType": "time-micros"}"#,
    r#"{"type": "long", "logicalType": "timestamp-millis"}"#,
    r#"{"type": "long", "logicalType": "timestamp-micros"}"#,
    r#"{"type": "long", "logicalType": "timestamp-nanos"}"#,
    r#"{"type": "long", "logicalType": "local-timestamp-millis"}"#,
    r#"{"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 10}"#,
    r#"{"type": "fixed", "name": "D", "size": 3, "logicalType": "decimal", "precision": 6, "scale": 6}"#,
    r#"["null", {"type": "record", "name": "I", "fields": [{"name": "a", "type": ["null", "string"]}]}]"#,
];

fn schema_of(kind: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{{"name": "a", "type": {kind}}}]}}"#)
}

fn any_value() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-200_i64..200).prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        (-9999..9999_i32).prop_map(|thousandths| Json::from(f64::from(thousandths) / 1000.0)),
        "[ab]".prop_map(Json::from),
        "\\PC{0,6}".prop_map(Json::from),
        "-?[0-9]{1,29}(\\.[0-9]{1,11})?".prop_map(Json::from),
        "([-+]00)?[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Json::from),
        "([-+]00)?[0-9]{4}-0[1-9]-[12][0-9]T[01][0-9]:[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,9})?)?(Z|[-+][01][0-9]:[0-5][0-9])?"
            .prop_map(Json::from),
        "[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\\.[0-9]{1,9})?".prop_map(Json::from),
    ];
    let nested = leaf.clone().prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Json::from),
            proptest::collection::btree_map("[ab]", inner, 0..2).prop_map(|object| json!(object)),
        ]
    });
    prop_oneof![6 => leaf, 1 => nested]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fits_is_written(values in vec(any_value(), 1..60)) {
        for kind in KINDS {
            for format in ["parquet", "avro"] {
                let spec = spec(&format!("{{ {format} = {{ schema = '''{}''' }} }}", schema_of(kind)));
                let mut encoder = spec.encoder(&Event::default()).unwrap();
                let (mut out, mut taken) = (Vec::new(), 0);
                for value in &values {
                    taken += usize::from(encoder.append(&Event::new(json!({ "a": value }).to_string()), &mut out).is_ok());
                }
                encoder.finish(&mut out).map_err(|error| TestCaseError::fail(format!("{kind}: {}", crate::error_chain(&error))))?;
                let found = match format {
                    _ if taken == 0 => out.len(),
                    "parquet" => read::parquet_rows(out),
                    _ => read::avro(&out).len(),
                };
                prop_assert_eq!(found, taken, "{} {}", format, kind);
            }
        }
    }

    #[test]
    fn a_datum_that_is_let_through_can_be_read(bytes in vec(any::<u8>(), 0..12), kind in 0..KINDS.len()) {
        let text = schema_of(KINDS[kind]);
        if datum::check(&Schema::parse(&text).unwrap(), &bytes).is_ok() {
            let schema = apache_avro::Schema::parse_str(&text).unwrap();
            let value = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut &bytes[..]);
            prop_assert!(value.is_ok(), "{} {:?} {:?}", text, bytes, value);
        }
    }
}
