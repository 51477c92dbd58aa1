//! The plugin's log lines on standard error, as an author reads them: the level and the text, nobody else's words among them.

use std::fmt;
use std::io::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::show::paint::{Paint, Tone};

/// What plugins log under.
const PLUGIN: &str = "weir::plugin";

/// From here on the plugin's lines are shown, and what the host warns of. Once a process; a second call changes nothing.
pub(super) fn show() {
    let _ = tracing_subscriber::registry().with(Lines { paint: Paint::stderr() }).try_init();
}

struct Lines {
    paint: Paint,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == PLUGIN || *metadata.level() <= Level::WARN
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let level = *event.metadata().level();
        let (name, tone) = match level {
            Level::ERROR => ("error", Tone::Bad),
            Level::WARN => ("warn", Tone::Warning),
            Level::INFO => ("info", Tone::Good),
            _ => ("debug", Tone::Dim),
        };
        let said = if event.metadata().target() == PLUGIN {
            format!("{} {}\n", self.paint.tone(tone, &format!("log {name:<5}")), line.message)
        } else {
            format!("weir: {}{}\n", line.message, line.fields)
        };
        // Nobody reads a standard error that is closed.
        let _ = io::stderr().write_all(said.as_bytes());
    }
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.fields.push_str(&format!(" {}={value:?}", field.name()));
        }
    }
}
