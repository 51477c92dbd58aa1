//! Keeps every event as it is: nothing crosses from the host, nothing goes back.

use weir_interceptor::{Batch, Event, Fault, Interceptor, Settings, Verdict};

struct Passthrough;

impl Interceptor for Passthrough {
    fn configure(_settings: &Settings) -> Result<Passthrough, String> {
        Ok(Passthrough)
    }

    fn intercept(&mut self, _event: &Event) -> Verdict {
        Verdict::Keep
    }

    fn intercept_batch(&mut self, _batch: &Batch) -> Result<(), Fault> {
        Ok(())
    }
}

weir_interceptor::export!(Passthrough);
