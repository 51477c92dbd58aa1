//! The desk: where people look at a pipeline's letters, send them through its chain again, or drop them.
//!
//! A replay is at least once: letters are dropped when their events are safe downstream (or parked anew), and a crash in between leaves them for
//! another replay. It sends the event as it was when it was refused, and through the whole chain, also where a sink refused it: an interceptor
//! that is not idempotent judges it twice, and one that halts on it stops the pipeline as it would have at first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedMutexGuard, mpsc, oneshot};
use tracing::{info, warn};

use super::Error;
use super::address::Address;
use super::reading::{Place, Reading};
use super::wanted::Wanted;
use crate::batch::Batch;
use crate::control::letters::{LetterChoice, LetterPage, LetterQuery, LettersDropped, LettersReplayed};
use crate::control::{self, Caller, Inject, Refusal, RefusalKind};
use crate::error_chain;

/// Letters in a page, unless the query says otherwise.
const PAGE: usize = 100;
/// Letters in a page at most, and in one replay.
const MOST: usize = 1000;
/// Letters sent through the chain at once.
const CHUNK: usize = 500;
/// How long looking through a place may take.
const READ: Duration = Duration::from_secs(30);
/// Kept of a call's time for its answer.
const MARGIN: Duration = Duration::from_secs(5);

/// A pipeline's desk; cheap to clone. It can be read from as long as it is there, changed only while its pipeline runs.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    pipeline: String,
    place: Place,
    orders: mpsc::Sender<Order>,
    /// Whose turn it is to change something.
    turn: Arc<Mutex<()>>,
}

/// Letters to drop, for the task that writes the place.
pub(super) struct Order {
    pub(super) addresses: Vec<Address>,
    pub(super) by: String,
    pub(super) done: oneshot::Sender<Result<(), Error>>,
}

impl Desk {
    pub(super) fn new(pipeline: &str, place: Place) -> (Desk, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(1);
        let shared = Shared { pipeline: pipeline.to_owned(), place, orders, turn: Arc::default() };
        (Desk { shared: Arc::new(shared) }, taken)
    }

    /// A page of letters. They come as they lie in their place: the oldest first in a file and in each partition of a topic, partition by partition.
    ///
    /// # Errors
    /// [`RefusalKind::Unprocessable`]: `after` is no letter's id. [`RefusalKind::Unavailable`]: the place cannot be read, or not in time.
    pub async fn list(&self, query: LetterQuery) -> Result<LetterPage, Refusal> {
        let deadline = Instant::now() + READ;
        let most = query.limit.unwrap_or(PAGE).clamp(1, MOST);
        let wanted = Wanted::query(&self.shared.pipeline, &query)?;
        let reading = self.shared.look(wanted, deadline).await?;
        let (addresses, unreadable) = (reading.addresses(), reading.unreadable());
        let place = self.shared.place.name(&reading);
        let shown = &addresses[..most.min(addresses.len())];
        let (_, letters) = self.shared.load(reading, shown, deadline).await?;
        let next = if addresses.len() > shown.len() { shown.last().map(Address::to_string) } else { None };
        let letters = letters.into_iter().map(|(address, letter)| letter.letter(address)).collect();
        Ok(LetterPage { place, letters, next, unreadable })
    }

    /// Sends letters through the chain again, at most 1,000 of them, and drops each whose event is safe or parked anew; `remaining` says how
    /// many that were chosen are left. Once begun it goes on to its end, also when nobody waits for the answer any more.
    ///
    /// # Errors
    /// [`RefusalKind::Unprocessable`]: nothing is chosen. [`RefusalKind::Conflict`]: another replay or drop is under way. Otherwise why the first
    /// events were not known to be safe; their letters are still there. What fails after the first has left letters `remaining`.
    pub async fn replay(&self, choice: LetterChoice, inject: Arc<dyn Inject>, caller: &Caller) -> Result<LettersReplayed, Refusal> {
        let wanted = Wanted::choice(&self.shared.pipeline, &choice)?;
        let turn = self.shared.turn()?;
        let (shared, by) = (self.shared.clone(), caller.name.clone());
        to_its_end(async move {
            let replay = Replaying { deadline: Instant::now() + (control::DEADLINE - MARGIN), by, shared, _turn: turn };
            replay.run(wanted, &choice, &*inject).await
        })
        .await
    }

    /// Forgets letters, as many as are chosen.
    ///
    /// # Errors
    /// As [`Desk::replay`]; [`RefusalKind::Deadline`] when it is not known whether they are dropped.
    pub async fn drop(&self, choice: LetterChoice, caller: &Caller) -> Result<LettersDropped, Refusal> {
        let wanted = Wanted::choice(&self.shared.pipeline, &choice)?;
        let turn = self.shared.turn()?;
        let (shared, by) = (self.shared.clone(), caller.name.clone());
        to_its_end(async move {
            let _turn = turn;
            let deadline = Instant::now() + (control::DEADLINE - MARGIN);
            let addresses = shared.look(wanted, Instant::now() + READ).await?.addresses();
            let missing = missing(&choice, &addresses);
            let dropped = addresses.len() as u64;
            shared.forget(addresses, &by, deadline).await?;
            info!(pipeline = %shared.pipeline, letters = dropped, by, "dead letters dropped");
            Ok(LettersDropped { dropped, missing })
        })
        .await
    }
}

