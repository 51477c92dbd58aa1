//! Answers about events that are not there, and in other ways that do not fit the batch: past the SDK, which would not let it.

#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;

use weir_interceptor::bindings;
use weir_interceptor::bindings::exports::weir::interceptor::interceptor::{Batch, Description, Guest, Parameter};
use weir_interceptor::bindings::weir::interceptor::events::{Derived, Edit, Edits, HeaderEdit, Span};

thread_local! {
    static KIND: RefCell<String> = const { RefCell::new(String::new()) };
}

struct Miscounts;

impl Guest for Miscounts {
    fn describe() -> Description {
        let kind = Parameter { name: "kind".into(), description: "in which way".into(), required: true, default: None };
        Description { name: "miscounts".into(), version: env!("CARGO_PKG_VERSION").into(), parameters: vec![kind] }
    }

    fn configure(settings: Vec<(String, String)>) -> Result<(), String> {
        let kind = settings.into_iter().find(|(name, _)| name == "kind").map(|(_, kind)| kind).ok_or("no kind")?;
        KIND.with(|known| *known.borrow_mut() = kind);
        Ok(())
    }

    /// What the host says of the edits is not listened to.
    fn intercept(events: &Batch) -> Result<(), String> {
        let bodies = events.bodies();
        if !bodies.bytes.windows(6).any(|window| window == b"poison") {
            return Ok(());
        }
        KIND.with(|kind| answer(events, &kind.borrow()))
    }
}

fn answer(events: &Batch, kind: &str) -> Result<(), String> {
    let len = events.len();
    let mut edits = nothing();
    let at = Span { offset: 0, len: 1 };
    match kind {
        "past-the-end" => edits.discards = vec![len],
        "descending" => edits.discards = vec![0, 0],
        "both" => (edits.discards, edits.rejects) = (vec![0], vec![Edit { event: 0, at }]),
        "span" => edits.set_bodies = vec![Edit { event: 0, at: Span { offset: u32::MAX, len: u32::MAX } }],
        "header-name" => edits.set_headers = vec![HeaderEdit { event: 0, name: Span { offset: 1, len: 1 }, value: at }],
        "twice" => {
            let _ = events.apply(&edits);
        }
        "multiplies" => edits.derived = (0..len * 1000 + 1000).map(|_| Derived { event: 0, body: at, headers: Vec::new() }).collect(),
        "complains" => return Err("I will not judge this".into()),
        other => return Err(format!("unknown kind {other}")),
    }
    let _ = events.apply(&edits);
    Ok(())
}

fn nothing() -> Edits {
    Edits {
        discards: Vec::new(),
        rejects: Vec::new(),
        set_headers: Vec::new(),
        remove_headers: Vec::new(),
        set_keys: Vec::new(),
        clear_keys: Vec::new(),
        set_bodies: Vec::new(),
        clear_bodies: Vec::new(),
        derived: Vec::new(),
        bytes: vec![b'x', 0xff],
    }
}

bindings::export_component!(Miscounts with_types_in bindings);
