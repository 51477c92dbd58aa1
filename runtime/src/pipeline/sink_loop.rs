//! The right half of the flow: take -> write -> dead-letter -> commit, with several writes in flight.
//!
//! A sink that settles late ([`Written::later`]) is left holding the events; of these only the acks are kept here, until they are safe.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, try_join_all};
use futures_util::stream::FuturesUnordered;
use tracing::warn;

use super::backoff::BackOff;
use super::dead_letter::DeadLetters;
use super::hurry::{Hurried, Hurry};
use crate::batch::{Batch, Rejected, Rejection};
use crate::channel::{Channel, Taken};
use crate::error_chain;
use crate::sink::{Disposition, Error, Later, Refused, Sink, Writing, Written};
use crate::telemetry::SinkMetrics;

/// Most events written but not yet acknowledged downstream.
const IN_FLIGHT_EVENTS: usize = 20_000;

/// What a sink drains; outlives the sink itself, which is made anew after a fatal failure.
pub(crate) struct Drained {
    /// `sink NAME`, as dead letters say it.
    pub(crate) stage: String,
    pub(crate) batch_size: usize,
    /// Events taken at once: a batch, or more where the sink writes each by itself.
    pub(crate) at_once: usize,
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) metrics: SinkMetrics,
    pub(crate) hurry: Hurry,
}

struct SinkLoop<'a> {
    sink: Box<dyn Sink>,
    drained: &'a Drained,
    in_flight: VecDeque<InFlight>,
    events_in_flight: usize,
    /// Written, and in part to be written again; before all that is in flight.
    unsettled: VecDeque<(Taken, Written)>,
    /// Written, and safe only later.
    held: FuturesUnordered<Held>,
    hurried: Hurried,
}

/// Sends an ack home once its events are safe.
type Held = BoxFuture<'static, Result<(), Error>>;

/// A write that is under way.
struct InFlight {
    taken: Taken,
    writing: Writing,
    begun: Instant,
}

impl Drop for SinkLoop<'_> {
    /// Back into the channel from the last to the first, so that they are in order there.
    fn drop(&mut self) {
        while self.in_flight.pop_back().is_some() {}
        while self.unsettled.pop_back().is_some() {}
    }
}

/// Runs one sink until its channel is closed and empty. What was taken and not written is back in the channel after an error.
pub(crate) async fn run(sink: Box<dyn Sink>, drained: &Drained) -> Result<(), Error> {
    let (in_flight, unsettled, held) = Default::default();
    SinkLoop { sink, drained, in_flight, events_in_flight: 0, unsettled, held, hurried: drained.hurry.listen() }.run().await
}

