//! One file in the making, between the sink that appends events to it and the task that writes it ([`super::work`]).
//!
//! The sink encodes events into a buffer and goes on; the task takes what has gathered, writes and syncs it, and answers. So one sync serves all
//! the batches that came while the one before was under way. Once a file has ended, for whichever of the two reasons comes first, it takes no more.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot, watch};
use tokio::time::Instant;

use super::fs::Error;
use crate::batch::Batch;
use crate::error_chain;
use crate::event::Event;
use crate::file_format::{self, Encoder};

/// When a file has ended.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// With so many events; 0 is no limit.
    pub(super) count: u64,
    /// With so many bytes of bodies; 0 is no limit.
    pub(super) size: u64,
    /// So long after it was opened.
    pub(super) interval: Option<Duration>,
    /// So long after its last event.
    pub(super) idle: Option<Duration>,
}

/// Why a file takes no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    /// `hdfs.rollCount`
    Count,
    /// `hdfs.rollSize`
    Size,
    /// `hdfs.rollInterval`
    Interval,
    /// `hdfs.idleTimeout`
    Idle,
    /// `hdfs.maxOpenFiles`
    Room,
    /// Somebody waits for what is in it.
    Hurry,
    /// Events from before its first come again.
    Behind,
    /// The next event has another schema.
    Schema,
    /// The sink ends.
    Finish,
    /// It could not be written.
    Failure,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Reason::Count => "events enough",
            Reason::Size => "bytes enough",
            Reason::Interval => "its time is over",
            Reason::Idle => "no event for long",
            Reason::Room => "too many files are open",
            Reason::Hurry => "somebody waits for it",
            Reason::Behind => "earlier events come again",
            Reason::Schema => "the schema changes",
            Reason::Finish => "the sink ends",
            Reason::Failure => "it failed",
        })
    }
}

/// What became of a batch's events in a file.
#[derive(Debug)]
pub(super) enum Fate {
    /// Written: safe, or safe once the file is whole.
    Written,
    /// Not written, as far as anybody knows.
    Failed(Error),
    /// No file can be where they are to go.
    Refused(String),
}

/// Whether a file is whole, or never will be.
pub(super) type Outcome = Result<(), Error>;

/// A file. The sink and its task share it.
pub(super) struct File {
    /// Whether its events are safe only once it is whole.
    pub(super) late: bool,
    limits: Arc<Limits>,
    opened: Instant,
    pending: Mutex<Pending>,
    posted: Notify,
    outcome: watch::Sender<Option<Outcome>>,
    room: Arc<Room>,
}

/// What its task has not taken yet.
struct Pending {
    encoder: Option<Box<dyn Encoder>>,
    bytes: Vec<u8>,
    answers: Vec<oneshot::Sender<Fate>>,
    /// Of the whole file.
    events: u64,
    body_bytes: u64,
    span: Option<(i64, i64)>,
    last_event: Instant,
    ended: Option<Reason>,
    failure: Option<Error>,
    closing: Option<OwnedSemaphorePermit>,
}

/// What a file took of a batch.
#[derive(Default)]
pub(super) struct Appended {
    /// How many of the events offered it looked at; the rest belongs to the next file.
    pub(super) seen: usize,
    /// Indices of those it took.
    pub(super) taken: Vec<usize>,
    /// Those that cannot be in such a file, and why.
    pub(super) refused: Vec<(usize, String)>,
    /// What becomes of those it took.
    pub(super) fate: Option<oneshot::Receiver<Fate>>,
    /// Whether it takes no more.
    pub(super) ended: bool,
}

/// What the task takes.
pub(super) struct Load {
    /// To be written.
    pub(super) bytes: Vec<u8>,
    /// Who waits for it.
    pub(super) answers: Vec<oneshot::Sender<Fate>>,
    /// Nothing follows.
    pub(super) ended: Option<Reason>,
    /// Whether the bytes are what they should be.
    pub(super) encoded: Result<(), file_format::Error>,
}

