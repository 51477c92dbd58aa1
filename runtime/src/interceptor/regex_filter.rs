//! `regex_filter`: keeps, or drops, the events whose body contains a match (`org.apache.flume.interceptor.RegexFilteringInterceptor`).

use std::sync::Arc;

use super::each::judge;
use super::spec::RegexFilter as Spec;
use super::{Interceptor, Judging};
use crate::batch::{Batch, Fate, Verdict};

/// The interceptor `regex_filter`.
#[derive(Debug)]
pub struct RegexFilter {
    spec: Spec,
}

impl RegexFilter {
    /// As the settings say.
    pub fn new(spec: &Spec) -> RegexFilter {
        RegexFilter { spec: spec.clone() }
    }
}

impl Interceptor for RegexFilter {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| {
            let dropped = self.spec.regex.is_match(event.body()) == self.spec.exclude;
            dropped.then(|| Verdict::fate(Fate::Discard))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::judged;
    use super::*;
    use crate::event::Event;

    fn left(regex: &str, exclude: bool) -> (Vec<String>, usize) {
        let regex = regex::bytes::Regex::new(regex).expect("a pattern");
        let events = vec![Event::new("an error here"), Event::new("fine"), Event::default()];
        let judged = judged(&RegexFilter::new(&Spec { regex, exclude }), events);
        (judged.batch.events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect(), judged.discarded)
    }

    #[test]
    fn a_match_anywhere_keeps_the_event() {
        assert_eq!(left("err", false), (vec!["an error here".into()], 2));
        assert_eq!(left(".*", false).1, 0);
    }

    #[test]
    fn with_exclude_a_match_anywhere_drops_the_event() {
        assert_eq!(left("err", true), (vec!["fine".into(), String::new()], 1));
    }
}
