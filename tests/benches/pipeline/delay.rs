//! How long an event takes from when it was due at the source topic until a reader of the sink's has it, at a fixed rate.
//!
//! Feed and reader are in one process and share its clock. An event's id says when it was due, so that a feed or a contestant that stalls is charged
//! for all that had to wait, not only for the first. The feed's own 10 ms of lingering are part of every delay: `nobody` shows what is left without
//! anybody between.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::load::{self, Feed, Supply};
use weir_tests::harness::topics::{Topic, client};
use weir_tests::harness::transactions::{Transactions, id_in};
use weir_tests::harness::wait;

use crate::PARTITIONS;
use crate::contestant::{Contestant, Running};
use crate::options::{Kind, Options};
use crate::report::{Column, Report, hundredths};
use crate::rounds::take_turns;

/// Before anything counts: connections are up, code is compiled, queues have their size.
const WARM_UP: Duration = Duration::from_secs(5);
/// Events that show that a contestant has its partitions.
const PROBES: u64 = 100;
/// How long a contestant may take to get them, and the last event may be late.
const PATIENCE: Duration = Duration::from_secs(90);

/// What one run showed.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// Milliseconds that half of the events took at most.
    p50: f64,
    /// The same of 99 in a hundred.
    p99: f64,
    /// The same of 999 in a thousand.
    p999: f64,
    /// Cores the contestant was busy on.
    cores: f64,
}

const COLUMNS: [Column<Delays>; 4] = [
    Column { title: "p50 ms", key: "p50_ms", value: |delays| Some(delays.p50), show: tenths, ratio: true },
    Column { title: "p99 ms", key: "p99_ms", value: |delays| Some(delays.p99), show: tenths, ratio: true },
    Column { title: "p99.9 ms", key: "p999_ms", value: |delays| Some(delays.p999), show: tenths, ratio: true },
    Column { title: "cores", key: "cores", value: |delays| Some(delays.cores), show: hundredths, ratio: false },
];

/// Lets everybody pass on a steady stream, round by round.
pub fn run(options: &Options, contestants: &[Contestant], rate: u64) -> Vec<(String, Report)> {
    let broker = Broker::start(Machine::Fast);
    let mut reports = Vec::new();
    for size in options.sizes() {
        let transactions = Transactions { size: *size as usize, ..Transactions::new(PARTITIONS) };
        let window = Window { rate, begin: WARM_UP, length: Duration::from_secs(options.seconds) };
        let rows = take_turns(options, contestants, |contestant| measure(contestant, &broker, &transactions, window));
        let title = format!("{rate} events of {size} B a second, {} rounds of {} s", options.rounds, options.seconds);
        reports.push((title, Report::new(&COLUMNS, &rows)));
    }
    reports
}

/// The events that count: those due within it.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Events a second.
    pub rate: u64,
    /// How long after the first event it begins.
    pub begin: Duration,
    /// How long it is.
    pub length: Duration,
}

/// Lets a contestant pass on a stream until all that count have arrived.
///
/// # Panics
/// When one does not.
pub fn measure(contestant: &Contestant, broker: &Broker, transactions: &Transactions, window: Window) -> Delays {
    let input = Arc::new(Topic::create(broker.bootstrap(), "delay-in", PARTITIONS));
    let output = match contestant.kind {
        Kind::Nobody => input.clone(),
        _ => Arc::new(Topic::create(broker.bootstrap(), "delay-out", PARTITIONS)),
    };
    let running = contestant.start(&input, &output.name);
    load::fill(&input, transactions, PROBES, None);
    wait::until("the contestant has its partitions", PATIENCE, || output.len() >= PROBES);
    let reader = Reader::at_the_end_of(&output);
    let feed = Feed::start(&input, transactions, Supply::OnTime(window.rate));
    let delays = reader.read(feed.begun(), window, &running);
    feed.stop();
    delays
}

/// Reads a topic as fast as records come.
struct Reader(BaseConsumer);

impl Reader {
    fn at_the_end_of(topic: &Topic) -> Reader {
        let consumer: BaseConsumer =
            client(topic.bootstrap()).set("group.id", "reader").set("enable.auto.commit", "false").create().unwrap();
        let mut list = TopicPartitionList::new();
        for (partition, end) in (0..topic.partitions).zip(topic.ends()) {
            list.add_partition_offset(&topic.name, partition, Offset::Offset(end)).unwrap();
        }
        consumer.assign(&list).unwrap();
        Reader(consumer)
    }

    fn read(&self, begun: Instant, window: Window, running: &Running) -> Delays {
        let Window { rate, begin, length } = window;
        let first = (begin.as_secs_f64() * rate as f64) as u64;
        let mut delays: Vec<Option<Duration>> = vec![None; (length.as_secs_f64() * rate as f64) as usize];
        let mut missing = delays.len();
        let mut used = None;
        let deadline = begun + begin + length + PATIENCE;
        while missing > 0 {
            let message = self.0.poll(Duration::from_millis(100));
            let now = Instant::now();
            if now >= begun + begin {
                used.get_or_insert_with(|| (now, running.usage().cpu));
            }
            assert!(now < deadline, "{missing} of {} events do not come", delays.len());
            let Some(message) = message else { continue };
            let message = message.unwrap();
            let id = message.payload().and_then(id_in).expect("nothing but transactions was sent");
            let due = begun + Duration::from_secs_f64(id as f64 / rate as f64);
            // Of one that comes again the first arrival counts.
            if let Some(delay @ None) = id.checked_sub(first).and_then(|index| delays.get_mut(index as usize)) {
                *delay = Some(now.saturating_duration_since(due));
                missing -= 1;
            }
        }
        let (since, cpu) = used.expect("the last event comes after the window's begin");
        let cores = (running.usage().cpu - cpu) / since.elapsed().as_secs_f64();
        let mut delays: Vec<f64> = delays.into_iter().flatten().map(|delay| delay.as_secs_f64() * 1e3).collect();
        delays.sort_by(f64::total_cmp);
        let at = |part: f64| delays[((delays.len() as f64 * part).ceil() as usize).clamp(1, delays.len()) - 1];
        Delays { p50: at(0.5), p99: at(0.99), p999: at(0.999), cores }
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Delays { p50, p99, p999, cores } = self;
        write!(f, "half within {p50:.1} ms, 99 % within {p99:.1} ms, 99.9 % within {p999:.1} ms; {cores:.2} cores")
    }
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}
