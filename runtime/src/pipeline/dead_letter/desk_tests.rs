//! The desk over a file: what is shown, what goes through the chain again, and what is left.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;

use super::{DeadLetters, Defaults, Desk, Spec};
use crate::batch::{Batch, Rejected, Rejection};
use crate::control::letters::{Letter, LetterChoice, LetterQuery};
use crate::control::tap::Text;
use crate::control::{Caller, Inject, Refusal, RefusalKind};
use crate::event::{Event, Implied, Origin, Scope};
use crate::pipeline::ledger::{Checkpoint, Ledger, Limit};
use crate::telemetry::Metrics;

struct Office {
    letters: DeadLetters,
    desk: Desk,
    writing: JoinHandle<()>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Office {
    async fn new() -> Office {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("letters.jsonl");
        let opened = DeadLetters::open("p", &Spec::File(path.clone()), Defaults::default(), Metrics::new().dead_letters("p")).await;
        let (letters, desk, writing) = opened.expect("dead letters");
        Office { letters, desk, writing, path, _folder: folder }
    }

    /// Parks events with these bodies and waits until they are safe.
    async fn park(&self, stage: &str, bodies: impl IntoIterator<Item = String>) {
        park(&self.letters, bodies.into_iter().map(Event::new).map(|event| refused(event, stage)).collect()).await;
    }

    async fn list(&self, query: LetterQuery) -> Vec<Letter> {
        self.desk.list(query).await.expect("a page").letters
    }

    async fn bodies(&self) -> Vec<String> {
        self.list(LetterQuery { limit: Some(1000), ..LetterQuery::default() }).await.iter().map(body).collect()
    }
}

async fn park(letters: &DeadLetters, rejected: Vec<Rejected>) {
    let mut ledger = Ledger::new(Limit::default());
    letters.put(rejected, ledger.track(1, 1, Checkpoint::new())).await;
    ledger.settled().await.expect("parked");
}

fn refused(event: Event, stage: &str) -> Rejected {
    let reason = format!("no {}", String::from_utf8_lossy(event.body()));
    Rejected { event, rejection: Rejection { stage: stage.into(), reason, plugin: Some("abcdef".into()), ..Rejection::default() } }
}

fn body(letter: &Letter) -> String {
    match &letter.event.body {
        Some(Text::Plain(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn all() -> LetterChoice {
    LetterChoice { all: true, ..LetterChoice::default() }
}

fn alice() -> Caller {
    Caller::new("alice")
}

/// A chain that keeps what it was given; what it refuses it parks anew.
struct Chain {
    seen: Mutex<Vec<Event>>,
    refuses: fn(&Event) -> bool,
    letters: DeadLetters,
    answer: Mutex<Vec<Result<(), Refusal>>>,
}

impl Chain {
    fn new(office: &Office, refuses: fn(&Event) -> bool) -> Arc<Chain> {
        Arc::new(Chain { seen: Mutex::default(), refuses, letters: office.letters.clone(), answer: Mutex::default() })
    }

    /// A chain that answers so to its calls, in order, and takes the others.
    fn answering(office: &Office, answers: Vec<Result<(), Refusal>>) -> Arc<Chain> {
        Arc::new(Chain { answer: Mutex::new(answers), ..Arc::into_inner(Chain::new(office, |_| false)).expect("new") })
    }

    fn bodies(&self) -> Vec<String> {
        self.seen.lock().expect("lock").iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect()
    }
}

impl Inject for Chain {
    fn inject(&self, batch: Batch, _: Duration) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let answer = self.answer.lock().expect("lock").pop().unwrap_or(Ok(()));
            answer?;
            let again: Vec<_> = batch.events.iter().filter(|event| (self.refuses)(event)).cloned().collect();
            self.seen.lock().expect("lock").extend(batch.events);
            if !again.is_empty() {
                park(&self.letters, again.into_iter().map(|event| refused(event, "interceptor again")).collect()).await;
            }
            Ok(())
        })
    }
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn letters_are_paged_in_their_order_and_found_by_what_befell_them() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..5)).await;
    office.park("sink k", numbers(5..8)).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = office.desk.list(LetterQuery { after, limit: Some(3), ..LetterQuery::default() }).await.expect("a page");
        assert_eq!(page.place, office.path.display().to_string());
        seen.extend(page.letters.iter().map(body));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, numbers(0..8));
    let found = office.list(LetterQuery { stage: Some("sink k".into()), reason: Some("no 6".into()), ..LetterQuery::default() }).await;
    assert_eq!(found.iter().map(body).collect::<Vec<_>>(), ["6"]);
    let by_id = LetterQuery { ids: vec![found[0].id.clone(), "no id".into()], ..LetterQuery::default() };
    assert_eq!(office.list(by_id).await, found);
    assert_eq!(office.list(LetterQuery { plugin: Some("abc".into()), ..LetterQuery::default() }).await.len(), 8);
    assert!(office.list(LetterQuery { plugin: Some("x".into()), ..LetterQuery::default() }).await.is_empty());
    let odd = office.desk.list(LetterQuery { after: Some("no id".into()), ..LetterQuery::default() }).await.expect_err("refused");
    assert_eq!(odd.kind, RefusalKind::Unprocessable);
}

