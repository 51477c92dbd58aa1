//! Runs its stack over, over an event whose body contains `poison`.

use weir_interceptor::{Event, Interceptor, Settings, Verdict};

struct Recurses;

impl Interceptor for Recurses {
    fn configure(_settings: &Settings) -> Result<Recurses, String> {
        Ok(Recurses)
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        if event.body().unwrap_or_default().windows(6).any(|window| window == b"poison") {
            event.format_header("depth", format_args!("{}", deeper(1)));
        }
        Verdict::Keep
    }
}

#[inline(never)]
fn deeper(depth: u64) -> u64 {
    if std::hint::black_box(depth) == 0 {
        return 0;
    }
    let frame = std::hint::black_box([depth; 16]);
    deeper(depth + 1) + frame[3]
}

weir_interceptor::export!(Recurses);