impl File {
    /// A file that holds nothing yet.
    pub(super) fn new(encoder: Box<dyn Encoder>, late: bool, limits: Arc<Limits>, room: Arc<Room>) -> File {
        let now = Instant::now();
        let pending = Pending {
            encoder: Some(encoder),
            bytes: Vec::new(),
            answers: Vec::new(),
            events: 0,
            body_bytes: 0,
            span: None,
            last_event: now,
            ended: None,
            failure: None,
            closing: None,
        };
        File { late, limits, opened: now, pending: Mutex::new(pending), posted: Notify::new(), outcome: watch::Sender::new(None), room }
    }

    /// Appends events of a batch, up to where the file is full; between events of one offset it never is. `None`: it has ended.
    pub(super) fn append(&self, batch: &Batch, indices: &[usize]) -> Option<Appended> {
        let appended = self.lock().append(batch, indices, &self.limits, &self.room)?;
        self.posted.notify_one();
        Some(appended)
    }

    /// The file takes no more events.
    pub(super) fn end(&self, reason: Reason) {
        self.lock().ended.get_or_insert(reason);
        self.posted.notify_one();
    }

    /// Keeps the permit to be one of those that are being closed, until it is closed or has to wait for that.
    pub(super) fn hold(&self, closing: OwnedSemaphorePermit) {
        self.lock().closing = Some(closing);
    }

    /// Gives it back.
    pub(super) fn release(&self) {
        let closing = self.lock().closing.take();
        drop(closing);
    }

    /// Whether it takes no more events.
    pub(super) fn has_ended(&self) -> bool {
        self.lock().ended.is_some()
    }

