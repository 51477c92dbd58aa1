//! `weir logs`: what the agent and its plugins log, of one pipeline or interceptor or all, until now or on and on.

use std::process::ExitCode;

use serde_json::Value;

use super::failure::Failure;
use super::session::About;
use super::show::amount::counted;
use super::show::output::{print, print_json};
use super::show::paint::{Paint, Tone};
use super::show::time::Clock;
use crate::client::Connect;
use crate::control::Target;
use crate::control::logs::{LogItem, LogLine, LogQuery};
use crate::printable::escaped;

/// Arguments of `weir logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only lines of this pipeline, or of this interceptor's plugin.
    #[arg(value_name = "PIPELINE[/INTERCEPTOR]")]
    pub subject: Option<String>,
    /// Go on with what comes.
    #[arg(short, long)]
    pub follow: bool,
    /// Only lines of this level or a worse one.
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"], ignore_case = true)]
    pub level: Option<String>,
    /// Of what was logged before, the last so many lines. Default: 100.
    #[arg(short = 'n', value_name = "N")]
    pub limit: Option<usize>,
    /// Print the API's JSON, a line an item.
    #[arg(long)]
    pub json: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

/// Shows them. The exit code is 69 when the agent ends what should go on.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let subject = args.subject.clone().unwrap_or_default();
    About { connect: &args.connect, subject, json: args.json }.run(async |client| {
        let mut stream = client.logs(&query(&args)?).await?;
        let paint = Paint::stdout();
        while let Some(item) = stream.next().await? {
            if args.json {
                print_json(&item.json)?;
                continue;
            }
            print(&match item.value {
                LogItem::Line(line) => render(&line, &Clock::local(), paint),
                LogItem::Dropped { lines } => format!("--- {} not shown ---\n", counted(lines, "line", "lines")),
            })?;
        }
        if args.follow {
            Err(Failure::Ended("the agent ended its log; weir status shows whether it still runs".to_owned()))
        } else {
            Ok(())
        }
    })
}

fn query(args: &Args) -> Result<LogQuery, Failure> {
    let rest = LogQuery {
        level: args.level.as_ref().map(|level| level.to_lowercase()),
        limit: args.limit,
        follow: args.follow,
        ..LogQuery::default()
    };
    match args.subject.as_deref() {
        None => Ok(rest),
        Some(pipeline) if !pipeline.contains('/') => Ok(LogQuery { pipeline: Some(pipeline.to_owned()), ..rest }),
        Some(target) => {
            let target: Target = target.parse().map_err(Failure::Usage)?;
            Ok(LogQuery { pipeline: Some(target.pipeline), interceptor: Some(target.interceptor), ..rest })
        }
    }
}

fn render(line: &LogLine, clock: &Clock, paint: Paint) -> String {
    let tone = match line.level.as_str() {
        "ERROR" => Tone::Bad,
        "WARN" => Tone::Warning,
        "INFO" => Tone::Good,
        _ => Tone::Dim,
    };
    let level = paint.tone(tone, &format!("{:<5}", escaped(&line.level)));
    let mut text = format!("{} {level} {}: {}", clock.stamp(line.time), escaped(&line.target), escaped(&line.message));
    for (name, value) in &line.fields {
        let value = match value {
            Value::String(text) => escaped(text),
            other => escaped(&other.to_string()),
        };
        text.push_str(&paint.tone(Tone::Dim, &format!(" {}={value}", escaped(name))));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples::NOW;

    #[test]
    fn a_line_is_one_line() {
        let fields = serde_json::from_str(r#"{"n":3,"pipeline":"flume1","text":"a\nb"}"#).unwrap();
        let (target, message) = ("weir::plugin".into(), "hello\n\u{1b}[2Jworld".into());
        let line = LogLine { time: NOW, level: "WARN".into(), target, message, fields };
        let expected = "2026-11-24 14:00:00.000 WARN  weir::plugin: hello\\n\\u{1b}[2Jworld n=3 pipeline=flume1 text=a\\nb\n";
        assert_eq!(render(&line, &Clock { now: NOW, zone: TimeZone::UTC }, Paint::OFF), expected);
    }

    fn args(subject: Option<&str>) -> Args {
        let connect = crate::client::tests::connect(String::new());
        Args { subject: subject.map(str::to_owned), follow: true, level: None, limit: Some(5), json: false, connect }
    }

    #[test]
    fn lines_are_asked_for_by_pipeline_or_interceptor() {
        let all = LogQuery { limit: Some(5), follow: true, ..LogQuery::default() };
        assert_eq!(query(&args(None)).unwrap(), all);
        let of_pipeline = LogQuery { pipeline: Some("flume1".into()), ..all };
        assert_eq!(query(&args(Some("flume1"))).unwrap(), of_pipeline);
        assert_eq!(query(&args(Some("flume1/int-1"))).unwrap(), LogQuery { interceptor: Some("int-1".into()), ..of_pipeline });
        assert!(matches!(query(&args(Some("flume1/"))), Err(Failure::Usage(_))));
    }
}
