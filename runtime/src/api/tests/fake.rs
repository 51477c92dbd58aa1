//! A control that answers everything with every field filled. The name of a pipeline says what it does instead: refuse, panic, wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use serde_json::json;
use tokio::sync::{Notify, mpsc};

use crate::control::letters::{Letter, LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use crate::control::logs::{LogItem, LogLine, LogQuery, Reading};
use crate::control::status::{AgentStatus, ChannelStatus, InterceptorStatus, PipelineState, PipelineStatus, SinkStatus, SourceStatus};
use crate::control::swap::{
    Admission, FirstBatch, History, HistoryEntry, OffsetRange, Proposal, Rehearsal, ReloadChange, ReloadReport, ReloadResult,
    RollbackRequest, SwapReport, SwapResult, TrialStatus, VersionState, VersionStatus,
};
use crate::control::tap::{EventView, Listening, TapItem, TapRequest, TappedEvent, Text};
use crate::control::{Caller, Control, Refusal, RefusalKind, Reply, Target};

/// A call on the pipeline `slow`: it says that it began, and ends when it is told.
#[derive(Debug, Default)]
pub(super) struct Slow {
    pub(super) begun: Notify,
    pub(super) end: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Fake {
    /// Names of pipelines and callers, in the order of the changes.
    pub(super) changes: Mutex<Vec<(String, String)>>,
    pub(super) proposals: Mutex<Vec<Proposal>>,
    pub(super) queries: Mutex<Vec<String>>,
    pub(super) slow: Arc<Slow>,
    /// Taps that are listening.
    pub(super) listening: Arc<AtomicUsize>,
}

impl Fake {
    async fn change<T>(&self, pipeline: &str, caller: &Caller, answer: T) -> Result<T, Refusal> {
        self.changes.lock().expect("no panic").push((pipeline.to_owned(), caller.name.clone()));
        if pipeline == "slow" {
            self.slow.begun.notify_one();
            self.slow.end.notified().await;
        }
        refused(pipeline).map_or(Ok(answer), Err)
    }

    fn asked(&self, query: &impl std::fmt::Debug) {
        self.queries.lock().expect("no panic").push(format!("{query:?}"));
    }
}

fn refused(pipeline: &str) -> Option<Refusal> {
    let kind = match pipeline {
        "not-found" => RefusalKind::NotFound,
        "conflict" => RefusalKind::Conflict,
        "unprocessable" => RefusalKind::Unprocessable,
        "busy" => RefusalKind::Busy,
        "unavailable" => RefusalKind::Unavailable,
        "deadline" => RefusalKind::Deadline,
        "panic" => panic!("as asked for"),
        _ => return None,
    };
    Some(Refusal { kind, detail: format!("{pipeline} it is"), problems: vec!["one".to_owned(), "two".to_owned()] })
}

fn version() -> VersionStatus {
    VersionStatus {
        id: 2,
        digest: "ab".repeat(32),
        name: "score".to_owned(),
        version: "2.0.0".to_owned(),
        origin: "score.wasm".to_owned(),
        since: 1,
        by: "otto".to_owned(),
    }
}

fn pipeline(name: &str) -> PipelineStatus {
    let interceptor = InterceptorStatus {
        path: format!("{name}/i"),
        source: "r1".to_owned(),
        name: "i".to_owned(),
        kind: "wasm".to_owned(),
        seconds: 0.5,
        failures: BTreeMap::from([("trap".to_owned(), 1)]),
        version: Some(version()),
        previous: Some(version()),
        trial: Some(TrialStatus { ends: 1, batches: 2, events: 3 }),
        ..InterceptorStatus::default()
    };
    PipelineStatus {
        name: name.to_owned(),
        state: PipelineState::Running,
        sources: vec![SourceStatus::default()],
        interceptors: vec![interceptor, InterceptorStatus::default()],
        channels: vec![ChannelStatus::default()],
        sinks: vec![SinkStatus::default()],
        ..PipelineStatus::default()
    }
}

fn event() -> EventView {
    let text = || Text::Plain("text".to_owned());
    EventView {
        topic: Some("in".to_owned()),
        partition: Some(1),
        offset: Some(2),
        timestamp: Some(3),
        key: Some(Text::Binary { base64: "/w==".to_owned() }),
        headers: vec![(text(), Some(text())), (text(), None)],
        body: Some(text()),
    }
}

pub(super) fn swap_report() -> SwapReport {
    let rehearsal =
        Rehearsal { batches: 1, events: 2, failed_events: 0, micros_per_event: 1.5, micros_per_event_before: 1.0, memory_bytes: 1 };
    SwapReport {
        result: SwapResult::Swapped,
        detail: "it judges".to_owned(),
        from: version(),
        to: version(),
        admission: Some(Admission { bytes: 1, signed_by: Some("key".to_owned()), compile_ms: 3, rehearsal: Some(rehearsal) }),
        first_batch: Some(FirstBatch { events: 1, micros: 2 }),
        trial_ends: Some(5),
    }
}

impl Control for Fake {
    fn status(&self) -> AgentStatus {
        let names = ["p", "conflict", "unavailable", "i/1", "../../etc/passwd"];
        AgentStatus { version: "1".to_owned(), started: 1, now: 2, draining: false, pipelines: names.map(pipeline).into() }
    }

    fn pause<'a>(&'a self, name: &'a str, caller: &'a Caller) -> Reply<'a, PipelineStatus> {
        self.change(name, caller, pipeline(name)).boxed()
    }

    fn resume<'a>(&'a self, name: &'a str, caller: &'a Caller) -> Reply<'a, PipelineStatus> {
        self.change(name, caller, pipeline(name)).boxed()
    }

    fn reload<'a>(&'a self, caller: &'a Caller) -> Reply<'a, ReloadReport> {
        let change = ReloadChange { path: "p".to_owned(), result: ReloadResult::NeedsRestart, detail: "so".to_owned() };
        self.change("reload", caller, ReloadReport { changes: vec![change] }).boxed()
    }

    fn swap<'a>(&'a self, target: &'a Target, proposal: Proposal, caller: &'a Caller) -> Reply<'a, SwapReport> {
        self.proposals.lock().expect("no panic").push(proposal);
        self.change(&target.pipeline, caller, swap_report()).boxed()
    }

    fn rollback<'a>(&'a self, target: &'a Target, request: RollbackRequest, caller: &'a Caller) -> Reply<'a, SwapReport> {
        self.asked(&request);
        let bare = SwapReport { admission: None, first_batch: None, trial_ends: None, ..swap_report() };
        self.change(&target.pipeline, caller, bare).boxed()
    }

    fn history<'a>(&'a self, target: &'a Target, most: usize) -> Reply<'a, History> {
        async move {
            self.asked(&(target, most));
            let offsets = vec![OffsetRange { topic: "in".to_owned(), partition: 0, from: 1, to: 2 }];
            let state = VersionState::RolledBack;
            let entry = HistoryEntry { version: version(), why: "why".to_owned(), state, reason: String::new(), until: Some(3), offsets };
            refused(&target.pipeline).map_or(Ok(History { path: target.to_string(), versions: vec![entry] }), Err)
        }
        .boxed()
    }

    fn tap(&self, target: &Target, request: &TapRequest) -> Result<Listening, Refusal> {
        self.asked(request);
        if let Some(refusal) = refused(&target.pipeline) {
            return Err(refusal);
        }
        let (sender, items) = mpsc::channel(16);
        let tapped = TappedEvent {
            time: 1,
            digest: Some("ab".to_owned()),
            before: event(),
            fate: "reject".to_owned(),
            reason: Some("so".to_owned()),
            after: vec![event(), EventView::default()],
        };
        let heard = [
            TapItem::Event(Box::new(tapped)),
            TapItem::Swapped { from: Some(version()), to: version() },
            TapItem::Dropped { events: 4 },
            TapItem::Ended { detail: "so".to_owned() },
        ];
        for item in heard {
            sender.try_send(item).expect("room");
        }
        if target.pipeline == "endless" {
            let listening = self.listening.clone();
            listening.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                sender.closed().await;
                listening.fetch_sub(1, Ordering::SeqCst);
            });
        }
        Ok(Listening { items })
    }

    fn logs(&self, query: &LogQuery) -> Result<Reading, Refusal> {
        self.asked(query);
        if let Some(refusal) = refused(query.pipeline.as_deref().unwrap_or_default()) {
            return Err(refusal);
        }
        let (sender, items) = mpsc::channel(16);
        let fields = json!({ "pipeline": "p", "attempt": 2 }).as_object().cloned().unwrap_or_default();
        let line =
            LogLine { time: 1, level: "WARN".to_owned(), target: "weir::plugin".to_owned(), message: "two\nlines".to_owned(), fields };
        for item in [LogItem::Line(line), LogItem::Dropped { lines: 3 }] {
            sender.try_send(item).expect("room");
        }
        Ok(Reading { items })
    }

    fn letters<'a>(&'a self, pipeline: &'a str, query: LetterQuery) -> Reply<'a, LetterPage> {
        async move {
            self.asked(&query);
            let letter = Letter {
                id: "1".to_owned(),
                time: 1,
                stage: "interceptor i".to_owned(),
                reason: "so".to_owned(),
                backtrace: Some("at".to_owned()),
                plugin: Some("ab".to_owned()),
                attempt: 1,
                event: event(),
            };
            let letters = vec![letter, Letter::default()];
            let page = LetterPage { place: "topic dead".to_owned(), letters, next: Some("2".to_owned()), unreadable: 1 };
            refused(pipeline).map_or(Ok(page), Err)
        }
        .boxed()
    }

    fn replay_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersReplayed> {
        self.asked(&choice);
        let replayed = LettersReplayed { replayed: 3, parked_again: 1, remaining: 2, missing: vec!["9".to_owned()] };
        self.change(pipeline, caller, replayed).boxed()
    }

    fn drop_letters<'a>(&'a self, pipeline: &'a str, choice: LetterChoice, caller: &'a Caller) -> Reply<'a, LettersDropped> {
        self.asked(&choice);
        self.change(pipeline, caller, LettersDropped { dropped: 3, missing: vec!["9".to_owned()] }).boxed()
    }
}
