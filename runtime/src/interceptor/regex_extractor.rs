//! `regex_extractor`: copies the groups of the first match in the body to headers (`org.apache.flume.interceptor.RegexExtractorInterceptor`).
//!
//! Two differences from Flume: a group that took no part in the match sets no header (Flume sets a null one, which no Avro writer can write), and
//! a date that does not parse rejects its event (Flume's source retries it for ever).

mod joda;

use std::sync::Arc;

use bytes::Bytes;
use jiff::tz::TimeZone;

use super::each::{Target, judge};
use super::spec::{ExtractorKind, RegexExtractor as Spec};
use super::{Interceptor, Judging};
use crate::batch::{Batch, Fate, Rejection, Verdict};
use crate::event::Event;

pub use joda::PatternError;

/// The interceptor `regex_extractor`.
#[derive(Debug)]
pub struct RegexExtractor {
    regex: regex::bytes::Regex,
    serializers: Vec<(Target, Serializer)>,
    zone: TimeZone,
}

#[derive(Debug)]
enum Serializer {
    Text,
    Millis(joda::Pattern),
}

impl RegexExtractor {
    /// As the settings say, with dates in the system's time zone.
    ///
    /// # Errors
    /// When a date pattern is none.
    pub fn new(spec: &Spec) -> Result<RegexExtractor, PatternError> {
        let mut serializers = Vec::with_capacity(spec.serializers.len());
        for serializer in &spec.serializers {
            let kind = match &serializer.kind {
                ExtractorKind::Text => Serializer::Text,
                ExtractorKind::Millis(pattern) => Serializer::Millis(joda::Pattern::parse(pattern)?),
            };
            serializers.push((Target::new(serializer.header.clone(), false), kind));
        }
        Ok(RegexExtractor { regex: spec.regex.clone(), serializers, zone: TimeZone::system() })
    }

    fn judge(&self, event: &Event) -> Option<Verdict> {
        let body = event.body.clone().unwrap_or_default();
        let groups = self.regex.captures(&body)?;
        let mut changes = Vec::new();
        for (index, (target, serializer)) in self.serializers.iter().enumerate() {
            let Some(group) = groups.get(index + 1) else { continue };
            match serializer.serialize(body.slice(group.range()), &self.zone) {
                Ok(value) => changes.push(target.change(value)),
                Err(mismatch) => {
                    let rejection = Rejection { reason: format!("header {:?}: {mismatch}", target.header()), ..Rejection::default() };
                    return Some(Verdict::fate(Fate::Reject(Box::new(rejection))));
                }
            }
        }
        (!changes.is_empty()).then(|| Verdict::changes(changes))
    }
}

impl Interceptor for RegexExtractor {
    fn intercept(&self, batch: Arc<Batch>) -> Judging {
        judge(&batch, |event| self.judge(event))
    }
}

impl Serializer {
    fn serialize(&self, group: Bytes, zone: &TimeZone) -> Result<Bytes, joda::Mismatch> {
        match self {
            Serializer::Text => Ok(group),
            Serializer::Millis(pattern) => Ok(Bytes::from(pattern.millis(&String::from_utf8_lossy(&group), zone)?.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::each::tests::{header, judged, kept};
    use super::super::spec::ExtractorSerializer;
    use super::*;

    fn extractor(regex: &str, serializers: &[(&str, ExtractorKind)]) -> Result<RegexExtractor, PatternError> {
        let serializers =
            serializers.iter().map(|(header, kind)| ExtractorSerializer { header: header.to_string(), kind: kind.clone() }).collect();
        RegexExtractor::new(&Spec { regex: regex::bytes::Regex::new(regex).expect("a pattern"), serializers })
    }

    #[test]
    fn each_group_of_the_first_match_goes_to_its_header() {
        let text = ExtractorKind::Text;
        let extractor = extractor(r"(\d)(\w)?(-)", &[("one", text.clone()), ("two", text)]).expect("an interceptor");
        let event = kept(&extractor, Event::new("x1a- 2b-"));
        assert_eq!((header(&event, "one").as_deref(), header(&event, "two").as_deref()), (Some("1"), Some("a")));
        let event = kept(&extractor, Event::new("1-"));
        assert_eq!((header(&event, "one").as_deref(), header(&event, "two")), (Some("1"), None));
        assert!(kept(&extractor, Event::new("none")).headers.is_empty());
    }

    #[test]
    fn a_date_becomes_milliseconds_and_one_that_does_not_parse_rejects_its_event() {
        let millis = ExtractorKind::Millis("yyyy-MM-dd HH:mm:ss Z".into());
        let extractor = extractor("^(.*?),", &[("timestamp", millis)]).expect("an interceptor");
        let event = kept(&extractor, Event::new("2012-03-10 14:18:05 +0000, text"));
        assert_eq!(header(&event, "timestamp").as_deref(), Some("1331389085000"));
        let judged = judged(&extractor, vec![Event::new("yesterday,"), Event::new("no comma")]);
        assert_eq!((judged.batch.len(), judged.rejected.len()), (1, 1));
        let reason = &judged.rejected[0].rejection.reason;
        assert!(reason.starts_with("header \"timestamp\": \"yesterday\" does not fit"), "{reason}");
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        assert!(extractor("(.*)", &[("timestamp", ExtractorKind::Millis("yyyy-bb".into()))]).is_err());
    }
}
