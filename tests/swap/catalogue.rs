//! Every bad plugin there is: refused with the reason, or rolled back by itself, while the good one judges on and no event is lost or parked for it.

use std::collections::BTreeSet;

use weir::control::swap::{SwapResult, VersionState};

use super::{PATIENCE, PIPELINE, Scene, Setup, TARGET, assert_says, entry, swap, swapped, until_judged_by, until_rolled_back};
use crate::harness::api::{Api, Swap};
use crate::harness::bad_plugins::{self, Bad};
use crate::harness::load;
use crate::harness::signing::Signer;
use crate::harness::topics::Group;
use crate::harness::transactions::{Kind, Transactions};
use crate::harness::versions::{Version, digest};
use crate::harness::{turn, wait};

/// Events a second: enough for a hundred batches in each, and room for an agent that was not optimised.
const PACE: u64 = 5_000;
/// How much an agent may log, whatever its plugins print.
const LOG: usize = 64 << 20;

/// The refusal of a file, which leaves everything as it was.
fn refused(api: &Api, good: &Version, name: &str, file: &[u8], says: &[&[&str]]) {
    let problem = api.swap(TARGET, &Swap { component: file, name, wait: 20, ..Swap::default() }).expect_err(name);
    println!("refused {name}: {problem}");
    // No body at all is the request's fault, not the component's.
    assert_eq!(problem.status, if file.is_empty() { 400 } else { 422 }, "{name}: {problem}");
    assert_says(&problem.to_string(), says);
    assert_eq!(api.version(TARGET).digest, good.digest, "{name}");
    assert!(entry(api, &digest(file)).is_none(), "{name} is in the history");
}

#[test]
fn what_is_bad_from_the_beginning_is_refused_with_the_reason_and_changes_nothing() {
    let _turn = turn::alone();
    let good = Version::good(1);
    let scene = Scene::new("refused", &good, Setup::default());
    let agent = scene.site.start();
    let feed = scene.feed(PACE);
    scene.flows(2_000);
    let api = agent.api();

    for Bad { name, file, says } in bad_plugins::all() {
        refused(&api, &good, name, &file, says);
    }
    let bomb = bad_plugins::compile_bomb();
    refused(&api, &good, bomb.name, &bomb.file, bomb.says);
    let huge = api.swap(TARGET, &Swap { component: &bad_plugins::huge(), name: "huge.wasm", wait: 20, ..Swap::default() });
    let huge = huge.expect_err("33 MiB");
    println!("refused huge.wasm: {huge}");
    assert_eq!(huge.status, 413, "{huge}");

    let modes: [(&str, &[&[&str]]); 6] = [
        ("configure-fails", &[&["this version refuses every setting"]]),
        ("configure-spins", &[&["no answer within"]]),
        ("traps-always", &[&["rehearsal"], &["unreachable"], &["trap_over_the_event"]]),
        ("slow=30", &[&["rehearsal"], &["trialSlower"]]),
        ("discards=5", &[&["rehearsal"], &["trialDiscards"]]),
        ("rejects-all", &[&["rehearsal"], &["trialDiscards"]]),
    ];
    for (number, (mode, says)) in modes.into_iter().enumerate() {
        let name = format!("{}.wasm", mode.replace('=', "-"));
        refused(&api, &good, &name, &Version::new(mode, 100 + number as u32).component, says);
    }

    assert_eq!(api.history(TARGET).versions.len(), 1, "only the first version is there");
    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    println!("refused plugins: {}", checker.report());
    checker.report().assert_exact();
    assert!(letters.is_empty(), "{:?}", letters.first());
}

#[test]
fn what_turns_out_bad_is_rolled_back_by_itself_and_the_old_version_judges_what_it_failed_over() {
    let _turn = turn::alone();
    let good = Version::good(1);
    // Without a rehearsal all of them get as far as real events.
    let more = "PLUGIN.rehearsal = 0\nPLUGIN.trial = 60s\nPLUGIN.memory = 16MiB\n";
    let scene = Scene::new("undone", &good, Setup { more, ..Setup::default() });
    let agent = scene.site.start();
    let feed = scene.feed(PACE);
    scene.flows(2_000);
    let api = agent.api();

    let modes: [(&str, &[&[&str]]); 6] = [
        ("spins-on-batch=150", &[&["no answer within"]]),
        ("traps-always", &[&["unreachable"]]),
        ("slow=30", &[&["trialSlower"]]),
        ("leaks=262144", &[&["trialMemory"]]),
        ("discards=5", &[&["trialDiscards"]]),
        ("rejects-all", &[&["trialDiscards"]]),
    ];
    let mut rejecting = String::new();
    for (number, (mode, says)) in modes.into_iter().enumerate() {
        let version = Version::new(mode, 100 + number as u32);
        let report = swap(&api, &version, true).unwrap_or_else(|problem| panic!("{mode}: {problem}"));
        assert_ne!(report.result, SwapResult::Unchanged, "{mode}");
        let reason = until_rolled_back(&api, &version);
        println!("rolled back {mode}: {reason}");
        assert_says(&reason, says);
        until_judged_by(&api, &good);
        // One that was rolled back is the present one no more, and what is there now is not on trial.
        assert_eq!(api.interceptor(TARGET).trial, None, "{mode}");
        scene.flows(1_000);
        rejecting = version.digest;
    }

    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    let report = checker.report();
    println!("rolled back plugins: {report}");
    // What the discarding version judged before it was caught is gone on purpose, and what the rejecting one did is parked in its name.
    assert!(checker.lost().all(|id| id.is_multiple_of(5)), "an event is lost that no version discards");
    assert!(report.lost > 0 && report.lost < events / 10, "{report}");
    assert!(letters.iter().all(|letter| letter.plugin.as_deref() == Some(&rejecting)), "{:?}", letters.first());
    assert_eq!((report.duplicated, report.torn, report.fabricated, report.corrupted, report.reordered), (0, 0, 0, 0, 0), "{report}");
}

