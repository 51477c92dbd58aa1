//! What the file channel does in a second: events of 250 bytes through put, take and ack, on a real directory (`WEIR_BENCH_DIRECTORY`, else a
//! temporary one), in batches of 5, 100 and 1000.
//!
//! As in a pipeline, a putter has up to 20,000 events open, and a taker commits what it takes at once. The columns: events a second through all of
//! it, and with the put acknowledged after each batch, which is what one sync costs.
//!
//! `cargo bench -p weir-agent --bench file_channel`

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod smoke;

use std::path::Path;
use std::time::{Duration, Instant};

use weir::batch::Batch;
use weir::channel::file::{File, Spec};
use weir::channel::{Channel, Opening};
use weir::delivery::Delivery;
use weir::event::Event;
use weir::pipeline::ledger::{Ledger, Limit, Partition};
use weir::telemetry::{Health, Metrics};

/// Each round runs about so long.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 3;
/// As a test.
const SMOKE_ROUND: Duration = Duration::from_millis(100);
const BODY: usize = 250;

fn main() {
    if smoke::is_meant() {
        smoke::run("the_file_channel_gives_all_that_it_was_given", || measure(1, SMOKE_ROUND));
    }
    measure(ROUNDS, ROUND);
}

fn measure(rounds: usize, length: Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let directory = match std::env::var_os("WEIR_BENCH_DIRECTORY") {
        Some(directory) => tempfile::tempdir_in(directory).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    println!("{:>8}{:>20}{:>24}", "batch", "events/s", "events/s, one open");
    for size in [5, 100, 1000] {
        let mut best = [0.0f64; 2];
        for round in 0..rounds {
            for (column, open) in [(0, 20_000), (1, 1)] {
                let place = directory.path().join(format!("{size}-{round}-{open}"));
                best[column] = best[column].max(runtime.block_on(throughput(&place, size, open, length)));
            }
        }
        println!("{size:>8}{:>20.0}{:>24.0}", best[0], best[1]);
    }
}

/// Events a second through put, take and commit for so long, with so many put and not acknowledged at most.
async fn throughput(directory: &Path, size: usize, open: usize, length: Duration) -> f64 {
    let spec = Spec { minimum_free_space: 0, ..Spec::default() };
    let metrics = Metrics::new().channel("bench", "bench", "file", 0, 0);
    let opening = Opening { name: "bench", directory, metrics, health: Health::new().named("bench") };
    let channel = File::open(&spec, opening).await.unwrap();
    let taking = tokio::spawn({
        let channel = channel.clone();
        async move {
            let mut taken = 0;
            while let Some(batch) = channel.take(size).await {
                taken += batch.batch().len();
                batch.commit();
            }
            taken
        }
    });
    let batch = Batch::from(vec![Event::new(vec![b'x'; BODY]); size]);
    let mut ledger = Ledger::new(Limit { events: open, bytes: usize::MAX });
    let (begun, mut put) = (Instant::now(), 0);
    while begun.elapsed() < length {
        while !ledger.has_room() {
            ledger.settled().await.unwrap();
        }
        put += size;
        let reached = [(Partition { topic: "bench".into(), number: 0 }, put as i64)].into();
        let ack = ledger.track(size, size * BODY, reached);
        channel.put(Delivery { batch: batch.clone(), ack }).await;
    }
    while ledger.is_open(&[]) {
        ledger.settled().await.unwrap();
    }
    channel.close();
    assert_eq!(taking.await.unwrap(), put, "all that is put is taken");
    channel.finish().await;
    put as f64 / begun.elapsed().as_secs_f64()
}
