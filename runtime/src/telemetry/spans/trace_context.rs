//! W3C Trace Context in record headers, read to the letter: what is malformed is no context. Nothing here changes an event.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::names::{TRACEPARENT, TRACESTATE};
use crate::event::{Event, Header};

/// Most members of a `tracestate`.
const MEMBERS: usize = 32;

/// The context that an event was sent in, if its headers name one, and only one.
pub(super) fn of(event: &Event) -> Option<SpanContext> {
    let mut parents = event.headers.records().filter(|header| header.name == TRACEPARENT);
    let parent = parents.next()?;
    if parents.next().is_some() {
        return None;
    }
    let (trace, span, flags) = parse(parent.value?)?;
    let states = event.headers.records().filter(|header| header.name == TRACESTATE);
    // A state that cannot be read is nobody's; the parent still counts.
    let state = state(states).unwrap_or_default();
    Some(SpanContext::new(trace, span, flags, true, state))
}

/// `VERSION-TRACE-PARENT-FLAGS` in lower-case hex; a version after 00 may go on behind a dash.
fn parse(header: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let text = std::str::from_utf8(header).ok()?;
    let (known, rest) = text.split_at_checked(55)?;
    let mut parts = known.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace = hex(parts.next()?, 32)?;
    let span = hex(parts.next()?, 16)?;
    let flags = hex(parts.next()?, 2)?;
    let ends = if version == 0 { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    if parts.next().is_some() || !ends || version == 0xff || trace == 0 || span == 0 {
        return None;
    }
    let flags = u8::try_from(flags).ok()? & TraceFlags::SAMPLED.to_u8();
    Some((TraceId::from(trace), SpanId::from(u64::try_from(span).ok()?), TraceFlags::new(flags)))
}

fn hex(digits: &str, length: usize) -> Option<u128> {
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if digits.len() != length || !digits.as_bytes().iter().all(is_hex) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

/// `KEY=VALUE,...`; several headers are one list.
fn state<'a>(headers: impl Iterator<Item = Header<'a>>) -> Option<TraceState> {
    let mut members = Vec::new();
    for header in headers {
        let text = std::str::from_utf8(header.value?).ok()?;
        for member in text.split(',').map(|member| member.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if key.is_empty() || value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return None;
            }
            if members.iter().any(|(other, _)| *other == key) {
                return None;
            }
            members.push((key, value));
        }
    }
    if members.len() > MEMBERS {
        return None;
    }
    TraceState::from_key_value(members).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Scope;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn sent_with(headers: &[(&'static str, &str)]) -> Event {
        let mut event = Event::new("x");
        for (name, value) in headers {
            event.headers.push(*name, Some(value.as_bytes().to_vec().into()), Scope::Record);
        }
        event
    }

    #[test]
    fn a_context_is_read() {
        let context =
            of(&sent_with(&[("traceparent", PARENT), ("tracestate", "a=1, b@v=two ,,"), ("tracestate", "c=3")])).expect("a context");
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(context.trace_state().header(), "a=1,b@v=two,c=3");
        let later =
            of(&sent_with(&[("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02-more")])).expect("a later version");
        assert!(!later.is_sampled());
    }

    #[test]
    fn what_is_malformed_is_no_context() {
        for parent in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1 ",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é",
        ] {
            assert!(of(&sent_with(&[("traceparent", parent)])).is_none(), "{parent:?}");
        }
        assert!(of(&sent_with(&[])).is_none());
        assert!(of(&sent_with(&[("traceparent", PARENT), ("traceparent", PARENT)])).is_none(), "two parents");
        assert!(of(&sent_with(&[("Traceparent", PARENT)])).is_none(), "another header");
        let mut null = Event::new("x");
        null.headers.push("traceparent", None, Scope::Record);
        assert!(of(&null).is_none());
        let mut own = Event::new("x");
        own.headers.push("traceparent", Some(PARENT.into()), Scope::Event);
        assert!(of(&own).is_none(), "no record header");
    }

    #[test]
    fn a_malformed_state_leaves_the_parent() {
        let many = (0..33).map(|number| format!("k{number}=1")).collect::<Vec<_>>().join(",");
        for state in ["a", "=1", "a=", "A=1", "a=1,a=2", "a=é", "a=\u{1}", "a=1=2", &many] {
            let context = of(&sent_with(&[("traceparent", PARENT), ("tracestate", state)])).expect("the parent counts");
            assert_eq!(context.trace_state().header(), "", "{state:?}");
        }
    }
}
