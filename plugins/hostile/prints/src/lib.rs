//! Logs without end: so many lines for every event, with control characters in them.

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict};

struct Prints {
    lines: u64,
}

impl Interceptor for Prints {
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional("lines", "lines for every event", "1000")];

    fn configure(settings: &Settings) -> Result<Prints, String> {
        Ok(Prints { lines: settings.get("lines")? })
    }

    fn intercept(&mut self, _event: &Event) -> Verdict {
        for line in 0..self.lines {
            weir_interceptor::error!("line {line}\nERROR forged \u{1b}[31m{}", "x".repeat(10_000));
        }
        Verdict::Keep
    }
}

weir_interceptor::export!(Prints);
