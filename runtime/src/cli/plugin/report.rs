//! A plugin's file, for people and as JSON.

use std::fmt::Write as _;

use crate::cli::show::amount;
use crate::plugin::{Inspection, Parameter, short_digest};
use crate::printable::one_line;

/// Lines of `name  value`.
pub(super) fn text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A string never fails.
        let _ = writeln!(text, "{name:<11} {}", one_line(value));
    };
    if let Some(description) = &inspection.description {
        line("plugin", &format!("{} {}", description.name, description.version));
    }
    if let Some(stamp) = &inspection.stamp {
        line("project", format!("{} {}", stamp.name, stamp.version).trim());
        line("language", &stamp.language);
        line("toolchain", &stamp.toolchain);
        line("built by", &format!("weir {}", stamp.weir));
        line("source", &format!("sha256 {}", stamp.source));
    }
    line("size", &amount::bytes(inspection.bytes as u64));
    line("sha256", &inspection.digest);
    line("contract", &inspection.contract.as_ref().map_or("none".to_owned(), |version| format!("weir:interceptor@{version}")));
    line("imports", &list(&inspection.imports));
    line("exports", &list(&inspection.exports));
    if let Some(signature) = &inspection.signature {
        line("signature", &format!("{signature} (whose it is, an agent with `signatures` checks)"));
    }
    match inspection.description.as_ref().map(|description| &description.parameters) {
        None => {}
        Some(none) if none.is_empty() => line("parameters", "none"),
        Some(parameters) => {
            for (index, parameter) in parameters.iter().enumerate() {
                line(if index == 0 { "parameters" } else { "" }, &said(parameter));
            }
        }
    }
    match &inspection.refusal {
        Some(reason) => line("an agent", &format!("would refuse it: {reason}")),
        None => line("an agent", &format!("would take it (as {})", short_digest(&inspection.digest))),
    }
    text
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn said(parameter: &Parameter) -> String {
    let value = match (&parameter.default, parameter.required) {
        (Some(default), _) => format!("default {default:?}"),
        (None, true) => "required".to_owned(),
        (None, false) => "optional".to_owned(),
    };
    format!("{} ({value}): {}", parameter.name, parameter.description)
}

/// One object.
pub(super) fn json(file: &str, inspection: &Inspection) -> serde_json::Value {
    let description = inspection.description.as_ref().map(|description| {
        let parameters = description.parameters.iter().map(|parameter| {
            serde_json::json!({
                "name": parameter.name,
                "description": parameter.description,
                "required": parameter.required,
                "default": parameter.default,
            })
        });
        serde_json::json!({
            "name": description.name,
            "version": description.version,
            "parameters": parameters.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "file": file,
        "bytes": inspection.bytes,
        "sha256": inspection.digest,
        "built": inspection.stamp,
        "contract": inspection.contract,
        "imports": inspection.imports,
        "exports": inspection.exports,
        "plugin": description,
        "signature": inspection.signature,
        "refusal": inspection.refusal,
    })
}
