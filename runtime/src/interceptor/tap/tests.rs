//! Listeners over batches made by hand.

use super::*;
use crate::batch::{Change, Changes, Derived, Fate, Rejection, Verdict};
use crate::control::tap::{TapItem, TappedEvent, Text};
use crate::event::{Event, Scope};

fn taps() -> Taps {
    Taps::new(Counter::default())
}

fn batch(bodies: &[&'static str]) -> Batch {
    Batch::from(bodies.iter().map(|body| Event::new(*body)).collect::<Vec<_>>())
}

/// All that waits for a listener.
fn heard(listening: &mut Listening) -> Vec<TapItem> {
    std::iter::from_fn(|| listening.items.try_recv().ok()).collect()
}

fn event(item: &TapItem) -> &TappedEvent {
    match item {
        TapItem::Event(event) => event,
        other => panic!("no event: {other:?}"),
    }
}

fn body(item: &TapItem) -> String {
    match &event(item).before.body {
        Some(Text::Plain(body)) => body.clone(),
        other => panic!("no text: {other:?}"),
    }
}

fn version(digest: &str, name: &str) -> VersionStatus {
    VersionStatus { digest: digest.into(), name: name.into(), ..VersionStatus::default() }
}

#[tokio::test]
async fn an_event_is_shown_as_it_came_and_as_it_went_on() {
    let taps = taps();
    assert!(taps.is_idle());
    let mut listening = taps.listen(&TapRequest::default()).expect("room");
    assert!(!taps.is_idle());
    let set = Change::SetHeader { name: "score".into(), value: "9".into(), scope: Scope::Both };
    let derived = Derived { body: Some("b1".into()), headers: Vec::new() };
    let rejection = Rejection { reason: "no amount".into(), ..Rejection::default() };
    let verdicts = vec![
        (1, Verdict { fate: Fate::Keep, changes: Changes::List(vec![set, Change::Body(Some("B".into()))]), derived: vec![derived] }),
        (2, Verdict::fate(Fate::Discard)),
        (3, Verdict::fate(Fate::Reject(Box::new(rejection)))),
    ];
    taps.observe(&batch(&["a", "b", "c", "d"]), &Outcome { verdicts }, Some("aa"));
    let items = heard(&mut listening);
    let seen: Vec<_> = items.iter().map(event).collect();
    let plain = |text: &str| Some(Text::Plain(text.into()));
    assert_eq!(seen.iter().map(|event| event.fate.as_str()).collect::<Vec<_>>(), ["keep", "keep", "discard", "reject"]);
    assert_eq!(seen[0].before, seen[0].after[0]);
    assert_eq!((&seen[1].before.body, &seen[1].after[0].body, &seen[1].after[1].body), (&plain("b"), &plain("B"), &plain("b1")));
    assert!(seen[1].before.headers.is_empty());
    assert_eq!(seen[1].after[0].headers, [(Text::Plain("score".into()), plain("9"))]);
    assert_eq!(seen[1].digest.as_deref(), Some("aa"));
    assert!(seen[2].after.is_empty() && seen[3].after.is_empty());
    assert_eq!(seen[3].reason.as_deref(), Some("no amount"));
}

#[tokio::test]
async fn only_what_was_asked_for_is_shown_and_the_rest_does_not_count_as_dropped() {
    let taps = taps();
    let mut changed = taps.listen(&TapRequest { changed: true, ..TapRequest::default() }).expect("room");
    let mut containing = taps.listen(&TapRequest { contains: Some("c.r".into()), ..TapRequest::default() }).expect("room");
    let mut events = batch(&["car", "c.rd", "x"]);
    events.events[2].set_header("kind", "a c.r", Scope::Record);
    let verdicts = vec![(0, Verdict::fate(Fate::Keep)), (2, Verdict::fate(Fate::Discard))];
    taps.observe(&events, &Outcome { verdicts }, None);
    assert_eq!(heard(&mut changed).iter().map(body).collect::<Vec<_>>(), ["x"]);
    assert_eq!(heard(&mut containing).iter().map(body).collect::<Vec<_>>(), ["c.rd", "x"]);
    assert_eq!(taps.shared.dropped.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_rate_is_counted_and_told_even_when_nothing_follows() {
    let taps = taps();
    let mut listening = taps.listen(&TapRequest { rate: Some(2), ..TapRequest::default() }).expect("room");
    taps.observe(&batch(&["a", "b", "c", "d", "e"]), &Outcome::default(), None);
    assert_eq!(heard(&mut listening).iter().map(body).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(taps.shared.dropped.get(), 3);
    assert_eq!(listening.items.recv().await, Some(TapItem::Dropped { events: 3 }));
}

#[tokio::test]
async fn a_listener_that_does_not_read_costs_a_full_queue_and_no_more() {
    let taps = taps();
    let mut listening = taps.listen(&TapRequest { rate: Some(u32::MAX), ..TapRequest::default() }).expect("room");
    let events = batch(&["x"; 1000]);
    taps.observe(&events, &Outcome::default(), None);
    taps.observe(&events, &Outcome::default(), None);
    let shown = heard(&mut listening).len() as u64;
    assert_eq!(shown + taps.shared.dropped.get(), 2000);
    taps.observe(&batch(&["y"]), &Outcome::default(), None);
    let items = heard(&mut listening);
    assert_eq!(items[0], TapItem::Dropped { events: 2000 - shown });
    assert_eq!(body(&items[1]), "y");
}

#[tokio::test]
async fn large_events_do_not_pile_up_by_the_queue_full() {
    let taps = taps();
    let mut listening = taps.listen(&TapRequest { rate: Some(u32::MAX), ..TapRequest::default() }).expect("room");
    let large = Batch::from(vec![Event::new(vec![b'x'; 3 << 20]); 4]);
    taps.observe(&large, &Outcome::default(), None);
    assert_eq!(heard(&mut listening).len(), 1, "6 MiB before and after, and no room for as much again");
    let huge = Batch::from(vec![Event::new(vec![b'x'; 10 << 20])]);
    taps.observe(&huge, &Outcome::default(), None);
    let items = heard(&mut listening);
    assert_eq!(items[0], TapItem::Dropped { events: 3 });
    assert_eq!(items.len(), 2, "one that is larger than the limit goes alone");
}

#[tokio::test]
async fn a_swap_is_marked_where_the_new_version_begins_and_once() {
    let taps = taps();
    let mut listening = taps.listen(&TapRequest::default()).expect("room");
    let observe = |body: &'static str, digest| taps.observe(&batch(&[body]), &Outcome::default(), Some(digest));
    observe("1", "aa");
    taps.swapped(Some(&version("aa", "old")), &version("bb", "new"));
    observe("2", "aa");
    observe("3", "bb");
    observe("4", "aa");
    observe("5", "bb");
    let items = heard(&mut listening);
    assert_eq!(items.len(), 6);
    assert_eq!((body(&items[1]), body(&items[3]), body(&items[4])), ("2".into(), "3".into(), "4".into()));
    assert_eq!(items[2], TapItem::Swapped { from: Some(version("aa", "old")), to: version("bb", "new") });
    // Back again, and a switch that nobody announced.
    taps.swapped(Some(&version("bb", "new")), &version("aa", "old"));
    observe("6", "aa");
    assert_eq!(heard(&mut listening)[0], TapItem::Swapped { from: Some(version("bb", "new")), to: version("aa", "old") });
    let other = super::tests::taps();
    let mut listening = other.listen(&TapRequest::default()).expect("room");
    for digest in ["aa", "bb"] {
        other.observe(&batch(&["x"]), &Outcome::default(), Some(digest));
    }
    assert_eq!(heard(&mut listening)[1], TapItem::Swapped { from: Some(version("aa", "")), to: version("bb", "") });
}

#[tokio::test(start_paused = true)]
async fn a_tap_ends_at_its_limit_and_when_its_listener_leaves() {
    let taps = taps();
    let mut listening = taps.listen(&TapRequest { limit: Some(2), ..TapRequest::default() }).expect("room");
    taps.observe(&batch(&["a", "b", "c"]), &Outcome::default(), None);
    assert_eq!(heard(&mut listening).len(), 2);
    assert_eq!(listening.items.recv().await, None);
    assert!(taps.is_idle());
    drop(taps.listen(&TapRequest::default()).expect("room"));
    tokio::time::sleep(2 * LOOK_AFTER).await;
    assert!(taps.is_idle(), "it is noticed without a batch");
}

#[tokio::test]
async fn too_many_listeners_are_refused_and_one_that_left_makes_room() {
    let taps = taps();
    let mut all: Vec<_> = (0..LISTENERS).map(|_| taps.listen(&TapRequest::default()).expect("room")).collect();
    assert_eq!(taps.listen(&TapRequest::default()).expect_err("full").kind, RefusalKind::Busy);
    all.pop();
    taps.listen(&TapRequest::default()).expect("room again");
}

#[tokio::test]
async fn listeners_outlive_a_chain_and_are_told_when_the_interceptor_is_gone() {
    let directory = TapDirectory::default();
    let place = Place { pipeline: "p".into(), source: "s".into(), interceptor: "i".into() };
    let mut listening = directory.of(&place, &Counter::default()).listen(&TapRequest::default()).expect("room");
    directory.of(&place, &Counter::default()).observe(&batch(&["a"]), &Outcome::default(), None);
    assert_eq!(heard(&mut listening).len(), 1);
    directory.end(&place, "the configuration has it no more");
    assert_eq!(listening.items.recv().await, Some(TapItem::Ended { detail: "the configuration has it no more".into() }));
    assert_eq!(listening.items.recv().await, None);
}
