//! A thousand swaps under full load: nothing lost, nothing repeated, order kept, each batch of one version. What they cost is printed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::message::{Message, Timestamp};

use weir::control::now;
use weir::control::swap::SwapResult;

use super::stamps::{self, Stamp};
use super::{PARTITIONS, PIPELINE};
use crate::harness::agent::Site;
use crate::harness::api::Swap;
use crate::harness::broker::Broker;
use crate::harness::checker::Checker;
use crate::harness::configuration::Pipeline;
use crate::harness::load::{Feed, Supply};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::transactions::{Transactions, planned_swaps};
use crate::harness::versions::Version;
use crate::harness::{cache, reader, turn};

use std::sync::Arc;

/// The exchanged interceptor; the one before it stays what it is, and says which batches there were.
const TARGET: &str = "swap/i1";
/// So many versions take turns, so that each is compiled once and then found in the cache.
const VERSIONS: u32 = 20;
/// Windows with swaps, and as many without, one after the other.
const WINDOWS: u64 = 10;
/// From one swap to the next: a thousand of them take as long as somebody can wait for, and leave the machine to the events.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the windows without swaps are.
const QUIET: Duration = Duration::from_secs(4);
/// Events the source is behind throughout.
const AHEAD: u64 = 50_000;

/// A stretch of time, milliseconds since the epoch.
struct Window {
    from: u64,
    to: u64,
    swaps: bool,
}

#[test]
fn a_thousand_swaps_under_full_load_lose_repeat_and_reorder_nothing() {
    let _turn = turn::alone();
    let swaps = planned_swaps(1_000);
    let versions: Vec<Version> = (0..VERSIONS).map(Version::good).collect();
    let home = cache::scratch("swaps-plugins");
    let (outer, file) = (home.join("outer.wasm"), home.join("plugin.wasm"));
    Version::good(9_999).put(&outer);
    versions[0].put(&file);

    let bootstrap = Broker::shared().bootstrap();
    let transactions = Transactions::new(PARTITIONS);
    let input = Arc::new(Topic::create(bootstrap, "swaps-in", PARTITIONS));
    // Records tell when they arrived.
    let output = Topic::named(bootstrap, &topics::unique("swaps-out"), PARTITIONS, &[("message.timestamp.type", "LogAppendTime")]);
    let group = topics::unique("swaps");
    let pipeline = Pipeline {
        plugins: vec![outer, file],
        batch_size: 100,
        more: "SOURCE.interceptors.i0.prefix = outer\n",
        ..Pipeline::new(PIPELINE, &input, &output.name, &group)
    };
    let site = Site::new("swaps", &pipeline.properties(), &[PIPELINE]);
    let agent = site.start();
    let feed = Feed::start(&input, &transactions, Supply::Ahead { group: group.clone(), events: AHEAD });
    let api = agent.api();

    let mut put = vec![0_u16];
    let mut took = Vec::new();
    let mut swap = || {
        let number = put.len() % VERSIONS as usize;
        let begun = Instant::now();
        let component = &versions[number].component;
        let report = api.swap(TARGET, &Swap { component, name: "version.wasm", untried: true, wait: 60, ..Swap::default() });
        let report = report.unwrap_or_else(|problem| panic!("swap {}: {problem}", put.len()));
        took.push(begun.elapsed());
        assert_eq!((report.result, report.to.digest.as_str()), (SwapResult::Swapped, versions[number].digest.as_str()), "{report:?}");
        put.push(number as u16);
    };
    // Each is compiled once, before anything is measured.
    (0..u64::from(VERSIONS).min(swaps)).for_each(|_| swap());
    let mut windows = Vec::new();
    for window in 0..WINDOWS {
        let from = now();
        let rest = swaps.saturating_sub(u64::from(VERSIONS));
        for _ in rest * window / WINDOWS..rest * (window + 1) / WINDOWS {
            let begun = Instant::now();
            swap();
            sleep(PAUSE.saturating_sub(begun.elapsed()));
        }
        windows.push(Window { from, to: now(), swaps: true });
        let from = now();
        sleep(QUIET);
        windows.push(Window { from, to: now(), swaps: false });
    }
    took.sort_unstable();
    let usage = agent.usage();
    let events = feed.stop();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);

    let mut checker = Checker::new(&transactions, events);
    let mut stamped: Vec<Option<Stamp>> = vec![None; events as usize];
    let begin = windows[0].from;
    let mut arrivals: Vec<u32> = Vec::new();
    reader::read(&output, |message| {
        let body = message.payload().unwrap_or_default();
        checker.arrived(message.partition(), body);
        if let Some(id) = crate::harness::transactions::id_in(body) {
            stamped[id as usize] = Some(Stamp::of(message));
        }
        let Timestamp::LogAppendTime(at) = message.timestamp() else { panic!("no arrival time") };
        if let Some(at) = at.cast_unsigned().checked_sub(begin) {
            let at = at as usize;
            arrivals.resize(arrivals.len().max(at + 1), 0);
            arrivals[at] += 1;
        }
    });
    let report = checker.report();
    println!("swaps: {} swaps; {report}; {} MiB at most", put.len() - 1, usage.peak >> 20);
    let middle = took.get(took.len() / 2).copied().unwrap_or_default();
    println!("swaps: a call took {middle:.1?} in the middle, {:.1?} at most", took.last().copied().unwrap_or_default());
    let (rate, gap) = measure(&windows, &arrivals, begin, true);
    let (quiet_rate, quiet_gap) = measure(&windows, &arrivals, begin, false);
    println!(
        "swaps: {rate:.0} events a second with swaps, {quiet_rate:.0} without, ratio {:.3}; longest gap between arrivals {gap} ms with, {quiet_gap} ms without",
        rate / quiet_rate
    );

    report.assert_exact();
    let batches = stamps::assert_whole_batches(&stamped);
    let mut seen = 0;
    for partition in 0..PARTITIONS {
        let runs = stamps::runs(&stamped, &transactions, partition);
        seen += runs.len();
        assert!(stamps::in_order(&runs, &put), "partition {partition}: versions came in another order than they were put in place");
    }
    println!("swaps: {batches} batches, each whole and of one version; {seen} stretches of one version in {PARTITIONS} partitions");
    assert_eq!(put.len() as u64, swaps + 1);
    // Every swap was answered after the version's first batch, so every version left a trace in some partition.
    assert!(seen >= put.len(), "only {seen} stretches of {} versions", put.len());
}

/// Events a second and the longest time without an arrival, milliseconds, over the windows of one kind.
fn measure(windows: &[Window], arrivals: &[u32], begin: u64, swaps: bool) -> (f64, usize) {
    let (mut events, mut millis, mut longest) = (0, 0, 0);
    for window in windows.iter().filter(|window| window.swaps == swaps) {
        let to = ((window.to - begin) as usize).min(arrivals.len());
        let stretch = &arrivals[((window.from - begin) as usize).min(to)..to];
        events += stretch.iter().map(|count| u64::from(*count)).sum::<u64>();
        millis += window.to - window.from;
        longest = stretch.split(|count| *count > 0).map(<[u32]>::len).max().unwrap_or(0).max(longest);
    }
    (events as f64 * 1000.0 / millis.max(1) as f64, longest)
}
