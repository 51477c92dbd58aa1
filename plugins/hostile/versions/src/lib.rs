//! Can be any version of a plugin, good or bad: see [`block`]. Every version stamps what it keeps with its number.
//!
//! Beside `version` an event gets `batch`, `FIRST/LENGTH/INDEX`: the id of its batch's first event, the batch's length and its own place in it.
//! So a reader can tell whether a batch is whole and of one version. With the setting `prefix` the headers are called `PREFIX-version` and so on.

mod block;

use weir_interceptor::{Batch, Event, Fault, Interceptor, Parameter, Settings, Verdict};

use block::Mode;

struct Versions {
    mode: Mode,
    version_header: String,
    batch_header: String,
    number: &'static str,
    rounds: u64,
    calls: u64,
    kept: Vec<Vec<u8>>,
}

impl Interceptor for Versions {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::optional("rounds", "how often an event's body is hashed: the work a good version does", "4"),
        Parameter::optional("prefix", "begins the names of its headers, with a hyphen; empty: nothing does", ""),
    ];

    fn configure(settings: &Settings) -> Result<Versions, String> {
        let (mode, number) = block::read()?;
        match mode {
            Mode::ConfigureSpins => spin_for_ever(),
            Mode::ConfigureFails => return Err("this version refuses every setting".into()),
            _ => {}
        }
        let prefix: String = settings.get("prefix")?;
        let header = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}-{name}") };
        let rounds = settings.get("rounds")?;
        Ok(Versions { mode, version_header: header("version"), batch_header: header("batch"), number, rounds, calls: 0, kept: Vec::new() })
    }

    fn intercept(&mut self, event: &Event) -> Verdict {
        let body = event.body().unwrap_or_default();
        let factor = if let Mode::Slow(factor) = self.mode { factor } else { 1 };
        std::hint::black_box(hash(body, self.rounds * factor));
        match self.mode {
            Mode::TrapsAlways => trap_over_the_event(),
            Mode::TrapsOnRare if body.windows(11).any(|window| window == br#""rare":true"#) => trap_over_the_event(),
            Mode::Discards(divisor) if id(body).is_some_and(|id| id.is_multiple_of(divisor)) => return Verdict::Discard,
            Mode::LogsFlood(lines) => (0..lines).for_each(|line| weir_interceptor::info!("line {line} of many")),
            Mode::RejectsAll => return Verdict::reject("this version rejects everything"),
            _ => {}
        }
        event.set_header(&self.version_header, self.number);
        Verdict::Keep
    }

    fn intercept_batch(&mut self, batch: &Batch) -> Result<(), Fault> {
        self.calls += 1;
        match self.mode {
            Mode::SpinsOnBatch(call) if self.calls == call => spin_for_ever(),
            Mode::Leaks(bytes) => self.kept.push(vec![1; bytes as usize]),
            _ => {}
        }
        let first = batch.events().next().and_then(|event| id(event.body()?));
        for event in batch.events() {
            let verdict = self.intercept(&event);
            if let (Verdict::Keep, Some(first)) = (&verdict, first) {
                event.format_header(&self.batch_header, format_args!("{first}/{}/{}", batch.len(), event.index()));
            }
            event.decide(verdict);
        }
        Ok(())
    }
}

/// FNV-1a over the body, so many times.
fn hash(body: &[u8], rounds: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for _ in 0..rounds {
        for byte in body {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// The number in `{"id":NUMBER`.
fn id(body: &[u8]) -> Option<u64> {
    let digits = body.strip_prefix(br#"{"id":"#)?;
    let len = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..len]).ok()?.parse().ok()
}

#[inline(never)]
fn trap_over_the_event() {
    panic!("this version cannot bear the event");
}

#[inline(never)]
fn spin_for_ever() {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

// On the developer's own machine there is nothing to export to; the type is checked all the same.
#[cfg(not(target_arch = "wasm32"))]
const _: () = {
    const fn is_an_interceptor<I: Interceptor>() {}
    is_an_interceptor::<Versions>();
};

/// What `weir_interceptor::export!` makes, but for the version, which is the block's number and not the crate's.
#[cfg(target_arch = "wasm32")]
mod component {
    use weir_interceptor::bindings::exports::weir::interceptor::interceptor as contract;
    use weir_interceptor::runner::{self, Runner};

    use super::{Versions, block};

    std::thread_local! {
        static RUNNER: Runner<Versions> = const { Runner::new() };
    }

    struct Component;

    impl contract::Guest for Component {
        fn describe() -> contract::Description {
            let number = block::read().map_or("unknown", |(_, number)| number);
            runner::describe::<Versions>(env!("CARGO_PKG_NAME"), number)
        }
        fn configure(settings: Vec<(String, String)>) -> Result<(), String> {
            RUNNER.with(|runner| runner.configure(settings))
        }
        fn intercept(events: &contract::Batch) -> Result<(), String> {
            RUNNER.with(|runner| runner.intercept(events))
        }
    }

    weir_interceptor::bindings::export_component!(Component with_types_in weir_interceptor::bindings);
}

#[cfg(test)]
mod tests {
    use weir_interceptor::testing::{self, Events, Fate};

    use super::*;

    #[test]
    fn a_good_version_stamps_its_number_and_the_events_place() {
        let mut versions: Versions = testing::configure(&[("prefix", "outer")]).unwrap();
        let judged = Events::of_bodies([r#"{"id":7,"x":1}"#, r#"{"id":8,"x":1}"#]).judge(&mut versions).unwrap();
        assert_eq!(judged[1].fate, Fate::Kept);
        assert_eq!(judged[1].header("outer-version"), Some("1"));
        assert_eq!(judged[1].header("outer-batch"), Some("7/2/1"));
    }
}
