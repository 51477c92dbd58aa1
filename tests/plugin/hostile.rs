//! Each hostile guest: the agent's side lives on, its memory is bounded, the innocent events come through in order.

use std::time::Duration;

use weir::batch::Batch;
use weir::event::Event;
use weir::interceptor::Error;
use weir::interceptor::spec::{Limits, OnError};
use weir::plugin::FailureKind;

use super::{Start, batch};

#[test]
fn a_guest_that_traps_loses_only_the_events_it_traps_over() {
    for (most, parts) in [(1000, 1), (7, 143), (1, 1000)] {
        let running = Start { most, ..Start::default() }.run("traps");
        for poisoned in [&[][..], &[0], &[999], &[7, 8, 500], &[3]] {
            for rejected in running.only_the_poisoned_are_rejected(1000, poisoned) {
                assert_eq!(rejected.rejection.reason, "wasm trap: wasm `unreachable` instruction executed");
                let backtrace = rejected.rejection.backtrace.expect("a backtrace");
                assert!(backtrace.contains("panic_over_the_event"), "{backtrace}");
            }
        }
        let judged = running.heard.judged.lock().unwrap();
        assert_eq!(judged.len(), 5 * parts);
        assert_eq!(
            judged
                .iter()
                .map(|judgement| (judgement.failed, judgement.rejected))
                .fold((0, 0), |(failed, rejected), next| (failed + next.0, rejected + next.1)),
            (6, 6)
        );
    }
    let running = Start::default().run("traps");
    let judged = running.judge(batch(10, &[4])).unwrap();
    assert!(judged.batch.events.iter().all(|event| event.header_text("seen").as_deref() == Some("yes")));
}

#[test]
fn a_guest_that_traps_over_everything_rejects_everything() {
    let running = Start { settings: &[("every", "1")], ..Start::default() }.run("traps");
    assert_eq!(running.judge(batch(64, &[])).unwrap().rejected.len(), 64);
}

#[test]
fn on_error_decides_about_the_guilty_event() {
    let with = |on_error| Start { on_error, most: 10, ..Start::default() }.run("traps").judge(batch(100, &[42]));
    let passed = with(OnError::Pass).unwrap();
    assert_eq!((passed.batch.len(), passed.rejected.len(), passed.discarded), (100, 0, 0));
    assert_eq!(passed.batch.events[42].header_text("seen"), None);
    let discarded = with(OnError::Discard).unwrap();
    assert_eq!((discarded.batch.len(), discarded.rejected.len(), discarded.discarded), (99, 0, 1));
    let Err(Error::Halted { place, .. }) = with(OnError::Halt) else { panic!("it went on") };
    assert_eq!(place, "topic t partition 0 offset 42");
}

#[test]
fn a_guest_that_spins_is_stopped_at_its_deadline() {
    let running = Start::default().run("spins");
    let rejected = running.only_the_poisoned_are_rejected(200, &[150]);
    let reason = &rejected[0].rejection.reason;
    assert!(reason.starts_with("no answer within "), "{reason}");
    let backtrace = rejected[0].rejection.backtrace.as_deref().expect("a backtrace");
    assert!(backtrace.contains("spin_for_ever"), "{backtrace}");
    assert!(running.heard.failures.lock().unwrap().iter().all(|kind| *kind == FailureKind::Deadline));
}

#[test]
fn a_batch_that_spins_at_every_event_has_an_end() {
    let running = Start { settings: &[("over", "")], ..Start::default() }.run("spins");
    assert_eq!(running.judge(batch(8, &[])).unwrap().rejected.len(), 8);
}

#[test]
fn a_guest_that_hogs_memory_gets_no_more_than_its_limit() {
    let limits = Limits { memory: Some(32 << 20), deadline: Duration::from_secs(2), ..Limits::default() };
    let running = Start { limits, ..Start::default() }.run("hogs-memory");
    let before = resident();
    let rejected = running.only_the_poisoned_are_rejected(50, &[20, 30]);
    assert!(rejected[0].rejection.reason.contains("the limit is 33554432"), "{}", rejected[0].rejection.reason);
    assert!(running.heard.failures.lock().unwrap().contains(&FailureKind::Memory));
    // Unstopped it would hold 4 GiB; other tests run meanwhile.
    assert!(resident() < before + (1 << 30), "{before} before, {} after", resident());
}

#[test]
fn a_guest_that_leaks_is_renewed_and_no_event_suffers() {
    let limits = Limits { memory: Some(16 << 20), ..Limits::default() };
    let running = Start { settings: &[("leak", "100000")], limits, ..Start::default() }.run("hogs-memory");
    for _ in 0..40 {
        running.only_the_poisoned_are_rejected(20, &[]);
    }
    assert!(running.heard.recycled.load(std::sync::atomic::Ordering::Relaxed) > 2);
    assert_eq!(*running.heard.failures.lock().unwrap(), []);
}

#[test]
fn an_instance_is_renewed_after_so_many_batches() {
    let limits = Limits { recycle_after: 3, ..Limits::default() };
    let running = Start { settings: &[("leak", "1")], limits, ..Start::default() }.run("hogs-memory");
    let kept = |_| running.judge(batch(1, &[])).unwrap().batch.events[0].header_text("kept").unwrap().into_owned();
    assert_eq!((0..7).map(kept).collect::<Vec<_>>(), ["1", "2", "3", "1", "2", "3", "1"]);
}

