//! `kill -9` at every step of a swap and of a roll-back: whatever was half done, the next agent runs a good version and knows its history.

use weir::control::swap::{SwapResult, VersionState};

use super::{PATIENCE, Scene, Setup, TARGET, swap, swapped};
use crate::harness::agent::Agent;
use crate::harness::api::{Api, Swap};
use crate::harness::versions::Version;
use crate::harness::{turn, wait};

/// Names a step at which the agent is to die.
const STOP_AT: &str = "WEIR_TEST_STOP_AT";
/// How a process ends of SIGKILL.
const KILLED: i32 = 128 + 9;

/// A step, and which version may run after it.
struct Step {
    name: &'static str,
    after: After,
}

enum After {
    /// The one before: the new one was not yet written down, or was still on trial.
    Old,
    /// The new one: its trial was over, or it was gone back to.
    New,
    Either,
}

const STEPS: [Step; 9] = [
    Step { name: "swap-read", after: After::Old },
    Step { name: "swap-admitted", after: After::Old },
    Step { name: "swap-stored", after: After::Old },
    Step { name: "swap-journalled", after: After::Old },
    Step { name: "swap-switched", after: After::Old },
    Step { name: "swap-first-batch", after: After::Old },
    // The end of a trial is written down and then true, or the other way round.
    Step { name: "swap-trial-end", after: After::Either },
    Step { name: "rollback-journalled", after: After::New },
    Step { name: "rollback-switched", after: After::New },
];

#[test]
fn a_kill_at_any_step_of_a_swap_leaves_a_good_version_and_a_sane_history() {
    let _turn = turn::alone();
    let first = Version::good(1);
    let scene = Scene::new("crash", &first, Setup { more: "PLUGIN.trial = 2s\n", ..Setup::default() });
    let feed = scene.feed(2_000);
    let mut running = first;
    let mut number = 1;
    let mut next = || {
        number += 1;
        Version::good(number)
    };
    for Step { name, after } in STEPS {
        let mut agent = scene.site.launch_with(0, &[(STOP_AT, name)]);
        agent.wait_until_ready();
        scene.flows(1_000);
        let api = agent.api();
        let (old, new) = match name.starts_with("rollback") {
            true => {
                let replaced = next();
                swapped(&api, &replaced);
                // Nobody answers any more.
                drop(api.try_rollback(TARGET, None));
                (replaced, running)
            }
            false => {
                let version = next();
                drop(api.try_swap(TARGET, &Swap { component: &version.component, name: "new.wasm", wait: 30, ..Swap::default() }));
                (running, version)
            }
        };
        wait::until(&format!("the agent dies at {name}"), PATIENCE, || !agent.is_running());
        assert_eq!(agent.wait(), KILLED, "{name}");

        let agent = scene.site.start();
        scene.flows(1_000);
        let api = agent.api();
        let digest = api.version(TARGET).digest;
        println!("killed at {name}: {} runs", if digest == old.digest { "the old one" } else { "the new one" });
        match after {
            After::Old => assert_eq!(digest, old.digest, "{name}"),
            After::New => assert_eq!(digest, new.digest, "{name}"),
            After::Either => assert!([&old.digest, &new.digest].contains(&&digest), "{name}"),
        }
        assert_history_is_sane(&api, name);
        let further = next();
        swapped(&api, &further);
        assert_history_is_sane(&api, name);
        assert_eq!(agent.terminate(), 0, "{name}");
        running = further;
    }

    let agent = scene.site.start();
    assert_eq!(agent.api().version(TARGET).digest, running.digest);
    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    println!("killed at every step: {}", checker.report());
    checker.report().assert_nothing_lost();
    assert!(letters.is_empty(), "{:?}", letters.first());
}

/// Kills at moments nobody chose: a swap is always under way.
#[test]
fn kills_at_any_time_while_versions_change_lose_nothing() {
    let _turn = turn::alone();
    let versions: Vec<Version> = (0..4).map(Version::good).collect();
    let scene = Scene::new("kills", &versions[0], Setup { more: "PLUGIN.trial = 1s\n", ..Setup::default() });
    let feed = scene.feed(2_000);
    let mut swaps = 0;
    for kill in 0..5_u64 {
        let agent: Agent = scene.site.start();
        scene.flows(500);
        let api = agent.api();
        std::thread::scope(|scope| {
            let swapping = scope.spawn(|| {
                let mut done = 0;
                for version in versions.iter().cycle() {
                    let swap = Swap { component: &version.component, name: "new.wasm", wait: 5, ..Swap::default() };
                    match api.try_swap(TARGET, &swap) {
                        Ok(answer) => done += u64::from(answer.status == 200),
                        Err(_) => break,
                    }
                }
                done
            });
            // Never at the same distance from the start, yet the same in every run.
            std::thread::sleep(std::time::Duration::from_millis(400 + kill * 377 % 900));
            agent.kill();
            swaps += swapping.join().unwrap();
        });
    }
    let agent = scene.site.start();
    let api = agent.api();
    assert_history_is_sane(&api, "five kills");
    let report = swap(&api, &Version::good(99), false).unwrap();
    assert_eq!(report.result, SwapResult::Swapped, "{report:?}");
    let events = feed.stop();
    let (checker, _) = scene.finish(agent, events);
    println!("five kills over {swaps} swaps: {}", checker.report());
    assert!(swaps > 0, "kills of an agent that does not swap show nothing");
    checker.report().assert_nothing_lost();
}

/// Newest first; the present version is in it, without fault, and what came after it was interrupted, rolled back, or never proved itself.
#[track_caller]
fn assert_history_is_sane(api: &Api, when: &str) {
    let (history, present) = (api.history(TARGET).versions, api.version(TARGET));
    assert!(history.windows(2).all(|pair| pair[0].version.id > pair[1].version.id), "{when}: {history:#?}");
    let entry = history.iter().find(|entry| entry.version.id == present.id);
    let entry = entry.unwrap_or_else(|| panic!("{when}: {present:?} is not in {history:#?}"));
    assert_eq!((&entry.version.digest, entry.until), (&present.digest, None), "{when}");
    assert!(matches!(entry.state, VersionState::Good | VersionState::Trial), "{when}: {entry:?}");
    for other in history.iter().filter(|other| other.version.id != present.id) {
        assert_ne!(other.state, VersionState::Trial, "{when}: {other:?}");
        let failed = matches!(other.state, VersionState::Interrupted | VersionState::RolledBack);
        let unproven = failed || other.state == VersionState::Replaced;
        assert!(unproven || other.version.id < present.id, "{when}: {other:?} came after {present:?}");
        assert_eq!(failed, !other.reason.is_empty(), "{when}: {other:?}");
        assert!(other.offsets.iter().all(|range| range.from <= range.to), "{when}: {other:?}");
    }
}