    /// First and last offset that it has, where its events have any.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        self.lock().span
    }

    /// How many events it has.
    pub(super) fn events(&self) -> u64 {
        self.lock().events
    }

    /// Why its events are to be written again, if they are.
    pub(super) fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// What became of it, if that is known.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome.borrow().clone()
    }

    /// Waits until it is whole, or never will be.
    pub(super) fn whole(&self) -> impl Future<Output = Outcome> + Send + 'static {
        let mut outcome = self.outcome.subscribe();
        async move {
            match outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
                Ok(Some(outcome)) => outcome,
                // The file went with its task.
                _ => Err(Error::Abandoned),
            }
        }
    }

    /// Tells everybody what became of it.
    pub(super) fn settle(&self, outcome: Outcome) {
        self.release();
        self.outcome.send_replace(Some(outcome));
    }

    /// Waits for something to write, or for the end of the file. Not to be called after that.
    pub(super) async fn next(&self) -> Load {
        loop {
            let posted = self.posted.notified();
            if let Some(load) = self.lock().take(self.late) {
                return load;
            }
            match self.due() {
                None => posted.await,
                Some((due, reason)) => {
                    tokio::select! {
                        biased;
                        () = posted => {}
                        // Unless an event came meanwhile.
                        () = tokio::time::sleep_until(due) => if self.due().is_some_and(|(due, _)| due <= Instant::now()) {
                            self.lock().ended.get_or_insert(reason);
                        }
                    }
                }
            }
        }
    }

    /// When it ends by itself, and why.
    fn due(&self) -> Option<(Instant, Reason)> {
        let last_event = self.lock().last_event;
        let interval = self.limits.interval.map(|interval| (self.opened + interval, Reason::Interval));
        let idle = self.limits.idle.map(|idle| (last_event + idle, Reason::Idle));
        interval.into_iter().chain(idle).min_by_key(|(due, _)| *due)
    }

    /// Ends it without its last bytes, and gives back who waits. With a failure, their events are to be written again.
    pub(super) fn fail(&self, failure: Option<Error>) -> Vec<oneshot::Sender<Fate>> {
        let (bytes, answers) = self.lock().fail(failure);
        self.room.free(bytes);
        answers
    }

    /// So many bytes of its are no longer in memory.
    pub(super) fn written(&self, bytes: usize) {
        self.room.free(bytes);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // An encoder that panicked leaves a file that nobody will call whole: its events have no answer.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn append(&mut self, batch: &Batch, indices: &[usize], limits: &Limits, room: &Room) -> Option<Appended> {
        if self.ended.is_some() {
            return None;
        }
        let mut appended = Appended::default();
        let before = self.bytes.len();
        for index in indices {
            let event = &batch.events[*index];
            if !self.continues(event) {
                self.ended = self.full(limits);
            }
            let (Some(encoder), None) = (&mut self.encoder, self.ended) else { break };
            appended.seen += 1;
            match encoder.append(event, &mut self.bytes) {
                Ok(()) => {
                    appended.taken.push(*index);
                    self.count(event);
                }
                Err(refused) => appended.refused.push((*index, error_chain(&refused))),
            }
        }
        if self.ended.is_none() {
            // Not only when the next event comes, as Flume does.
            self.ended = self.full(limits);
        }
        room.take(self.bytes.len() - before);
        appended.ended = self.ended.is_some();
        if !appended.taken.is_empty() {
            self.last_event = Instant::now();
            let (answer, fate) = oneshot::channel();
            self.answers.push(answer);
            appended.fate = Some(fate);
        }
        Some(appended)
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        self.body_bytes += event.body().len() as u64;
        if let Some(origin) = &event.origin {
            let (start, end) = self.span.unwrap_or((origin.offset, origin.offset));
            self.span = Some((start.min(origin.offset), end.max(origin.offset)));
        }
    }

    /// Whether an event has the offset of the last one: both are derived from the same.
    fn continues(&self, event: &Event) -> bool {
        matches!((&event.origin, self.span), (Some(origin), Some((_, last))) if origin.offset == last)
    }

    fn full(&self, limits: &Limits) -> Option<Reason> {
        if limits.count > 0 && self.events >= limits.count {
            return Some(Reason::Count);
        }
        (limits.size > 0 && self.body_bytes >= limits.size).then_some(Reason::Size)
    }

    /// What there is for the task, if there is anything.
    fn take(&mut self, late: bool) -> Option<Load> {
        if self.answers.is_empty() && self.ended.is_none() {
            return None;
        }
        let encoded = match (&mut self.encoder, self.ended) {
            (Some(encoder), Some(_)) => encoder.finish(&mut self.bytes),
            (Some(encoder), None) if !late => encoder.flush(&mut self.bytes),
            _ => Ok(()),
        };
        if self.ended.is_some() {
            self.encoder = None;
        }
        Some(Load { bytes: std::mem::take(&mut self.bytes), answers: std::mem::take(&mut self.answers), ended: self.ended, encoded })
    }

    fn fail(&mut self, failure: Option<Error>) -> (usize, Vec<oneshot::Sender<Fate>>) {
        self.ended.get_or_insert(Reason::Failure);
        self.failure = failure;
        // No offset is in it.
        self.span = None;
        self.encoder = None;
        (std::mem::take(&mut self.bytes).len(), std::mem::take(&mut self.answers))
    }
}

/// How many bytes wait to be written, in all files of a sink.
pub(super) struct Room {
    most: usize,
    taken: AtomicUsize,
    freed: Notify,
}

impl Room {
    /// Room for about so many.
    pub(super) fn new(most: usize) -> Room {
        Room { most, taken: AtomicUsize::new(0), freed: Notify::new() }
    }

    /// Waits until there is some.
    pub(super) async fn wait(&self) {
        while self.taken.load(Ordering::Relaxed) >= self.most {
            self.freed.notified().await;
        }
    }

    fn take(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    fn free(&self, bytes: usize) {
        // What an encoder adds at the end of a file was not taken before.
        let free = |taken: usize| Some(taken.saturating_sub(bytes));
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free);
        self.freed.notify_one();
    }
}
