//! Never answers: loops for ever over an event whose body contains the setting `over` (over every event, if that is empty).

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict};

struct Spins {
    over: Vec<u8>,
}

impl Interceptor for Spins {
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional("over", "bytes that make it spin; empty: everything does", "poison")];

    fn configure(settings: &Settings) -> Result<Spins, String> {
        Ok(Spins { over: settings.get::<String>("over")?.into_bytes() })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        if contains(event.body().unwrap_or_default(), &self.over) {
            spin_for_ever();
        }
        event.set_header("seen", "yes");
        Verdict::Keep
    }
}

#[inline(never)]
fn spin_for_ever() {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

weir_interceptor::export!(Spins);
