//! Lines logged under a subscriber of the test's own.

use tracing::{debug, info, info_span, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Registry};

use super::*;

/// Runs with a log whose tail is returned.
fn logged(filter: &str, work: impl FnOnce(&Tail)) -> Tail {
    let tail = Tail::default();
    let subscriber = Registry::default().with(tail.clone().with_filter(EnvFilter::new(filter)));
    tracing::subscriber::with_default(subscriber, || work(&tail));
    tail
}

fn all(reading: &mut Reading) -> Vec<LogItem> {
    std::iter::from_fn(|| reading.items.try_recv().ok()).collect()
}

fn lines(reading: &mut Reading) -> Vec<LogLine> {
    let line = |item| match item {
        LogItem::Line(line) => line,
        other => panic!("no line: {other:?}"),
    };
    all(reading).into_iter().map(line).collect()
}

fn messages(tail: &Tail, query: LogQuery) -> Vec<String> {
    lines(&mut tail.read(&query).expect("room")).into_iter().map(|line| line.message).collect()
}

#[test]
fn a_line_has_its_own_fields_and_those_of_its_spans() {
    let tail = logged("info", |_| {
        let span = info_span!("pipeline", pipeline = "flume1", attempt = tracing::field::Empty);
        span.record("attempt", 1_u64);
        span.in_scope(|| warn!(target: "weir::plugin", attempt = 2, ok = false, error = %"no \"room\"", "write {}", "failed"));
    });
    let line = lines(&mut tail.read(&LogQuery::default()).expect("room")).remove(0);
    assert_eq!((line.level.as_str(), line.target.as_str(), line.message.as_str()), ("WARN", "weir::plugin", "write failed"));
    assert_eq!(Value::Object(line.fields), serde_json::json!({"pipeline": "flume1", "attempt": 2, "ok": false, "error": "no \"room\""}));
    assert!(line.time > 0);
}

#[test]
fn lines_are_chosen_by_pipeline_interceptor_and_level() {
    let tail = logged("debug", |_| {
        info_span!("pipeline", pipeline = "p").in_scope(|| info!("source"));
        info!(pipeline = "p", interceptor = "i1", "plugin");
        warn!(pipeline = "q", interceptor = "i1", "other");
        debug!("least");
    });
    let query = |pipeline: Option<&str>, interceptor: Option<&str>, level: Option<&str>| LogQuery {
        pipeline: pipeline.map(Into::into),
        interceptor: interceptor.map(Into::into),
        level: level.map(Into::into),
        ..LogQuery::default()
    };
    assert_eq!(messages(&tail, query(Some("p"), None, None)), ["source", "plugin"]);
    assert_eq!(messages(&tail, query(None, Some("i1"), None)), ["plugin", "other"]);
    assert_eq!(messages(&tail, query(Some("p"), Some("i1"), Some("info"))), ["plugin"]);
    assert_eq!(messages(&tail, query(None, None, Some("warn"))), ["other"]);
    assert_eq!(messages(&tail, query(None, None, None)).len(), 4);
    let refused = tail.read(&query(None, None, Some("loud"))).expect_err("no such level");
    assert_eq!(refused.kind, RefusalKind::Unprocessable);
    assert!(refused.detail.contains("\"loud\"") && refused.detail.contains("error, warn, info, debug, trace"), "{}", refused.detail);
}

#[test]
fn the_filter_of_the_log_holds_here_too() {
    let tail = logged("info,quiet=off", |_| {
        debug!("below");
        info!(target: "quiet", "off");
        info!("seen");
    });
    assert_eq!(messages(&tail, LogQuery::default()), ["seen"]);
}

#[test]
fn a_follower_gets_what_was_and_what_comes_once_each() {
    let mut reading = None;
    let tail = logged("info", |tail| {
        (0..5).for_each(|number| info!("{number}"));
        let query = LogQuery { limit: Some(2), follow: true, ..LogQuery::default() };
        reading = Some(tail.read(&query).expect("room"));
        (5..8).for_each(|number| info!("{number}"));
    });
    let mut reading = reading.expect("a reading");
    assert_eq!(lines(&mut reading).into_iter().map(|line| line.message).collect::<Vec<_>>(), ["3", "4", "5", "6", "7"]);
    assert!(!reading.items.is_closed());
    let mut once = tail.read(&LogQuery::default()).expect("room");
    assert_eq!(all(&mut once).len(), 8);
    assert!(matches!(once.items.try_recv(), Err(mpsc::error::TryRecvError::Disconnected)), "nothing follows");
}

#[test]
fn a_slow_reader_is_told_what_it_missed_and_holds_nobody_up() {
    let mut reading = None;
    logged("info", |tail| {
        let follower = || tail.read(&LogQuery { follow: true, ..LogQuery::default() }).expect("room");
        let mut slow = follower();
        (0..QUEUE + 10).for_each(|number| info!("{number}"));
        assert_eq!(lines(&mut slow).len(), QUEUE);
        info!("after");
        reading = Some(slow);
    });
    let items = all(&mut reading.expect("a reading"));
    assert_eq!(items[0], LogItem::Dropped { lines: 10 });
    assert!(matches!(&items[1], LogItem::Line(line) if line.message == "after"), "{items:?}");
}

#[test]
fn what_is_kept_is_bounded_by_lines_and_by_bytes() {
    let many = logged("info", |_| (0..LINES + 5).for_each(|number| info!("{number}")));
    let query = || LogQuery { limit: Some(usize::MAX), ..LogQuery::default() };
    let kept = messages(&many, query());
    assert_eq!((kept.len(), kept[0].as_str()), (LINES, "5"));
    let large = logged("info", |_| (0..5).for_each(|_| info!("{}", "x".repeat(BYTES / 3))));
    assert_eq!(messages(&large, query()).len(), 2);
    assert!(large.lock().bytes <= BYTES);
    let monstrous = logged("info", |_| info!("{}", "x".repeat(BYTES + 1)));
    assert_eq!((messages(&monstrous, query()).len(), monstrous.lock().bytes), (0, 0));
}

#[test]
fn too_many_followers_are_refused_and_one_that_left_makes_room() {
    let tail = Tail::default();
    let follow = || tail.read(&LogQuery { follow: true, ..LogQuery::default() });
    let mut all: Vec<_> = (0..READERS).map(|_| follow().expect("room")).collect();
    assert_eq!(follow().expect_err("full").kind, RefusalKind::Busy);
    tail.read(&LogQuery::default()).expect("who does not follow takes no place");
    all.pop();
    follow().expect("room again");
}

#[test]
fn a_reader_that_logs_locks_nothing_up() {
    let tail = logged("info", |tail| {
        let mut reading = tail.read(&LogQuery { follow: true, ..LogQuery::default() }).expect("room");
        info!("outside");
        for _ in 0..10 {
            info!(read = ?reading.items.try_recv().expect("a line"), "reader");
        }
    });
    assert_eq!(messages(&tail, LogQuery::default()).len(), 11);
}
