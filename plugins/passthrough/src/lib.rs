//! Keeps every event as it is: nothing crosses from the host, nothing goes back. For measuring, the bodies may be made to come over all the same.

use weir_interceptor::{Batch, Event, Fault, Interceptor, Parameter, Settings, Verdict};

struct Passthrough {
    reads_bodies: bool,
}

impl Interceptor for Passthrough {
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::optional("read", "what is pulled from the host: `nothing` or `bodies`", "nothing")];

    fn configure(settings: &Settings) -> Result<Passthrough, String> {
        match settings.get::<String>("read")?.as_str() {
            "nothing" => Ok(Passthrough { reads_bodies: false }),
            "bodies" => Ok(Passthrough { reads_bodies: true }),
            other => Err(format!("`read` cannot be `{other}`; it is `nothing` or `bodies`")),
        }
    }

    fn intercept(&mut self, _event: &Event) -> Verdict {
        Verdict::Keep
    }

    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        if self.reads_bodies {
            // One pull for the whole batch; that the first body is looked at keeps it from being left out.
            std::hint::black_box(batch.events().next().and_then(|event| event.body()));
        }
        Ok(())
    }
}

weir_interceptor::export!(Passthrough);
