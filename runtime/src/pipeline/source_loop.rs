//! The left half of the flow: poll -> track -> intercept -> put, and settle -> commit.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use tokio::time::timeout_at;
use tracing::{debug, info, warn};

use super::dead_letter::DeadLetters;
use super::drain::Drain;
use super::ledger::{self, Abandoned, Checkpoint, Ledger};
use super::selector::Selector;
use crate::batch::Judged;
use crate::delivery::{Ack, Delivery};
use crate::interceptor::{self, Chain};
use crate::source::{self, Polled, PolledBatch, Revocation, Source};
use crate::telemetry::SourceMetrics;

/// Batches that may be in the chain at once.
const IN_CHAIN: usize = 256;
/// Watermarks are stored this often, not at each of their moves: the client commits them once a second anyway.
const STORE_EVERY: Duration = Duration::from_millis(100);

/// What a source feeds; outlives the source itself, which is made anew after a failure.
pub(crate) struct Route {
    pub(crate) chain: Chain,
    pub(crate) selector: Selector,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) metrics: SourceMetrics,
    pub(crate) limit: ledger::Limit,
}

/// Why a source's loop ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Source(#[from] source::Error),
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
    #[error(transparent)]
    Interceptor(#[from] interceptor::Error),
}

/// A batch on its way through the chain.
type InChain = BoxFuture<'static, Result<(Judged, Ack), interceptor::Error>>;

struct SourceLoop<'a> {
    source: &'a mut dyn Source,
    route: &'a Route,
    ledger: Ledger,
    chain: FuturesOrdered<InChain>,
    /// Settled and not stored yet.
    moved: Checkpoint,
}

/// Runs one source from its last commit until the drain or its end, or until the drain is cut short; then it leaves in order.
pub(crate) async fn run(mut source: Box<dyn Source>, route: &Route, drain: &Drain) -> Result<(), Error> {
    let ledger = Ledger::new(route.limit);
    let running = SourceLoop { source: source.as_mut(), route, ledger, chain: FuturesOrdered::new(), moved: Checkpoint::new() };
    tokio::select! {
        ended = running.run(drain) => ended?,
        // What was open is gone with the loop, uncommitted.
        () = drain.abandoned() => warn!("source stops before all is settled: events will come again"),
    }
    source.close().await?;
    Ok(())
}

impl SourceLoop<'_> {
    async fn run(mut self, drain: &Drain) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(STORE_EVERY);
        loop {
            tokio::select! {
                biased; // poll last: a busy source must starve no other arm
                _ = ticks.tick() => self.commit()?,
                checkpoint = self.ledger.settled() => self.moved.append(&mut checkpoint?),
                Some(judged) = self.chain.next() => self.pass_on(judged?).await,
                () = drain.requested() => break,
                polled = self.source.poll(), if self.has_room() => match polled? {
                    Polled::Batches(batches) => self.track_all(batches).await,
                    Polled::Revoked(revocation) => self.give_up(revocation).await?,
                    Polled::End => break,
                },
            }
        }
        self.finish().await
    }

    fn has_room(&self) -> bool {
        self.ledger.has_room() && self.chain.len() < IN_CHAIN
    }

    async fn track_all(&mut self, batches: Vec<PolledBatch>) {
        for batch in batches {
            self.track(batch).await;
        }
        self.route.metrics.open_batches.set(self.ledger.open_batches() as i64);
    }

    async fn track(&mut self, PolledBatch { batch, rejected, reached }: PolledBatch) {
        let bytes = batch.size();
        self.route.metrics.received_events.inc_by((batch.len() + rejected.len()) as u64);
        self.route.metrics.received_bytes.inc_by(bytes as u64);
        let ack = self.ledger.track(batch.len(), bytes, reached);
        let chain = self.route.chain.clone();
        if chain.is_empty() && self.chain.is_empty() {
            return self.pass_on((Judged { batch, rejected, discarded: 0 }, ack)).await;
        }
        self.chain.push_back(Box::pin(async move {
            let mut judged = chain.judge(batch).await?;
            judged.rejected.extend(rejected);
            Ok((judged, ack))
        }));
    }

    /// Out of the chain, in source order: to the channels, and what was refused to the dead letters.
    async fn pass_on(&mut self, (judged, ack): (Judged, Ack)) {
        if !judged.rejected.is_empty() {
            self.route.dead_letters.put(judged.rejected, ack.share()).await;
        }
        if judged.batch.is_empty() {
            return ack.delivered();
        }
        self.route.metrics.accepted_events.inc_by(judged.batch.len() as u64);
        self.route.selector.put(Delivery { batch: judged.batch, ack }).await;
    }

    /// Stores how far the watermarks have come.
    fn commit(&mut self) -> Result<(), source::Error> {
        if self.moved.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.source.commit(&std::mem::take(&mut self.moved))?;
        self.route.metrics.commits.inc();
        self.route.metrics.commit_seconds.inc_by(started.elapsed().as_secs_f64());
        self.route.metrics.open_batches.set(self.ledger.open_batches() as i64);
        Ok(())
    }

    /// Partitions go to another consumer: settle what is open of them while there is time, commit, forget them.
    async fn give_up(&mut self, revocation: Revocation) -> Result<(), Error> {
        self.route.metrics.revocations.inc();
        if !revocation.lost && !self.settle(&revocation).await? {
            warn!(partitions = revocation.partitions.len(), "revoked partitions were not settled in time: events will come again");
        }
        self.commit()?;
        self.ledger.release(&revocation.partitions);
        debug!(partitions = ?revocation.partitions, lost = revocation.lost, "partitions given up");
        Ok(())
    }

    /// Moves the chain's batches on until nothing of these partitions is open; false when the deadline comes first. It cuts off waits that hold
    /// nothing only: a put that is cut off would abandon its batch.
    async fn settle(&mut self, revocation: &Revocation) -> Result<bool, Error> {
        while let Ok(Some(judged)) = timeout_at(revocation.deadline, self.chain.next()).await {
            self.pass_on(judged?).await;
        }
        while self.ledger.is_open(&revocation.partitions) {
            let Ok(checkpoint) = timeout_at(revocation.deadline, self.ledger.settled()).await else { return Ok(false) };
            self.moved.append(&mut checkpoint?);
        }
        Ok(true)
    }

    /// Settles what is open. Nothing more is read, but a revocation must not wait: the group would wait with it.
    async fn finish(mut self) -> Result<(), Error> {
        info!(open = self.ledger.open_batches(), "source drains");
        self.source.pause();
        let mut ended = false;
        while !self.chain.is_empty() || self.ledger.is_open(&[]) {
            tokio::select! {
                biased;
                checkpoint = self.ledger.settled() => self.moved.append(&mut checkpoint?),
                Some(judged) = self.chain.next() => self.pass_on(judged?).await,
                // Batches that were on their way are not tracked: they come again.
                polled = self.source.poll(), if !ended => ended = matches!(polled?, Polled::End),
            }
            self.commit()?;
        }
        Ok(self.commit()?)
    }
}