impl SinkLoop<'_> {
    async fn run(mut self) -> Result<(), Error> {
        let (mut open, mut dry) = (true, false);
        while open || !self.in_flight.is_empty() {
            tokio::select! {
                biased;
                written = first(&mut self.in_flight), if !self.in_flight.is_empty() => self.settle(written?).await?,
                Some(safe) = self.held.next() => safe?,
                () = self.hurried.asked() => self.sink.hurry().await?,
                taken = self.drained.take(&mut dry), if open && self.events_in_flight < IN_FLIGHT_EVENTS => match taken {
                    Some(taken) => self.begin(taken).await?,
                    None => open = false,
                },
            }
        }
        self.sink.finish().await?;
        while let Some(safe) = self.held.next().await {
            safe?;
        }
        Ok(())
    }

    async fn begin(&mut self, taken: Taken) -> Result<(), Error> {
        let events = taken.batch().len();
        self.drained.metrics.taken_events.inc_by(events as u64);
        match events < self.drained.batch_size {
            true => self.drained.metrics.batches_underflow.inc(),
            false => self.drained.metrics.batches_complete.inc(),
        };
        let begun = Instant::now();
        let writing = self.sink.write(taken.batch()).await?;
        self.events_in_flight += events;
        self.in_flight.push_back(InFlight { taken, writing, begun });
        Ok(())
    }

    /// The front batch is done. Where part of it failed, nothing new starts until that part and all behind it are settled, in order.
    async fn settle(&mut self, written: Written) -> Result<(), Error> {
        let Some(taken) = self.ended() else { return Ok(()) };
        if written.failed.is_empty() && written.refused.iter().all(|refused| refused.certain) {
            self.commit(taken, written.refused, written.later.into_iter().collect()).await;
            return Ok(());
        }
        self.unsettled.push_back((taken, written));
        while !self.in_flight.is_empty() {
            let behind = first(&mut self.in_flight).await?;
            if let Some(taken) = self.ended() {
                self.unsettled.push_back((taken, behind));
            }
        }
        // One wait is for all: what those behind failed with is as old.
        let mut waited = false;
        while let Some((taken, written)) = self.unsettled.pop_front() {
            match self.write_until_done(taken.batch(), written, &mut waited).await {
                Ok((refused, later)) => self.commit(taken, refused, later).await,
                Err(error) => {
                    self.unsettled.push_front((taken, Written::default()));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The front write is no longer in flight.
    fn ended(&mut self) -> Option<Taken> {
        let InFlight { taken, begun, .. } = self.in_flight.pop_front()?;
        self.events_in_flight -= taken.batch().len();
        self.drained.metrics.write_seconds.inc_by(begun.elapsed().as_secs_f64());
        Some(taken)
    }

    /// Writes what failed again, with back-off and for as long as it takes; events that may be refused for their company go alone.
    async fn write_until_done(&mut self, batch: &Batch, written: Written, waited: &mut bool) -> Result<(Vec<Refused>, Vec<Later>), Error> {
        let mut back_off = BackOff::new();
        let mut stale = *waited;
        let (mut refused, doubtful): (Vec<_>, Vec<_>) = written.refused.into_iter().partition(|refused| refused.certain);
        let mut alone: VecDeque<usize> = doubtful.into_iter().map(|refused| refused.event).collect();
        let mut failed = written.failed;
        let mut cause = written.cause;
        let mut later: Vec<Later> = written.later.into_iter().collect();
        while !failed.is_empty() || !alone.is_empty() {
            if let Some(error) = cause.take() {
                if error.disposition() == Disposition::Fatal {
                    return Err(error);
                }
                self.drained.metrics.retries.inc();
                if !std::mem::take(&mut stale) {
                    let wait = back_off.after(Duration::ZERO);
                    warn!(stage = %self.drained.stage, events = failed.len(), error = %error_chain(&error), ?wait, "write failed, trying again");
                    tokio::time::sleep(wait).await;
                    *waited = true;
                }
            }
            let again = if failed.is_empty() { alone.pop_front().into_iter().collect() } else { std::mem::take(&mut failed) };
            let part = Arc::new(Batch::from(again.iter().map(|index| batch.events[*index].clone()).collect::<Vec<_>>()));
            let single = again.len() == 1;
            let begun = Instant::now();
            let written = self.sink.write(&part).await?.await?;
            self.drained.metrics.write_seconds.inc_by(begun.elapsed().as_secs_f64());
            failed = written.failed.into_iter().map(|index| again[index]).collect();
            cause = written.cause;
            later.extend(written.later);
            for one in written.refused {
                match one.certain || single {
                    true => refused.push(Refused { event: again[one.event], ..one }),
                    false => alone.push_back(again[one.event]),
                }
            }
        }
        refused.sort_by_key(|refused| refused.event);
        Ok((refused, later))
    }

    /// The batch is written; its ack goes home, now or when its events are safe.
    async fn commit(&mut self, taken: Taken, refused: Vec<Refused>, later: Vec<Later>) {
        if later.is_empty() {
            return self.drained.commit(taken, refused).await;
        }
        let metrics = self.drained.metrics.clone();
        let (events, bytes) = ((taken.batch().len() - refused.len()) as u64, taken.batch().size() as u64);
        let rejected = self.drained.reject(taken.batch(), refused);
        let Some(ack) = taken.into_ack() else { return };
        if !rejected.is_empty() {
            self.drained.dead_letters.put(rejected, ack.share()).await;
        }
        self.held.push(Box::pin(async move {
            // An ack that is dropped here abandons its batch.
            try_join_all(later.into_iter().map(|later| later.0)).await?;
            metrics.sent_events.inc_by(events);
            metrics.sent_bytes.inc_by(bytes);
            ack.delivered();
            Ok(())
        }));
    }
}

impl Drained {
    /// The next events of the channel; counts each time that it is found dry. Cancel safe, as the channel's own take: `dry` remembers over several
    /// calls that the wait is counted.
    async fn take(&self, dry: &mut bool) -> Option<Taken> {
        let mut taking = pin!(self.channel.take(self.at_once));
        let taken = poll_fn(|context| {
            let taken = taking.as_mut().poll(context);
            if taken.is_pending() && !std::mem::replace(dry, true) {
                self.metrics.batches_empty.inc();
            }
            taken
        });
        let taken = taken.await;
        *dry = false;
        taken
    }

    async fn commit(&self, taken: Taken, refused: Vec<Refused>) {
        let sent = (taken.batch().len() - refused.len()) as u64;
        self.metrics.sent_events.inc_by(sent);
        self.metrics.sent_bytes.inc_by(taken.batch().size() as u64);
        if refused.is_empty() {
            return taken.commit();
        }
        let rejected = self.reject(taken.batch(), refused);
        if let Some(ack) = taken.into_ack() {
            self.dead_letters.put(rejected, ack).await;
        }
    }

    fn reject(&self, batch: &Batch, refused: Vec<Refused>) -> Vec<Rejected> {
        self.metrics.rejected_events.inc_by(refused.len() as u64);
        refused.into_iter().map(|refused| self.rejected(batch, refused)).collect()
    }

    fn rejected(&self, batch: &Batch, refused: Refused) -> Rejected {
        let rejection = Rejection { stage: self.stage.clone(), reason: refused.reason, ..Rejection::default() };
        Rejected { event: batch.events[refused.event].clone(), rejection }
    }
}

/// The front write's end; cancel safe, since the write stays where it is.
async fn first(in_flight: &mut VecDeque<InFlight>) -> Result<Written, Error> {
    match in_flight.front_mut() {
        Some(front) => (&mut front.writing).await,
        None => Ok(Written::default()),
    }
}