#[test]
fn a_version_that_discards_twice_as_much_as_the_one_before_goes_back() {
    let _turn = turn::alone();
    let tenth = Version::new("discards=10", 1);
    let more = "PLUGIN.rehearsal = 0\n";
    let scene = Scene::new("discards", &tenth, Setup { more, ..Setup::default() });
    let agent = scene.site.start();
    let feed = scene.feed(PACE);
    scene.flows(2_000);
    let api = agent.api();
    // The same share is no fault, whatever the number.
    let same = Version::new("discards=10", 2);
    swap(&api, &same, true).unwrap();
    scene.flows(2_000);
    let fifth = Version::new("discards=5", 3);
    swap(&api, &fifth, true).unwrap();
    let reason = until_rolled_back(&api, &fifth);
    println!("discards: {reason}");
    assert_says(&reason, &[&["trialDiscards"]]);
    // Back to what was good for certain: the second was on trial itself.
    until_judged_by(&api, &tenth);
    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    let report = checker.report();
    println!("discards: {report}");
    let lost: BTreeSet<u64> = checker.lost().collect();
    assert!(lost.iter().all(|id| id.is_multiple_of(5)), "an event is lost that no version discards");
    assert!((0..events).step_by(10).all(|id| lost.contains(&id)), "every version discards a tenth");
    assert_eq!((report.duplicated, report.fabricated, report.corrupted, report.reordered), (0, 0, 0, 0), "{report}");
    assert!(letters.is_empty(), "{:?}", letters.first());
}

/// The events that wake it are not among those it was rehearsed on.
#[test]
fn a_version_that_traps_on_real_data_only_is_rolled_back_and_parks_nothing() {
    let _turn = turn::alone();
    let common = 20_000;
    let rare = 20_000;
    let transactions = Transactions { rare_from: Some(common), ..Transactions::new(super::PARTITIONS) };
    let good = Version::good(1);
    let scene = Scene::new("rare", &good, Setup { transactions: transactions.clone(), ..Setup::default() });
    let agent = scene.site.start();
    let api = agent.api();
    let version = Version::new("traps-on-rare", 2);
    load::fill_on(&scene.input, &transactions, 0..common / 2, None);
    wait::until("the first events are judged", PATIENCE, || scene.output.len() >= common / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| load::fill_on(&scene.input, &transactions, common / 2..common, Some(PACE)));
        let report = swap(&api, &version, true).unwrap();
        assert_eq!(report.result, SwapResult::Swapped, "{report:?}");
        assert!(report.admission.and_then(|admission| admission.rehearsal).is_some_and(|rehearsal| rehearsal.events > 0));
    });
    assert_eq!(entry(&api, &version.digest).map(|entry| entry.state), Some(VersionState::Trial));
    load::fill_on(&scene.input, &transactions, common..common + rare, Some(PACE));
    let reason = until_rolled_back(&api, &version);
    println!("rare: {reason}");
    assert_says(&reason, &[&["unreachable"]]);
    until_judged_by(&api, &good);
    let (checker, letters) = scene.finish(agent, common + rare);
    println!("rare: {}", checker.report());
    checker.report().assert_exact();
    assert!(transactions.count(Kind::Rare, common + rare) > 100);
    assert!(letters.is_empty(), "{:?}", letters.first());
}

