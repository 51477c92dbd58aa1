//! An event as one line of text.

use std::fmt::Write;

use weir_interceptor::Event;

/// Values longer than this are given by their length.
const SHOWN: usize = 64;

/// `key=K;timestamp=T;body=B;headers=N=V,N=V`.
pub fn line(event: &Event) -> String {
    let timestamp = event.timestamp().map_or("null".to_owned(), |at| at.to_string());
    let headers: Vec<String> = event.headers().map(|(name, value)| format!("{}={}", hex(name), shown(value))).collect();
    format!("key={};timestamp={timestamp};body={};headers={}", shown(event.key()), shown(event.body()), headers.join(","))
}

fn shown(value: Option<&[u8]>) -> String {
    match value {
        None => "null".to_owned(),
        Some(value) if value.len() > SHOWN => format!("len:{}", value.len()),
        Some(value) => hex(value),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
