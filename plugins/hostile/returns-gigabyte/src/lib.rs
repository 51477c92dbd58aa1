//! Hands the host more than it may, over an event whose body contains `poison`: a body, an error, or one list that overlaps itself into a gigabyte.

use weir_interceptor::{Batch, Event, Fault, Interceptor, Parameter, Settings, Verdict};

struct ReturnsGigabyte {
    size: usize,
    how: String,
}

impl Interceptor for ReturnsGigabyte {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("size", "bytes of the answer", "40000000"),
        Parameter::optional("how", "`body`: as a new body; `bodies`: the same, again and again; `error`: as an error", "body"),
    ];

    fn configure(settings: &Settings) -> Result<ReturnsGigabyte, String> {
        Ok(ReturnsGigabyte { size: settings.get("size")?, how: settings.get("how")? })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        match self.how.as_str() {
            "bodies" => (0..1_000).for_each(|_| event.derive(vec![b'x'; self.size / 1_000], &[])),
            _ => event.set_body(vec![b'x'; self.size]),
        }
        Verdict::Keep
    }

    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        for event in batch.events() {
            if !event.body().unwrap_or_default().windows(6).any(|window| window == b"poison") {
                continue;
            }
            if self.how == "error" {
                return Err(Fault::new("x".repeat(self.size)));
            }
            let verdict = self.intercept(&event);
            event.decide(verdict);
        }
        Ok(())
    }
}

weir_interceptor::export!(ReturnsGigabyte);