#[tokio::test]
async fn a_page_goes_on_behind_a_letter_that_has_been_dropped_meanwhile() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..4)).await;
    let page = office.desk.list(LetterQuery { limit: Some(2), ..LetterQuery::default() }).await.expect("a page");
    let next = page.next.expect("more");
    office.desk.drop(LetterChoice { ids: vec![next.clone()], ..LetterChoice::default() }, &alice()).await.expect("dropped");
    let rest = office.list(LetterQuery { after: Some(next), ..LetterQuery::default() }).await;
    assert_eq!(rest.iter().map(body).collect::<Vec<_>>(), ["2", "3"]);
}

#[tokio::test]
async fn a_replayed_event_is_as_it_was_and_its_letter_is_gone() {
    let office = Office::new().await;
    let mut event = Event {
        key: Some(vec![0xff].into()),
        timestamp: Some(77),
        origin: Some(Origin { topic: "txn".into(), partition: 2, offset: 5 }),
        implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
        ..Event::new("body")
    };
    event.headers.push("record", Some("1".into()), Scope::Record);
    event.headers.push("flume", Some("2".into()), Scope::Event);
    park(&office.letters, vec![refused(event.clone(), "sink k")]).await;
    let chain = Chain::new(&office, |_| false);
    let report = office.desk.replay(all(), chain.clone(), &alice()).await.expect("replayed");
    assert_eq!((report.replayed, report.parked_again, report.remaining), (1, 0, 0));
    let seen = chain.seen.lock().expect("lock")[0].clone();
    assert_eq!((seen.replay.as_ref().map(|replay| replay.attempt), seen.header_text("offset").as_deref()), (Some(1), Some("5")));
    assert_eq!(format!("{:?}", Event { replay: None, ..seen }), format!("{event:?}"));
    assert!(office.bodies().await.is_empty());
    let text = std::fs::read_to_string(&office.path).expect("file");
    assert!(text.contains("\"by\":\"replay by alice\""), "{text}");
}

#[tokio::test]
async fn what_is_refused_again_is_a_new_letter_that_says_how_often() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..4)).await;
    for attempt in 1..=2 {
        let chain = Chain::new(&office, |event| event.body() == b"2" || event.body() == b"3");
        let report = office.desk.replay(all(), chain, &alice()).await.expect("replayed");
        assert_eq!((report.replayed, report.parked_again, report.remaining), (if attempt == 1 { 4 } else { 2 }, 2, 0));
        let left = office.list(LetterQuery::default()).await;
        let left: Vec<_> = left.iter().map(|letter| (body(letter), letter.attempt, letter.stage.as_str())).collect();
        assert_eq!(left, [("2".to_owned(), attempt, "interceptor again"), ("3".to_owned(), attempt, "interceptor again")]);
    }
}

