//! Standard output, which may end before we do: `weir tap ... | head` is no error.

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::failure::Failure;

/// Prints what is ready.
pub(in crate::cli) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::output)
}

/// Prints the API's JSON as it came, on a line of its own.
pub(in crate::cli) fn print_json(json: &str) -> Result<(), Failure> {
    print(&format!("{}\n", json.trim_end()))
}

/// Prints as JSON what several answers came to.
pub(in crate::cli) fn print_sum(sum: &impl Serialize) -> Result<(), Failure> {
    print_json(&serde_json::to_string(sum).map_err(|error| Failure::output(error.into()))?)
}
