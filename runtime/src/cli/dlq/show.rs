//! `weir dlq show`: one letter, whole.

use std::process::ExitCode;

use crate::cli::failure::Failure;
use crate::cli::session::Ask;
use crate::cli::show::event;
use crate::cli::show::paint::{Paint, Tone};
use crate::cli::show::time::Clock;
use crate::control::letters::{Letter, LetterPage, LetterQuery};
use crate::control::tap::Text;
use crate::printable::escaped;

/// Arguments of `weir dlq show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose.
    pub pipeline: String,
    /// Which one.
    pub id: String,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Shows it. The exit code is 1 when it is not there.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| {
        let query = LetterQuery { ids: vec![args.id.clone()], limit: Some(1), ..LetterQuery::default() };
        let answer = client.letters(&args.pipeline, &query).await?;
        let shown =
            |page: &LetterPage| page.letters.first().map(|letter| render(letter, &Clock::local(), Paint::stdout())).unwrap_or_default();
        args.ask.show(&answer, shown)?;
        if answer.value.letters.is_empty() {
            let (id, pipeline) = (escaped(&args.id), escaped(&args.pipeline));
            eprintln!("weir: there is no letter {id} of {pipeline}\n  weir dlq list {pipeline} shows which there are");
            return Err(Failure::Findings);
        }
        Ok(())
    })
}

fn render(letter: &Letter, clock: &Clock, paint: Paint) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: &str| text.push_str(&format!("{} {value}\n", paint.tone(Tone::Strong, &format!("{name:<9}"))));
    field("id", &escaped(&letter.id));
    field("parked", &format!("{}, {}", clock.stamp(letter.time), clock.ago(letter.time)));
    field("stage", &escaped(&letter.stage));
    field("reason", &escaped(&letter.reason));
    if let Some(digest) = &letter.plugin {
        field("plugin", &escaped(digest));
    }
    if letter.attempt > 0 {
        field("attempts", &(letter.attempt + 1).to_string());
    }
    field("origin", &event::origin(&letter.event));
    if let Some(timestamp) = letter.event.timestamp.and_then(|timestamp| u64::try_from(timestamp).ok()) {
        field("timestamp", &clock.stamp(timestamp));
    }
    if let Some(key) = &letter.event.key {
        field("key", &event::text(key));
    }
    for (name, value) in &letter.event.headers {
        field("header", &format!("{}: {}", event::text(name), event::value(value.as_ref())));
    }
    if let Some(backtrace) = &letter.backtrace {
        text.push_str(&block("backtrace", backtrace, paint));
    }
    match &letter.event.body {
        None => text.push_str(&format!("{}\n", paint.tone(Tone::Strong, "no body"))),
        Some(Text::Plain(body)) => text.push_str(&block("body", &pretty(body), paint)),
        Some(body) => text.push_str(&block("body", &event::text(body), paint)),
    }
    text
}

/// Lines of somebody else's, indented: none of them passes for one of ours.
fn block(name: &str, lines: &str, paint: Paint) -> String {
    let mut text = format!("{}\n", paint.tone(Tone::Strong, name));
    for line in lines.lines() {
        text.push_str(&format!("  {}\n", escaped(line)));
    }
    text
}

/// JSON on several lines, its fields and numbers as they are written; anything else as it is.
fn pretty(body: &str) -> String {
    let is_json = serde_json::from_str::<serde_json::Value>(body).is_ok_and(|value| value.is_object() || value.is_array());
    if !is_json || body.contains('\n') {
        return body.to_owned();
    }
    let mut text = String::new();
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    let mut characters = body.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            in_string = is_escaped || character != '"';
            is_escaped = !is_escaped && character == '\\';
            text.push(character);
            continue;
        }
        match character {
            ' ' | '\t' | '\r' => {}
            '{' | '[' if characters.peek().is_some_and(|next| matches!(next, '}' | ']')) => {
                text.push(character);
                text.extend(characters.next());
            }
            '{' | '[' => {
                depth += 1;
                text.push(character);
                new_line(&mut text, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                in_string = character == '"';
                text.push(character);
            }
        }
    }
    text
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::super::list::tests::letter;
    use super::*;
    use crate::cli::show::samples::NOW;

    #[test]
    fn a_letter_is_shown_whole_and_forges_nothing() {
        let expected = r#"id        0:1
parked    2026-11-24 13:57:00.000, 3 min ago
stage     interceptor int-1
reason    trap\nx
plugin    77ab12cd34ef77ab
origin    txns/3/1234
key       card-1
header    kind: "pos"
backtrace
  0: score
  1: main\u{1b}[31m
body
  {
    "amount": 12
  }
"#;
        assert_eq!(render(&letter("0:1", "trap\nx"), &Clock { now: NOW, zone: TimeZone::UTC }, Paint::OFF), expected);
    }

    #[test]
    fn json_is_laid_out_as_it_is_written_and_other_bodies_are_left() {
        let json = r#"{"a":[1.10,{"b\"}":"x,y"}], "c":{},"d":[],"e":123456789012345678901234567890}"#;
        let expected = r#"{
  "a": [
    1.10,
    {
      "b\"}": "x,y"
    }
  ],
  "c": {},
  "d": [],
  "e": 123456789012345678901234567890
}"#;
        assert_eq!(pretty(json), expected);
        for text in ["plain, text", "12", "{\"a\":\n1}", "{broken"] {
            assert_eq!(pretty(text), text);
        }
    }
}