#[tokio::test]
async fn a_replay_takes_a_thousand_letters_and_says_how_many_are_left() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..1200)).await;
    let chain = Chain::new(&office, |_| false);
    let report = office.desk.replay(all(), chain.clone(), &alice()).await.expect("replayed");
    assert_eq!((report.replayed, report.remaining), (1000, 200));
    let report = office.desk.replay(all(), chain.clone(), &alice()).await.expect("replayed");
    assert_eq!((report.replayed, report.remaining), (200, 0));
    assert_eq!(chain.bodies(), numbers(0..1200));
}

#[tokio::test]
async fn letters_whose_events_are_not_known_to_be_safe_stay() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..700)).await;
    let late = || Err(Refusal::new(RefusalKind::Deadline, "late"));
    let refusal = office.desk.replay(all(), Chain::answering(&office, vec![late()]), &alice()).await.expect_err("late");
    assert_eq!(refusal.kind, RefusalKind::Deadline);
    assert_eq!(office.bodies().await.len(), 700);
    // The second 500 are late.
    let chain = Chain::answering(&office, vec![late(), Ok(())]);
    let report = office.desk.replay(all(), chain, &alice()).await.expect("in part");
    assert_eq!((report.replayed, report.remaining), (500, 200));
    assert_eq!(office.bodies().await, numbers(500..700));
}

#[tokio::test]
async fn letters_are_chosen_by_id_or_by_all_and_never_by_saying_nothing() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..4)).await;
    let ids: Vec<String> = office.list(LetterQuery::default()).await.into_iter().map(|letter| letter.id).collect();
    let filtered = LetterChoice { reason: Some("no".into()), ..LetterChoice::default() };
    let both = LetterChoice { ids: ids.clone(), all: true, ..LetterChoice::default() };
    for choice in [LetterChoice::default(), filtered, both] {
        let refusal = office.desk.drop(choice, &alice()).await.expect_err("refused");
        assert_eq!(refusal.kind, RefusalKind::Unprocessable, "{refusal}");
    }
    let some = LetterChoice { ids: vec![ids[1].clone(), "nobody".into()], ..LetterChoice::default() };
    let report = office.desk.drop(some.clone(), &alice()).await.expect("dropped");
    assert_eq!((report.dropped, report.missing), (1, vec!["nobody".to_owned()]));
    assert_eq!(office.desk.drop(some.clone(), &alice()).await.expect("nothing left").missing, some.ids);
    let filtered = LetterChoice { all: true, reason: Some("no 3".into()), ..LetterChoice::default() };
    assert_eq!(office.desk.drop(filtered, &alice()).await.expect("dropped").dropped, 1);
    assert_eq!(office.bodies().await, ["0", "2"]);
}

#[tokio::test]
async fn there_is_one_replay_or_drop_at_a_time_and_a_caller_who_goes_away_stops_none() {
    #[derive(Default)]
    struct Slow {
        begun: tokio::sync::Notify,
        end: tokio::sync::Notify,
    }
    impl Inject for Slow {
        fn inject(&self, _: Batch, _: Duration) -> BoxFuture<'_, Result<(), Refusal>> {
            Box::pin(async {
                self.begun.notify_one();
                self.end.notified().await;
                Ok(())
            })
        }
    }
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..2)).await;
    let slow = Arc::new(Slow::default());
    let replaying = tokio::spawn({
        let (desk, slow) = (office.desk.clone(), slow.clone());
        async move { desk.replay(all(), slow, &alice()).await }
    });
    slow.begun.notified().await;
    assert_eq!(office.desk.drop(all(), &alice()).await.expect_err("not now").kind, RefusalKind::Conflict);
    replaying.abort();
    assert!(replaying.await.expect_err("gone").is_cancelled());
    slow.end.notify_one();
    let to_its_end = async {
        while !office.bodies().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), to_its_end).await.expect("the replay goes on to its end");
}

#[tokio::test]
async fn after_its_pipeline_the_desk_shows_letters_and_changes_none() {
    let office = Office::new().await;
    office.park("interceptor i", numbers(0..1)).await;
    let Office { letters, desk, writing, path: _, _folder } = office;
    drop(letters);
    writing.await.expect("ended");
    assert_eq!(desk.list(LetterQuery::default()).await.expect("a page").letters.len(), 1);
    assert_eq!(desk.drop(all(), &alice()).await.expect_err("ended").kind, RefusalKind::Unavailable);
}
