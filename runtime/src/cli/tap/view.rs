//! The lines of a tapped event.

use super::diff::{self, Change};
use crate::cli::show::event;
use crate::cli::show::fit::{Room, fit, fit_both};
use crate::cli::show::paint::{Paint, Tone};
use crate::cli::show::time::Clock;
use crate::cli::show::version::{glance, name};
use crate::control::swap::VersionStatus;
use crate::control::tap::{EventView, TappedEvent};
use crate::printable::escaped;
use unicode_width::UnicodeWidthStr;

/// Changes of one event that are shown.
const CHANGES: usize = 50;

/// Which side of an interceptor is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// What came.
    Before,
    /// What goes on.
    After,
    /// What it did.
    Diff,
}

/// How tapped things are shown.
pub(super) struct View {
    pub(super) side: Side,
    pub(super) room: Room,
    pub(super) paint: Paint,
    pub(super) clock: Clock,
}

impl View {
    /// An event's lines, each with its end.
    pub(super) fn event(&self, tapped: &TappedEvent) -> String {
        let changes: Vec<Vec<Change>> = tapped.after.first().map(|after| diff::between(&tapped.before, after)).into_iter().collect();
        let mut text = self.line(0, Tone::Strong, &self.head(tapped, changes.first().is_some_and(|changes| !changes.is_empty())));
        match self.side {
            Side::Before => self.whole(&tapped.before, &mut text),
            Side::After => self.after(tapped, &mut text),
            Side::Diff => self.diff(tapped, changes.into_iter().flatten().collect(), &mut text),
        }
        text
    }

    /// From here on another version judges.
    pub(super) fn swapped(&self, from: Option<&VersionStatus>, to: &VersionStatus) -> String {
        let from = from.map_or_else(|| "nothing".to_owned(), |from| glance(&from.digest));
        self.marker(&format!("swapped {from} -> {} ({})", glance(&to.digest), name(to)))
    }

    /// Something between two events.
    pub(super) fn marker(&self, text: &str) -> String {
        self.line(0, Tone::Warning, &format!("--- {text} ---"))
    }

    /// Where the event is from, who judged it, and what came of it.
    fn head(&self, tapped: &TappedEvent, is_changed: bool) -> String {
        let mut head = format!("{}  {}", event::origin(&tapped.before), self.clock.time(tapped.time));
        if let Some(digest) = &tapped.digest {
            head.push_str(&format!("  by {}", glance(digest)));
        }
        head.push_str("  ");
        head.push_str(&match tapped.fate.as_str() {
            "keep" if is_changed => "changed".to_owned(),
            "keep" => "unchanged".to_owned(),
            "discard" => "discarded".to_owned(),
            "reject" => "rejected".to_owned(),
            other => escaped(other),
        });
        if let Some(reason) = &tapped.reason {
            head.push_str(&format!(": {}", escaped(reason)));
        }
        head
    }

    fn diff(&self, tapped: &TappedEvent, changes: Vec<Change>, text: &mut String) {
        let derived = match tapped.fate.as_str() {
            "keep" => {
                for change in changes.iter().take(CHANGES) {
                    text.push_str(&self.change(change));
                }
                if changes.len() > CHANGES {
                    text.push_str(&self.line(2, Tone::Dim, &format!("and {} more changes", changes.len() - CHANGES)));
                }
                tapped.after.get(1..).unwrap_or_default()
            }
            // What is no more is shown whole.
            _ => {
                for line in event::lines(&tapped.before) {
                    text.push_str(&self.line(2, Tone::Bad, &format!("- {line}")));
                }
                &tapped.after
            }
        };
        for event in derived {
            text.push_str(&self.line(2, Tone::Good, "+ derived"));
            for line in event::lines(event) {
                text.push_str(&self.line(4, Tone::Good, &line));
            }
        }
    }

    fn after(&self, tapped: &TappedEvent, text: &mut String) {
        let derived = usize::from(tapped.fate == "keep");
        for (index, event) in tapped.after.iter().enumerate() {
            if index >= derived {
                text.push_str(&self.line(2, Tone::Good, "derived"));
            }
            self.whole(event, text);
        }
    }

    fn whole(&self, event: &EventView, text: &mut String) {
        for line in event::lines(event) {
            text.push_str(&self.line(2, Tone::Plain, &line));
        }
    }

    fn change(&self, change: &Change) -> String {
        match (&change.before, &change.after) {
            (None, None) => String::new(),
            (None, Some(after)) => self.line(2, Tone::Good, &format!("+ {}: {after}", change.place)),
            (Some(before), None) => self.line(2, Tone::Bad, &format!("- {}: {before}", change.place)),
            (Some(before), Some(after)) => self.changed(&change.place, before, after),
        }
    }

