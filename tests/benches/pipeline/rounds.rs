//! Who takes a turn when.

use std::fmt::Display;

use crate::contestant::Contestant;
use crate::options::{Kind, Options};
use crate::report::Row;

/// Lets everybody run once a round. Another one begins each round, and every second goes backwards, so that none always follows the same.
pub fn take_turns<T: Display>(options: &Options, contestants: &[Contestant], mut run: impl FnMut(&Contestant) -> T) -> Vec<Row<T>> {
    // The broker's machine compiles as it goes: whoever came first would pay for all.
    run(&contestants[0]);
    let row = |one: &Contestant| Row { name: one.name.clone(), base: one.base, rounds: Vec::new() };
    let mut rows: Vec<Row<T>> = contestants.iter().map(row).collect();
    for round in 0..options.rounds {
        for turn in 0..contestants.len() {
            let place = (turn + round as usize) % contestants.len();
            let index = if round.is_multiple_of(2) { place } else { contestants.len() - 1 - place };
            let contestant = &contestants[index];
            let sits_out = contestant.kind == Kind::Flume && round >= options.flume_rounds;
            let result = (!sits_out).then(|| run(contestant));
            if let Some(result) = &result {
                eprintln!("round {} of {}, {}: {result}", round + 1, options.rounds, contestant.name);
            }
            rows[index].rounds.push(result);
        }
    }
    rows
}