#[test]
fn a_guest_that_recurses_runs_over_its_own_stack_only() {
    let running = Start::default().run("recurses");
    let rejected = running.only_the_poisoned_are_rejected(100, &[99]);
    let backtrace = rejected[0].rejection.backtrace.as_deref().expect("a backtrace");
    assert!(backtrace.contains("deeper"), "{backtrace}");
}

#[test]
fn edits_that_do_not_fit_the_batch_fail_it_and_name_why() {
    let kinds = [
        ("past-the-end", "discards: event 1 of a batch of 1"),
        ("descending", "discards: event 0 twice"),
        ("both", "event 0 is both discarded and rejected"),
        ("span", "of 2"),
        ("header-name", "is not UTF-8"),
        ("twice", "apply was called twice for one batch"),
        ("multiplies", "new events of a batch of 1; at most 110"),
        ("complains", "I will not judge this"),
    ];
    for (kind, reason) in kinds {
        let running = Start { settings: &[("kind", kind)], ..Start::default() }.run("miscounts");
        let rejected = running.only_the_poisoned_are_rejected(33, &[17]);
        assert!(rejected[0].rejection.reason.contains(reason), "{kind}: {}", rejected[0].rejection.reason);
    }
}

#[test]
fn an_answer_over_the_limit_fails_the_batch() {
    let limits = Limits { memory: Some(256 << 20), deadline: Duration::from_secs(5), ..Limits::default() };
    for how in ["body", "bodies", "error"] {
        let running = Start { settings: &[("how", how)], limits: limits.clone(), ..Start::default() }.run("returns-gigabyte");
        let rejected = running.only_the_poisoned_are_rejected(5, &[3]);
        let reason = &rejected[0].rejection.reason;
        assert!(reason.contains("limit on results") || reason.contains("new events"), "{how}: {reason}");
    }
}

#[test]
fn a_guest_that_wants_a_gigabyte_for_its_answer_is_refused_the_memory() {
    let running = Start { settings: &[("size", "1000000000")], ..Start::default() }.run("returns-gigabyte");
    let rejected = running.only_the_poisoned_are_rejected(5, &[3]);
    assert!(rejected[0].rejection.reason.contains("bytes of memory"), "{}", rejected[0].rejection.reason);
}

#[test]
fn a_guest_that_logs_without_end_is_heard_a_hundred_times() {
    let limits = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
    let running = Start { settings: &[("lines", "500")], limits, ..Start::default() }.run("prints");
    assert_eq!(running.judge(batch(10, &[])).unwrap().batch.len(), 10);
    let suppressed = running.heard.suppressed.load(std::sync::atomic::Ordering::Relaxed);
    assert!((1..5000).contains(&suppressed), "{suppressed} of 5000");
}

#[test]
fn other_plugins_run_on_beside_a_hostile_one() {
    let hostile = Start { settings: &[("over", "")], ..Start::default() }.run("spins");
    let good = Start::default().run("passthrough");
    std::thread::scope(|scope| {
        let spinning = scope.spawn(|| hostile.judge(batch(16, &[])).unwrap());
        for _ in 0..100 {
            assert_eq!(good.judge(batch(100, &[])).unwrap().batch.len(), 100);
        }
        assert_eq!(spinning.join().unwrap().rejected.len(), 16);
    });
}

#[test]
fn events_of_every_odd_shape_go_through() {
    let odd = vec![Event::default(), Event::new(""), Event::new(vec![0xff; 10 << 20]), Event { key: Some("".into()), ..Event::default() }];
    for name in ["passthrough", "traps"] {
        let judged = Start { limits: Limits { deadline: Duration::from_secs(5), ..Limits::default() }, ..Start::default() }
            .run(name)
            .judge(Batch::from(odd.clone()))
            .unwrap();
        assert_eq!(judged.batch.len(), odd.len());
        for (before, after) in odd.iter().zip(&judged.batch.events) {
            assert_eq!((&before.body, &before.key), (&after.body, &after.key));
        }
    }
}

/// What is in flight ends on the version it began with: letting go of a plugin cuts nothing off.
#[test]
fn a_plugin_that_is_let_go_judges_what_waits_for_it() {
    let running = Start::default().run("spins");
    let batch = std::sync::Arc::new(batch(2, &[1]));
    let answers: Vec<_> = (0..3).map(|_| weir::interceptor::Interceptor::intercept(&running.wasm, batch.clone())).collect();
    drop(running);
    for answer in answers {
        let weir::interceptor::Judging::Later(answer) = answer else { panic!("made on the spot") };
        let outcome = answer.blocking_recv().expect("an answer").expect("an outcome");
        assert_eq!(outcome.counts(), (0, 1, 0), "the one that spins is rejected");
    }
}

/// What else this guest can be is shown by the swaps of `tests/swap`.
#[test]
fn a_version_stamps_what_it_keeps() {
    let judged = Start::default().run("versions").judge(batch(3, &[])).unwrap();
    let stamps: Vec<_> = judged.batch.events.iter().map(|event| event.header_text("version").map(std::borrow::Cow::into_owned)).collect();
    assert_eq!(stamps, [Some("1".to_owned()), Some("1".to_owned()), Some("1".to_owned())]);
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