    /// On one line where it fits, else on a line each, from where they differ.
    fn changed(&self, place: &str, before: &str, after: &str) -> String {
        let line = format!("~ {place}: {before} -> {after}");
        if self.room.is_none_or(|room| line.width() + 2 <= room) {
            return self.line(2, Tone::Warning, &line);
        }
        let (before, after) = fit_both(before, after, self.room.map(|room| room.saturating_sub(6)));
        let mut text = self.line(2, Tone::Warning, &format!("~ {place}"));
        text.push_str(&self.line(4, Tone::Bad, &format!("- {before}")));
        text.push_str(&self.line(4, Tone::Good, &format!("+ {after}")));
        text
    }

    fn line(&self, indent: usize, tone: Tone, text: &str) -> String {
        let fitting = fit(text, self.room.map(|room| room.saturating_sub(indent)));
        format!("{}{}\n", " ".repeat(indent), self.paint.tone(tone, &fitting))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples::{NOW, version};
    use crate::control::tap::Text;

    fn view(side: Side, room: Room) -> View {
        View { side, room, paint: Paint::OFF, clock: Clock { now: NOW, zone: TimeZone::UTC } }
    }

    fn plain(text: &str) -> Text {
        Text::Plain(text.to_owned())
    }

    fn tapped(fate: &str, after: Vec<EventView>) -> TappedEvent {
        TappedEvent { time: NOW, digest: Some("77ab12cd34ef".into()), before: before(), fate: fate.into(), reason: None, after }
    }

    fn before() -> EventView {
        EventView {
            topic: Some("txns".into()),
            partition: Some(3),
            offset: Some(1234),
            key: Some(plain("card-1")),
            headers: vec![(plain("kind"), Some(plain("pos"))), (plain("old"), None)],
            body: Some(plain(r#"{"amount":12,"id":"t-1"}"#)),
            ..EventView::default()
        }
    }

    fn after() -> EventView {
        EventView {
            headers: vec![(plain("kind"), Some(plain("web"))), (plain("verdict"), Some(plain("approve\n--- forged ---")))],
            body: Some(plain(r#"{"amount":12,"id":"t-1","score":0.93}"#)),
            ..before()
        }
    }

    #[test]
    fn a_diff_shows_what_changed_and_no_event_forges_a_line() {
        let derived = EventView { topic: None, headers: Vec::new(), key: None, body: Some(plain("copy")), ..after() };
        let expected = r#"txns/3/1234  14:00:00  by 77ab…  changed
  ~ header kind: "pos" -> "web"
  - header old: null
  + header verdict: "approve\n--- forged ---"
  + body /score: 0.93
  + derived
    body: copy
"#;
        assert_eq!(view(Side::Diff, None).event(&tapped("keep", vec![after(), derived])), expected);
        assert_eq!(view(Side::Diff, None).event(&tapped("keep", vec![before()])), "txns/3/1234  14:00:00  by 77ab…  unchanged\n");
    }

    #[test]
    fn what_does_not_go_on_is_shown_whole_with_the_reason() {
        let rejected = TappedEvent { reason: Some("no amount\u{1b}[31m".into()), ..tapped("reject", Vec::new()) };
        let expected = r#"txns/3/1234  14:00:00  by 77ab…  rejected: no amount\u{1b}[31m
  - header kind: "pos"
  - header old: null
  - key: "card-1"
  - body: {"amount":12,"id":"t-1"}
"#;
        assert_eq!(view(Side::Diff, None).event(&rejected), expected);
    }

    #[test]
    fn either_side_is_shown_whole() {
        let expected = "txns/3/1234  14:00:00  by 77ab…  changed\n  header kind: \"pos\"\n  header old: null\n  key: \"card-1\"\n  body: {\"amount\":12,\"id\":\"t-1\"}\n";
        assert_eq!(view(Side::Before, None).event(&tapped("keep", vec![after()])), expected);
        let text = view(Side::After, None).event(&tapped("keep", vec![after(), EventView::default()]));
        assert!(text.ends_with("  body: {\"amount\":12,\"id\":\"t-1\",\"score\":0.93}\n  derived\n  no body\n"), "{text}");
    }

    #[test]
    fn lines_are_cut_to_the_terminal() {
        let long = |end: &str| EventView { headers: Vec::new(), body: Some(plain(&format!("{}{end}", "x".repeat(200)))), ..before() };
        let tapped = TappedEvent { before: long("a"), ..tapped("keep", vec![long("b")]) };
        let expected = "txns/3/1234  14:00:00  by 77ab…  chan…\n  ~ body\n    - …xxxxxxxxxxxxxxxxxxxxa\n    + …xxxxxxxxxxxxxxxxxxxxb\n";
        assert_eq!(view(Side::Diff, Some(38)).event(&tapped), expected);
    }

    #[test]
    fn markers_tell_of_swaps() {
        let view = view(Side::Diff, None);
        let (from, to) = (version(1, "9f2c00aa11bb"), version(2, "77ab12cd34ef"));
        assert_eq!(view.swapped(Some(&from), &to), "--- swapped 9f2c… -> 77ab… (fraud-score 0.2.0) ---\n");
        assert_eq!(view.swapped(None, &to), "--- swapped nothing -> 77ab… (fraud-score 0.2.0) ---\n");
    }
}
