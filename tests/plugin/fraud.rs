//! The fraud scorer in the host, and logs and columns as a guest sees them.

use weir::batch::Batch;
use weir::event::{Event, Scope};

use super::Start;

fn transaction(card: u32, amount: &str, mcc: &str, country: &str) -> Event {
    Event::new(format!(
        r#"{{"id":"t","card":"{card}","amount":{amount},"currency":"EUR","merchant":"m","mcc":"{mcc}","country":"{country}","home":"SE","ts":1}}"#
    ))
}

#[test]
fn transactions_are_scored_and_malformed_ones_rejected() {
    let running = Start::default().run("fraud-score");
    let events = vec![
        transaction(1, "10", "5411", "SE"),
        Event::new("not json"),
        transaction(2, "2000.5", "7995", "NO"),
        Event::default(),
        transaction(1, "10", "5411", "SE"),
    ];
    let judged = running.judge(Batch::from(events)).unwrap();
    let marks =
        judged.batch.events.iter().map(|event| ["fraud.score", "fraud.verdict"].map(|name| event.header_text(name).unwrap().into_owned()));
    let marks: Vec<_> = marks.collect();
    assert_eq!(marks, [["0.004", "approve"], ["0.850", "refuse"], ["0.104", "approve"]]);
    assert!(judged.batch.events[0].headers.iter().all(|header| header.scope == Scope::Both));
    let reasons: Vec<_> = judged.rejected.iter().map(|rejected| rejected.rejection.reason.as_str()).collect();
    assert_eq!(reasons, ["not a transaction: no `card`", "not a transaction: no `card`"]);
    assert!(judged.rejected.iter().all(|rejected| rejected.rejection.stage == "interceptor i" && rejected.rejection.backtrace.is_none()));
    let judgement = running.heard.judged.lock().unwrap()[0];
    assert_eq!((judgement.events, judgement.rejected, judgement.discarded), (5, 2, 0));
}

#[test]
fn a_plugin_gets_no_more_events_at_a_time_than_it_may() {
    let running = Start { most: 3, ..Start::default() }.run("fraud-score");
    let judged = running.judge(Batch::from(vec![transaction(1, "10", "5411", "SE"); 7])).unwrap();
    // A card gains points with each transaction of the events it is among.
    let scores = judged.batch.events.iter().map(|event| event.header_text("fraud.score").unwrap().into_owned());
    assert_eq!(scores.collect::<Vec<_>>(), ["0.004", "0.104", "0.204", "0.004", "0.104", "0.204", "0.004"]);
    let judged = running.heard.judged.lock().unwrap().clone();
    assert_eq!(judged.iter().map(|judgement| judgement.events).collect::<Vec<_>>(), [3, 3, 1]);
    assert!(judged.iter().all(|judgement| !judgement.duration.is_zero() && !judgement.cpu.is_zero()));
}

#[test]
fn settings_reach_every_instance() {
    let running =
        Start { settings: &[("amount_limit", "10"), ("review_above", "0.3"), ("refuse_above", "0.35")], instances: 2, ..Start::default() };
    let running = running.run("fraud-score");
    for _ in 0..20 {
        let judged = running.judge(Batch::from(vec![transaction(1, "10", "5411", "SE")])).unwrap();
        assert_eq!(judged.batch.events[0].header_text("fraud.verdict").as_deref(), Some("refuse"));
    }
}

#[test]
fn passthrough_leaves_every_event_as_it_came() {
    let running = Start::default().run("passthrough");
    let judged = running.judge(super::batch(1000, &[])).unwrap();
    let before = super::batch(1000, &[]);
    assert_eq!(judged.batch.len(), before.len());
    for (before, after) in before.events.iter().zip(&judged.batch.events) {
        assert_eq!((&before.headers, &before.body, &before.origin), (&after.headers, &after.body, &after.origin));
    }
}