#[test]
fn an_event_that_both_versions_fail_over_is_parked_and_nobody_is_blamed() {
    let _turn = turn::alone();
    let events = 40_000;
    let transactions = Transactions { rare_from: Some(10_000), ..Transactions::new(super::PARTITIONS) };
    let (one, two) = (Version::new("traps-on-rare", 1), Version::new("traps-on-rare", 2));
    let more = "PLUGIN.trial = 3s\n";
    let scene = Scene::new("both", &one, Setup { transactions: transactions.clone(), more, ..Setup::default() });
    let agent = scene.site.start();
    let api = agent.api();
    load::fill_on(&scene.input, &transactions, 0..10_000, Some(PACE));
    std::thread::scope(|scope| {
        scope.spawn(|| load::fill_on(&scene.input, &transactions, 10_000..events, Some(PACE)));
        swap(&api, &two, true).unwrap();
        wait::until("the trial is over", PATIENCE, || entry(&api, &two.digest).is_some_and(|entry| entry.state == VersionState::Good));
    });
    assert_eq!(api.version(TARGET).digest, two.digest);
    let (checker, letters) = scene.finish(agent, events);
    println!("both fail: {}", checker.report());
    checker.report().assert_exact();
    assert_eq!(letters.len() as u64, transactions.count(Kind::Rare, events));
    assert!(letters.iter().all(|letter| transactions.kind(transactions.id_at(letter.partition, letter.offset)) == Kind::Rare));
}

#[test]
fn a_version_that_logs_without_end_is_heard_a_little_and_can_be_replaced() {
    let _turn = turn::alone();
    let good = Version::good(1);
    let scene = Scene::new("noise", &good, Setup::default());
    let agent = scene.site.start();
    let feed = scene.feed(PACE);
    scene.flows(2_000);
    let api = agent.api();
    swapped(&api, &Version::new("logs-flood=50", 2));
    scene.flows(10_000);
    swapped(&api, &Version::good(3));
    scene.flows(2_000);
    let logged = agent.log().len();
    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    println!("noise: {}; {} KiB logged", checker.report(), logged >> 10);
    checker.report().assert_exact();
    assert!(letters.is_empty(), "{:?}", letters.first());
    assert!(logged < LOG, "{logged} bytes");
}

#[test]
fn only_what_a_known_key_signed_is_taken() {
    let _turn = turn::shared();
    let (signer, stranger) = (Signer::new(), Signer::new());
    let first = Version::good(1);
    let settings = format!("[agent.signatures]\nrelease = {:?}\n", signer.public());
    let scene = Scene::new("signed", &first, Setup { settings: &settings, ..Setup::default() });
    let beside = scene.plugin.with_extension("wasm.minisig");
    std::fs::write(&beside, signer.sign(&first.component)).unwrap();
    let agent = scene.site.start();
    let feed = scene.feed(1_000);
    scene.flows(500);
    let api = agent.api();

    let second = Version::good(2);
    let (foreign, other) = (stranger.sign(&second.component), signer.sign(&first.component));
    let cases: [(Option<&str>, &[&[&str]]); 4] = [
        (None, &[&["not signed"], &["release"]]),
        (Some("no signature"), &[&["no minisign signature"]]),
        (Some(&foreign), &[&["by none of release"]]),
        (Some(&other), &[&["of another file"]]),
    ];
    for (signature, says) in cases {
        let swap = Swap { component: &second.component, name: "second.wasm", signature, wait: 20, ..Swap::default() };
        let problem = api.swap(TARGET, &swap).expect_err("it is not well signed");
        println!("signature: {problem}");
        assert_eq!(problem.status, 422, "{problem}");
        assert_says(&problem.to_string(), says);
    }
    // What is not signed is refused before anything else is looked at: this is not even WebAssembly.
    let problem = api.swap(TARGET, &Swap { component: b"no plugin", name: "x.wasm", wait: 20, ..Swap::default() }).unwrap_err();
    assert_says(&problem.to_string(), &[&["not signed"]]);

    let signed = signer.sign(&second.component);
    let swap =
        Swap { component: &second.component, name: "second.wasm", signature: Some(&signed), untried: true, wait: 30, ..Swap::default() };
    let report = api.swap(TARGET, &swap).unwrap();
    assert_eq!(report.result, SwapResult::Swapped, "{report:?}");
    assert_eq!(report.admission.and_then(|admission| admission.signed_by).as_deref(), Some("release"));

    // The watched file is held to the same.
    let third = Version::good(3);
    third.put(&scene.plugin);
    wait::until("the unsigned file is refused", PATIENCE, || {
        agent.log().lines().any(|line| line.contains("ERROR") && line.contains("signature"))
    });
    assert_eq!(api.version(TARGET).digest, second.digest);
    std::fs::write(&beside, signer.sign(&third.component)).unwrap();
    until_judged_by(&api, &third);

    let events = feed.stop();
    Group::new(&scene.group, &scene.input).wait_until_settled();
    assert_eq!(api.status().pipelines[0].name, PIPELINE);
    let (checker, _) = scene.finish(agent, events);
    checker.report().assert_exact();
}
