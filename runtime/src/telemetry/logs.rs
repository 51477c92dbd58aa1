//! The log, on stderr: text for a person, JSON lines for a collector. Stdout is for data only.
//!
//! librdkafka's lines come through the `log` crate under the target `librdkafka`, the Rust client's own under `rdkafka`; both are taken in.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry, fmt};

use super::Tail;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Text where stderr is a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message` and the line's own fields at the top.
    Json,
}

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A level or filter that cannot be read.
    #[error("{from} is no log level or filter: {text:?}")]
    Filter {
        /// Where it was given.
        from: &'static str,
        /// What was given.
        text: String,
        /// Why not.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process has a log already.
    #[error("the log is set up already")]
    Twice(#[source] TryInitError),
}

/// Starts logging. `level` is a level or a filter such as `info,weir::plugin=debug`; without one the environment's `WEIR_LOG` counts, then
/// `RUST_LOG`, then `info`. Returns the log's tail.
///
/// # Errors
/// When the filter cannot be read, or on a second call.
pub fn init(format: Format, level: Option<&str>) -> Result<Tail, Error> {
    let filter = filter(level, |name| std::env::var(name).ok())?;
    let terminal = std::io::stderr().is_terminal();
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = match format {
        Format::Json => json(std::io::stderr),
        Format::Auto if !terminal => json(std::io::stderr),
        Format::Auto | Format::Text => fmt::layer().with_writer(std::io::stderr).with_ansi(colours).boxed(),
    };
    let tail = Tail::default();
    Registry::default().with(lines.and_then(tail.clone()).with_filter(filter)).try_init().map_err(Error::Twice)?;
    Ok(tail)
}

fn json<W>(writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false).with_writer(writer).boxed()
}

fn filter(level: Option<&str>, variable: impl Fn(&'static str) -> Option<String>) -> Result<EnvFilter, Error> {
    let given = |name: &'static str| Some((name, variable(name).filter(|text| !text.trim().is_empty())?));
    let chosen = level.map(|text| ("--log-level", text.to_owned())).or_else(|| given("WEIR_LOG")).or_else(|| given("RUST_LOG"));
    let (from, text) = chosen.unwrap_or(("the default", "info".to_owned()));
    EnvFilter::builder().parse(&text).map_err(|source| Error::Filter { from, text, source })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn the_flag_goes_before_the_environment_and_info_is_the_default() {
        let chosen = |level, weir: Option<&str>, rust: Option<&str>| {
            let variable = |name| if name == "WEIR_LOG" { weir } else { rust }.map(str::to_owned);
            filter(level, variable).expect("a filter").to_string()
        };
        assert_eq!(chosen(Some("debug"), Some("warn"), Some("error")), "debug");
        assert_eq!(chosen(None, Some("warn"), Some("error")), "warn");
        assert_eq!(chosen(None, Some(""), Some("error")), "error");
        assert_eq!(chosen(None, None, None), "info");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named_with_its_place() {
        let error = filter(None, |name| (name == "WEIR_LOG").then(|| "weir=loud".to_owned())).expect_err("no such level");
        assert_eq!(error.to_string(), "WEIR_LOG is no log level or filter: \"weir=loud\"");
    }

    #[test]
    fn a_second_log_is_refused() {
        init(Format::Text, Some("off")).expect("the first");
        assert!(matches!(init(Format::Auto, Some("info")), Err(Error::Twice(_))));
    }

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_has_its_fields_at_the_top() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = Registry::default().with(json(move || writer.clone()));
        tracing::subscriber::with_default(subscriber, || tracing::warn!(sink = "k1", attempt = 2, "write failed\nretrying"));
        let line = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("text");
        assert_eq!(line.lines().count(), 1);
        let fields: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(fields["level"], "WARN");
        assert_eq!(fields["message"], "write failed\nretrying");
        assert_eq!(fields["sink"], "k1");
        assert_eq!(fields["attempt"], 2);
        assert!(fields["timestamp"].is_string() && fields["target"].is_string());
    }
}
