//! Going back at any time, and two people who swap at once; the history says which version judged which offsets.

use std::collections::BTreeMap;

use weir::control::swap::{HistoryEntry, SwapResult};

use super::{Scene, Setup, TARGET, assert_says, swap, swapped, until_judged_by};
use crate::harness::api::Swap;
use crate::harness::turn;
use crate::harness::versions::Version;

#[test]
fn any_version_that_ran_can_be_gone_back_to_also_after_a_restart() {
    let _turn = turn::alone();
    let [one, two, three, four] = [1, 2, 3, 4].map(Version::good);
    let scene = Scene::new("back", &one, Setup::default());
    let agent = scene.site.start();
    let feed = scene.feed(3_000);
    scene.flows(1_000);
    let api = agent.api();
    // Nothing ran before the first one.
    let problem = api.rollback(TARGET, None).unwrap_err();
    assert_eq!(problem.status, 409, "{problem}");

    swapped(&api, &two);
    swapped(&api, &three);
    let report = api.rollback(TARGET, None).unwrap();
    assert_eq!((report.from.digest, report.to.digest), (three.digest.clone(), two.digest.clone()));
    scene.flows(1_000);
    let report = api.rollback(TARGET, Some(&one.digest[..12])).unwrap();
    assert_eq!(report.to.digest, one.digest);
    scene.flows(1_000);
    let problem = api.rollback(TARGET, Some(&"0".repeat(64))).unwrap_err();
    println!("rollback: {problem}");
    assert_eq!(problem.status, 409, "{problem}");
    assert_eq!(api.rollback(TARGET, Some(&one.digest)).unwrap().result, SwapResult::Unchanged);

    // In the middle of a trial, at once.
    swap(&api, &four, true).unwrap();
    assert!(api.interceptor(TARGET).trial.is_some());
    assert_eq!(api.rollback(TARGET, None).unwrap().to.digest, one.digest);
    scene.flows(1_000);
    swapped(&api, &four);
    assert_eq!(agent.terminate(), 0);

    // What is no longer in memory comes from the disk.
    let agent = scene.site.start();
    let api = agent.api();
    assert_eq!(api.version(TARGET).digest, four.digest);
    scene.flows(1_000);
    assert_eq!(api.rollback(TARGET, Some(&three.digest)).unwrap().to.digest, three.digest);
    scene.flows(1_000);
    assert_eq!(api.rollback(TARGET, Some(&two.digest)).unwrap().to.digest, two.digest);
    scene.flows(1_000);
    assert_eq!(agent.terminate(), 0);
    let agent = scene.site.start();
    let api = agent.api();
    until_judged_by(&api, &two);

    let events = feed.stop();
    crate::harness::topics::Group::new(&scene.group, &scene.input).wait_until_settled();
    // A last change, so that what the present version judged is written down.
    api.rollback(TARGET, Some(&one.digest)).unwrap();
    let history = api.history(TARGET).versions;
    let (checker, _) = scene.finish(agent, events);
    println!("rollback: {}", checker.report());
    checker.report().assert_exact();
    assert_offsets_follow_each_other(&history, &scene.input.ends());
}

#[test]
fn of_two_who_swap_at_once_one_is_told_that_the_other_did() {
    let _turn = turn::shared();
    let [one, two, three] = [1, 2, 3].map(Version::good);
    let scene = Scene::new("race", &one, Setup::default());
    let agent = scene.site.start();
    let feed = scene.feed(1_000);
    scene.flows(500);
    let api = agent.api();
    let both = std::thread::scope(|scope| {
        let swaps = [&two, &three].map(|version| {
            let (api, expected) = (&api, one.digest.as_str());
            scope.spawn(move || {
                let swap = Swap {
                    component: &version.component,
                    name: "x.wasm",
                    expected: Some(expected),
                    untried: true,
                    wait: 30,
                    ..Swap::default()
                };
                api.swap(TARGET, &swap)
            })
        });
        swaps.map(|swap| swap.join().unwrap())
    });
    let refused: Vec<_> = both.iter().filter_map(|result| result.as_ref().err()).collect();
    let [problem] = refused[..] else { panic!("one of two is refused: {both:?}") };
    assert_eq!(problem.status, 409, "{problem}");
    let winner = both.iter().find_map(|result| result.as_ref().ok()).unwrap();
    assert_eq!(api.version(TARGET).digest, winner.to.digest);
    // Later as well.
    let late = Swap { component: &three.component, name: "x.wasm", expected: Some(&one.digest), wait: 30, ..Swap::default() };
    let problem = api.swap(TARGET, &late).unwrap_err();
    println!("race: {problem}");
    assert_eq!(problem.status, 409);
    assert_says(&problem.to_string(), &[&[one.digest.as_str()]]);
    let events = feed.stop();
    let (checker, _) = scene.finish(agent, events);
    checker.report().assert_exact();
}

/// In every partition each version begins where the one before it ended, from the first offset to the last.
#[track_caller]
fn assert_offsets_follow_each_other(history: &[HistoryEntry], ends: &[i64]) {
    let mut reached: BTreeMap<i32, i64> = BTreeMap::new();
    for entry in history.iter().rev() {
        for range in &entry.offsets {
            let at = reached.entry(range.partition).or_insert(0);
            assert_eq!(range.from, *at, "partition {} of version {}: {history:#?}", range.partition, entry.version.id);
            assert!(range.to >= range.from, "{range:?}");
            *at = range.to;
        }
    }
    let reached: Vec<i64> = reached.into_values().collect();
    assert_eq!(reached, ends, "{history:#?}");
}
