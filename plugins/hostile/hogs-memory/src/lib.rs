//! Wants more memory than there is: over an event whose body contains `poison` it allocates until it is stopped; with `leak` it
//! keeps so many bytes of every batch.

use weir_interceptor::{Event, Interceptor, Parameter, Settings, Verdict};

struct HogsMemory {
    leak: usize,
    kept: Vec<Vec<u8>>,
}

impl Interceptor for HogsMemory {
    const PARAMETERS: &'static [Parameter] = &[Parameter::optional("leak", "bytes kept of every event", "0")];

    fn configure(settings: &Settings) -> Result<HogsMemory, String> {
        Ok(HogsMemory { leak: settings.get("leak")?, kept: Vec::new() })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        if event.body().unwrap_or_default().windows(6).any(|window| window == b"poison") {
            self.hog();
        }
        if self.leak > 0 {
            self.kept.push(vec![1; self.leak]);
        }
        event.format_header("kept", format_args!("{}", self.kept.len()));
        Verdict::Keep
    }
}

impl HogsMemory {
    #[inline(never)]
    fn hog(&mut self) {
        loop {
            self.kept.push(vec![1; 1 << 20]);
        }
    }
}

weir_interceptor::export!(HogsMemory);
