//! A schema, compiled, and what it says of a body.

use std::error::Error;

use boon::{CompileError, Compiler, ErrorKind, SchemaIndex, Schemas, UrlLoader, ValidationError};
use serde_json::Value;

/// What the schema is called inside; nobody sees it.
const URL: &str = "weir:///schema";

/// A schema, ready.
pub struct Check {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Check {
    pub fn new(schema: &str, formats: bool) -> Result<Check, String> {
        let schema: Value = serde_json::from_str(schema).map_err(|error| format!("`schema` is not JSON: {error}"))?;
        let mut compiler = Compiler::new();
        compiler.use_loader(Box::new(Nothing));
        if formats {
            compiler.enable_format_assertions();
        }
        compiler.add_resource(URL, schema).map_err(|error| refusal(&error))?;
        let mut schemas = Schemas::new();
        let index = compiler.compile(URL, &mut schemas).map_err(|error| refusal(&error))?;
        Ok(Check { schemas, index })
    }

    /// The error is a sentence for the dead letter.
    pub fn body(&self, body: Option<&[u8]>) -> Result<(), String> {
        let value: Value = serde_json::from_slice(body.ok_or("no body")?).map_err(|error| format!("not JSON: {error}"))?;
        self.schemas.validate(&value, self.index).map_err(|error| complaint(&error))
    }
}

/// There is nothing to fetch other schemas from.
struct Nothing;

impl UrlLoader for Nothing {
    fn load(&self, url: &str) -> Result<Value, Box<dyn Error>> {
        Err(format!("{url} cannot be fetched").into())
    }
}

/// Why a schema cannot be taken.
fn refusal(error: &CompileError) -> String {
    match error {
        CompileError::LoadUrlError { url, .. } => {
            format!("`schema` refers to {url}, and a plugin can fetch nothing: put it under `$defs`")
        }
        CompileError::ValidationError { src, .. } => format!("`schema` is no JSON Schema: at {}", complaint(src)),
        other => format!("`schema` is no JSON Schema: {}", other.to_string().replace(URL, "")),
    }
}

/// The place in the body, what is wrong there, and the keyword that says so.
fn complaint(error: &ValidationError) -> String {
    let error = innermost(error);
    let place = match error.instance_location.to_string() {
        root if root.is_empty() => "the body".to_owned(),
        place => format!("`{place}`"),
    };
    format!("{place}: {} (`{}`)", error.kind, keyword(error))
}

/// Down through what only holds other errors together. Of alternatives none is to blame: they are named as such.
fn innermost<'e, 's, 'v>(error: &'e ValidationError<'s, 'v>) -> &'e ValidationError<'s, 'v> {
    let mut error = error;
    while let ErrorKind::Schema { .. } | ErrorKind::Group | ErrorKind::Reference { .. } | ErrorKind::AllOf = error.kind
        && let Some(cause) = error.causes.first()
    {
        error = cause;
    }
    error
}

fn keyword<'s>(error: &ValidationError<'s, '_>) -> &'s str {
    match error.kind.keyword_path() {
        // The library's own name for it.
        Some(path) if path.keyword == "additionalProperty" => "additionalProperties",
        Some(path) => path.keyword,
        // A schema that is `false`: the keyword it is the value of.
        None => error.schema_url.rsplit('/').next().unwrap_or_default(),
    }
}