struct Replaying {
    shared: Arc<Shared>,
    by: String,
    deadline: Instant,
    _turn: OwnedMutexGuard<()>,
}

impl Replaying {
    async fn run(&self, wanted: Wanted, choice: &LetterChoice, inject: &dyn Inject) -> Result<LettersReplayed, Refusal> {
        let mut reading = self.shared.look(wanted, Instant::now() + READ).await?;
        let addresses = reading.addresses();
        let mut report = LettersReplayed { missing: missing(choice, &addresses), ..LettersReplayed::default() };
        for some in addresses[..MOST.min(addresses.len())].chunks(CHUNK) {
            let (read, letters) = self.shared.load(reading, some, self.deadline.min(Instant::now() + READ)).await?;
            reading = read;
            let (gone, parked) = (letters.len() as u64, self.send(letters, inject).await);
            match parked {
                Ok(parked) => {
                    report.replayed += gone;
                    report.parked_again += parked;
                }
                Err(refusal) if report.replayed == 0 => return Err(refusal),
                Err(refusal) => {
                    warn!(pipeline = %self.shared.pipeline, error = %refusal, "a replay ended before its end");
                    break;
                }
            }
        }
        report.remaining = addresses.len() as u64 - report.replayed;
        let LettersReplayed { replayed, parked_again, remaining, .. } = report;
        info!(pipeline = %self.shared.pipeline, replayed, parked_again, remaining, by = %self.by, "dead letters replayed");
        Ok(report)
    }

    /// Sends letters through the chain and then drops them; says how many were parked anew.
    async fn send(&self, letters: Vec<(Address, super::letter::Parked)>, inject: &dyn Inject) -> Result<u64, Refusal> {
        let (mut addresses, mut events, mut replays) = (Vec::new(), Vec::new(), Vec::new());
        for (address, letter) in letters {
            let (event, replay) = letter.replay();
            addresses.push(address);
            events.push(event);
            replays.push(replay);
        }
        if events.is_empty() {
            return Ok(0);
        }
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Time to drop what was sent is kept.
        inject.inject(Batch::from(events), left.saturating_sub(MARGIN)).await?;
        self.shared.forget(addresses, &format!("replay by {}", self.by), self.deadline).await.map_err(|refusal| Refusal {
            detail: format!("the events are safe, but their letters are still there and would be replayed again: {}", refusal.detail),
            ..refusal
        })?;
        Ok(replays.iter().filter(|replay| replay.is_parked()).count() as u64)
    }
}

impl Shared {
    fn turn(&self) -> Result<OwnedMutexGuard<()>, Refusal> {
        let taken =
            |_| Refusal::new(RefusalKind::Conflict, format!("another replay or drop of {}'s dead letters is under way", self.pipeline));
        self.turn.clone().try_lock_owned().map_err(taken)
    }

    async fn look(&self, wanted: Wanted, deadline: Instant) -> Result<Reading, Refusal> {
        in_time(self.place.look(wanted, deadline), deadline).await
    }

    async fn load(
        &self,
        reading: Reading,
        some: &[Address],
        deadline: Instant,
    ) -> Result<(Reading, Vec<(Address, super::letter::Parked)>), Refusal> {
        in_time(self.place.load(reading, some, deadline), deadline).await
    }

    /// Has the writing task drop letters.
    async fn forget(&self, addresses: Vec<Address>, by: &str, deadline: Instant) -> Result<(), Refusal> {
        if addresses.is_empty() {
            return Ok(());
        }
        let ended = || {
            Refusal::new(RefusalKind::Unavailable, format!("pipeline {} has ended: its letters can be read, not changed", self.pipeline))
        };
        let (done, answer) = oneshot::channel();
        let order = async {
            self.orders.send(Order { addresses, by: by.to_owned(), done }).await.map_err(|_| ended())?;
            answer.await.map_err(|_| ended())?.map_err(unavailable)
        };
        let late = |_| {
            Refusal::new(RefusalKind::Deadline, "the place of the dead letters does not answer; it is not known whether they are dropped")
        };
        tokio::time::timeout_at(deadline.into(), order).await.map_err(late)?
    }
}

/// Ids that were asked for and not found.
fn missing(choice: &LetterChoice, found: &[Address]) -> Vec<String> {
    let found: std::collections::HashSet<Address> = found.iter().copied().collect();
    choice.ids.iter().filter(|id| id.parse().map_or(true, |address| !found.contains(&address))).cloned().collect()
}

async fn in_time<T>(reading: impl Future<Output = Result<T, Error>>, deadline: Instant) -> Result<T, Refusal> {
    let late = |_| Refusal::new(RefusalKind::Unavailable, format!("the dead letters could not be read within {READ:?}"));
    // The reading watches the deadline itself and says more about what kept it.
    tokio::time::timeout_at((deadline + MARGIN).into(), reading).await.map_err(late)?.map_err(unavailable)
}

fn unavailable(error: Error) -> Refusal {
    Refusal::new(RefusalKind::Unavailable, error_chain(&error))
}

/// On a task of its own, which outlives a caller that goes away.
async fn to_its_end<T: Send + 'static>(work: impl Future<Output = Result<T, Refusal>> + Send + 'static) -> Result<T, Refusal> {
    match tokio::spawn(tracing::Instrument::in_current_span(work)).await {
        Ok(done) => done,
        Err(panic) => Err(Refusal::new(RefusalKind::Unavailable, panic.to_string())),
    }
}
