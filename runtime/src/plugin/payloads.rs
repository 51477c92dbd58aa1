//! The parts of a file as they lie there: nothing of it is validated.

use wasmparser::{Parser, Payload, Result};

/// Those of the outermost module or component, in order, up to the first that cannot be read: what was built in has its own.
pub(super) fn outermost(wasm: &[u8]) -> impl Iterator<Item = Result<Payload<'_>>> {
    let mut depth = 0;
    Parser::new(0).parse_all(wasm).filter(move |payload| {
        match payload {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            _ => {}
        }
        depth == 1 || payload.is_err()
    })
}
