//! One load over more and more pipelines of one agent, each with a topic and a group of its own. There are as many partitions in all in every case,
//! so that only the number of pipelines differs.

use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::topics::Topic;

use crate::options::Options;
use crate::partitions;
use crate::steady::rounds;
use crate::table::Table;

const PIPELINES: [i32; 3] = [1, 10, 100];
const PARTITIONS: i32 = 100;

/// The table.
pub fn run(options: &Options) -> Table {
    let broker = Broker::start(Machine::Fast);
    let (counts, partitions) = if options.smoke { (&PIPELINES[..2], 10) } else { (&PIPELINES[..], PARTITIONS) };
    let case = |count: &i32| (format!("{count} pipelines"), topics(&broker, *count, partitions / count));
    let cases: Vec<_> = counts.iter().map(case).collect();
    let results = rounds(&broker, &cases, options.events, options.rounds);
    partitions::table(
        format!("Pipelines of one agent, {partitions} partitions and {} events a run in all", options.events),
        &cases,
        &results,
    )
}

/// So many topics, some made at a time.
pub fn topics(broker: &Broker, count: i32, partitions: i32) -> Vec<Topic> {
    let create = || Topic::create(broker.bootstrap(), "scale-in", partitions);
    std::thread::scope(|scope| {
        let makers: Vec<_> =
            (0..8.min(count)).map(|maker| scope.spawn(move || (maker..count).step_by(8).map(|_| create()).collect::<Vec<_>>())).collect();
        makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
    })
}
