//! Panics over an event whose body contains `"poison":true`, or over each event whose number (in the body's `"n":`) the setting
//! `every` divides; marks all others.

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict};

struct Traps {
    every: u64,
}

impl Interceptor for Traps {
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::optional("every", "panics over each event this divides the number of; 0: none", "0")];

    fn configure(settings: &Settings) -> Result<Traps, String> {
        Ok(Traps { every: settings.get("every")? })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        let body = event.body().unwrap_or_default();
        if body.windows(13).any(|window| window == br#""poison":true"#) || self.is_due(event) {
            panic_over_the_event();
        }
        event.set_header("seen", "yes");
        Verdict::Keep
    }
}

impl Traps {
    fn is_due(&self, event: &Event) -> bool {
        self.every > 0 && event.json_number("/n").is_some_and(|number| (number as u64).is_multiple_of(self.every))
    }
}

#[inline(never)]
fn panic_over_the_event() {
    panic!("this event is poisoned");
}

weir_interceptor::export!(Traps);
