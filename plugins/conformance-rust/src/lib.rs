//! Does what the header `do` of each event says, so that a table of cases can ask the SDK for everything it has. The same plugin is there in
//! every language; see the README for the commands.

mod echo;

use std::borrow::Cow;

use weir_interceptor::{Batch, BodyRanges, Event, Fault, Interceptor, Parameter, Settings, Verdict};

/// The part of a body that `range` shows.
const RANGE: (u32, u32) = (2, 4);
/// Lines of `log-flood`.
const FLOOD: usize = 10_000;

struct Conformance {
    label: String,
    limit: i64,
    note: Option<String>,
    whole_batch: bool,
}

impl Interceptor for Conformance {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::required("label", "shown by `settings`"),
        Parameter::optional("limit", "shown by `settings`; an integer above 0", "10"),
        Parameter::absent("note", "shown by `settings`"),
        Parameter::optional("mode", "`event` or `batch`: how events are judged", "event"),
    ];

    fn configure(settings: &Settings) -> Result<Conformance, String> {
        let limit: i64 = settings.get("limit")?;
        if limit <= 0 {
            return Err("`limit` must be above 0".into());
        }
        let mode: String = settings.get("mode")?;
        let whole_batch = match mode.as_str() {
            "event" => false,
            "batch" => true,
            other => return Err(format!("`mode` must be `event` or `batch`, not `{other}`")),
        };
        Ok(Conformance { label: settings.get("label")?, limit, note: settings.text("note").map(str::to_owned), whole_batch })
    }

    /// Of a single event the host cannot be told that the batch failed: that is what [`Conformance::obey`] adds.
    fn intercept(&mut self, event: &Event) -> Verdict {
        match event.header_text("do").unwrap_or("keep") {
            "keep" => {}
            "discard" => return Verdict::Discard,
            "reject" => return Verdict::reject(text(event).into_owned()),
            "set-header" => event.set_header(name(event), event.body().unwrap_or_default()),
            "remove-header" => event.remove_header(name(event)),
            "set-key" => event.set_key(event.body().unwrap_or_default()),
            "clear-key" => event.clear_key(),
            "set-body" => event.set_body(event.header("value").unwrap_or_default()),
            "clear-body" => event.clear_body(),
            "reverse" => {
                if let Some(body) = event.body() {
                    event.set_body(body.iter().rev().copied().collect::<Vec<u8>>());
                }
            }
            "echo" => event.set_body(echo::line(event)),
            "explode" => return explode(event),
            "json" => json(event),
            "settings" => self.show(event),
            "log" => weir_interceptor::info!("{}", text(event)),
            "log-flood" => (0..FLOOD).for_each(|_| weir_interceptor::warn!("flood")),
            "count" => weir_interceptor::count("seen", 1),
            "panic" => panic!("conformance panic"),
            unknown => return Verdict::reject(format!("unknown command `{unknown}`")),
        }
        Verdict::Keep
    }

    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        let mut ranges = None;
        for event in batch.events() {
            if self.whole_batch {
                event.set_header("index", event.index().to_string());
                event.set_header("of", batch.len().to_string());
            }
            let verdict = self.obey(batch, &event, &mut ranges)?;
            event.decide(verdict);
        }
        Ok(())
    }
}

impl Conformance {
    /// The commands that are about the batch, and all others.
    fn obey(&mut self, batch: &Batch, event: &Event, ranges: &mut Option<BodyRanges>) -> Result<Verdict, Fault> {
        match event.header_text("do") {
            Some("error") => Err(Fault::new(text(event))),
            Some("range") => {
                let ranges = ranges.get_or_insert_with(|| batch.body_ranges(RANGE.0, RANGE.1));
                if let Some(range) = ranges.of(event) {
                    event.set_header("range", range);
                }
                Ok(Verdict::Keep)
            }
            _ => Ok(self.intercept(event)),
        }
    }

    fn show(&self, event: &Event) {
        event.set_header("label", &self.label);
        event.set_header("limit", self.limit.to_string());
        if let Some(note) = &self.note {
            event.set_header("note", note);
        }
    }
}

/// An event for each line, and nothing of the event itself.
fn explode(event: &Event) -> Verdict {
    if let Some(body) = event.body() {
        for (number, piece) in body.split(|byte| *byte == b'\n').enumerate() {
            event.derive(piece, &[("piece", number.to_string().as_bytes())]);
        }
    }
    Verdict::Discard
}

fn json(event: &Event) {
    let pointer = event.header_text("pointer").unwrap_or_default();
    if let Some(text) = event.json_text(pointer) {
        event.set_header("text", text);
    }
    if let Some(number) = event.json_number(pointer) {
        event.format_header("number", format_args!("{}", (number * 1000.0).round() as i64));
    }
}

/// The header a command is about.
fn name<'b>(event: &Event<'b, '_>) -> &'b str {
    event.header_text("name").unwrap_or_default()
}

/// The body as text.
fn text<'b>(event: &Event<'b, '_>) -> Cow<'b, str> {
    String::from_utf8_lossy(event.body().unwrap_or_default())
}

weir_interceptor::export!(Conformance);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_interceptor::testing::{self, Events, Fate, Given};

    fn judge(given: Given) -> testing::Judged {
        let mut plugin: Conformance = testing::configure(&[("label", "here")]).expect("settings that fit");
        Events::new([given]).judge(&mut plugin).expect("no failure").remove(0)
    }

    #[test]
    fn a_command_it_does_not_know_rejects_the_event() {
        assert_eq!(judge(Given::default().header("do", "dance")).fate, Fate::Rejected("unknown command `dance`".into()));
    }

    #[test]
    fn an_echo_says_everything_of_an_event() {
        let given = Given { key: Some(b"k".to_vec()), timestamp: Some(5), ..Given::body("b".repeat(65)) };
        let judged = judge(given.header("do", "echo").header("x", vec![0xff]));
        let line = "key=6b;timestamp=5;body=len:65;headers=646f=6563686f,78=ff";
        assert_eq!(judged.event.body.as_deref(), Some(line.as_bytes()));
        let judged = judge(Given::default().header("do", "echo"));
        assert_eq!(judged.event.body.as_deref(), Some(&b"key=null;timestamp=null;body=null;headers=646f=6563686f"[..]));
    }

    #[test]
    fn an_error_fails_the_batch_with_the_body_as_its_reason() {
        let mut plugin: Conformance = testing::configure(&[("label", "here")]).expect("settings that fit");
        assert_eq!(Events::new([Given::body("no").header("do", "error")]).judge(&mut plugin), Err("no".into()));
    }

    #[test]
    fn a_count_is_the_plugins_own() {
        judge(Given::default().header("do", "count"));
        assert_eq!(testing::counted("seen"), 1);
    }
}
