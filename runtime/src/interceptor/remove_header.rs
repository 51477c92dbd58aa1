//! `remove_header`: removes headers by name, by list and by pattern (`org.apache.flume.interceptor.RemoveHeaderInterceptor`).

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::each::judge;
use super::spec::RemoveHeader as Spec;
use super::{Interceptor, Judging};
use crate::batch::{Batch, Change, Verdict};
use crate::event::Event;

/// The interceptor `remove_header`.
#[derive(Debug)]
pub struct RemoveHeader {
    names: HashSet<Vec<u8>>,
    matching: Option<regex::bytes::Regex>,
}

impl RemoveHeader {
    /// As the settings say.
    ///
    /// # Errors
    /// When `matching` cannot be made to span a whole name, because it is too large then.
    pub fn new(spec: &Spec) -> Result<RemoveHeader, regex::Error> {
        let names = spec.name.iter().chain(&spec.list).map(|name| name.clone().into_bytes()).collect();
        // Java's `matches` tries every alternative until one spans the whole name; the line end closes a comment of `(?x)`.
        let whole = |pattern: &regex::Regex| {
            let pattern = pattern.as_str();
            regex::bytes::Regex::new(&format!(r"\A(?:{pattern})\z"))
                .or_else(|_| regex::bytes::Regex::new(&format!("\\A(?:{pattern}\n)\\z")))
        };
        Ok(RemoveHeader { names, matching: spec.matching.as_ref().map(whole).transpose()? })
    }

    fn goes(&self, name: &[u8]) -> bool {
        self.names.contains(name) || self.matching.as_ref().is_some_and(|pattern| pattern.is_match(name))
    }

    fn judge(&self, event: &Event) -> Option<Verdict> {
        let names = event.event_headers().into_keys().filter(|name| self.goes(name));
        let changes: Vec<Change> = names.map(|name| Change::RemoveHeader(Bytes::from(name.into_owned()))).collect();
        (!changes.is_empty()).then(|| Verdict::changes(changes))
    }
}

impl Interceptor for RemoveHeader {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| self.judge(event))
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::kept;
    use super::*;
    use crate::event::Scope;

    fn left(spec: &Spec, names: &[&'static str]) -> Vec<String> {
        let mut event = Event::new("");
        for name in names {
            event.set_header(*name, "1", Scope::Event);
        }
        let event = kept(&RemoveHeader::new(spec).expect("an interceptor"), event);
        event.event_headers().into_keys().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
    }

    fn matching(pattern: &str) -> Spec {
        Spec { name: None, list: Vec::new(), matching: Some(regex::Regex::new(pattern).expect("a pattern")) }
    }

    #[test]
    fn the_named_and_the_listed_headers_go() {
        let spec = Spec { name: Some("a".into()), list: vec!["b".into(), "c".into()], matching: None };
        assert_eq!(left(&spec, &["a", "b", "c", "ab", "d"]), ["ab", "d"]);
    }

    #[test]
    fn a_pattern_must_span_the_whole_name() {
        assert_eq!(left(&matching("tmp.*"), &["tmp", "tmp.a", "my.tmp"]), ["my.tmp"]);
        assert_eq!(left(&matching("a|ab"), &["a", "ab", "abc"]), ["abc"]);
        assert_eq!(left(&matching("(?x) a b # both"), &["ab", "b"]), ["b"]);
    }
}
