//! One pipeline that reads topics of more and more partitions: what an event costs must not depend on how many there are.

use weir_tests::harness::broker::{Broker, Machine};
use weir_tests::harness::topics::Topic;

use crate::contestant::Contestant;
use crate::options::Options;
use crate::steady::{COLUMNS, Measured, rounds};
use crate::table::{Cell, Table};

const PARTITIONS: [i32; 4] = [1, 16, 64, 256];

/// The table.
pub fn run(options: &Options) -> Table {
    let broker = Broker::start(Machine::Fast);
    let counts = if options.smoke { &PARTITIONS[..2] } else { &PARTITIONS[..] };
    let case = |count: &i32| (format!("{count} partitions"), vec![Topic::create(broker.bootstrap(), "scale-in", *count)]);
    let cases: Vec<_> = counts.iter().map(case).collect();
    let results = rounds(&broker, &cases, options.events, options.rounds);
    table(format!("One pipeline, {} events a run", options.events), &cases, &results)
}

/// A row for each case and contestant.
pub fn table(title: String, cases: &[(String, Vec<Topic>)], results: &[[Vec<Measured>; 2]]) -> Table {
    let mut table = Table::new(title, &["case", "who", COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4]]);
    for ((name, _), both) in cases.iter().zip(results) {
        for (contestant, rounds) in Contestant::BOTH.into_iter().zip(both) {
            let mut cells: Vec<Cell> = vec![name.clone().into(), contestant.name().into()];
            cells.extend(Measured::cells(rounds));
            table.row(cells);
        }
    }
    table
}
