//! Delivery reports: which of a batch's records are written, without an allocation or a future for each.
//!
//! A record carries a number through librdkafka: the batch's slot in the upper half, its place in the batch in the lower.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tokio::sync::oneshot;
use tracing::warn;

use crate::batch::Batch;

/// A batch being written.
pub(super) struct Flight {
    slot: usize,
    /// The events, whose bodies librdkafka reads where they are until the last record is reported.
    batch: Arc<Batch>,
    outstanding: AtomicUsize,
    failures: Mutex<Vec<(usize, RDKafkaErrorCode)>>,
    landed: Mutex<Option<oneshot::Sender<()>>>,
}

impl Flight {
    /// A flight of a batch's records, plus one for whoever sends them: it cannot land before all are sent.
    fn new(slot: usize, batch: Arc<Batch>, landed: oneshot::Sender<()>) -> Flight {
        let outstanding = AtomicUsize::new(batch.len() + 1);
        Flight { slot, batch, outstanding, failures: Mutex::default(), landed: Mutex::new(Some(landed)) }
    }

    /// The number a record carries.
    pub(super) fn token(&self, record: usize) -> usize {
        self.slot << 32 | record
    }

    /// Whether a body is the very one of this record's event, and so stays where it is until the record is reported.
    pub(super) fn keeps(&self, record: usize, body: &[u8]) -> bool {
        self.batch.events.get(record).and_then(|event| event.body.as_deref()).is_some_and(|own| std::ptr::eq(own, body))
    }

    /// Some records are done, or were never sent.
    pub(super) fn done(&self, records: usize) {
        if self.outstanding.fetch_sub(records, Ordering::AcqRel) == records
            && let Some(landed) = lock(&self.landed).take()
        {
            let _ = landed.send(());
        }
    }

    /// What failed, in batch order. To be asked once it has landed.
    pub(super) fn failures(&self) -> Vec<(usize, RDKafkaErrorCode)> {
        let mut failures = std::mem::take(&mut *lock(&self.failures));
        failures.sort_by_key(|(record, _)| *record);
        failures
    }
}

/// The producer's callbacks and the flights in the air.
pub(super) struct Reports {
    name: String,
    flights: Mutex<Flights>,
}

#[derive(Default)]
struct Flights {
    slots: Vec<Option<Arc<Flight>>>,
    free: Vec<usize>,
}

impl Reports {
    pub(super) fn new(name: &str) -> Reports {
        Reports { name: name.to_owned(), flights: Mutex::default() }
    }

    /// Opens a flight, which is kept here until it is closed; and what resolves when the last record is done.
    pub(super) fn open(&self, batch: &Arc<Batch>) -> (Arc<Flight>, oneshot::Receiver<()>) {
        let (landed, landing) = oneshot::channel();
        let mut flights = lock(&self.flights);
        let slot = match flights.free.pop() {
            Some(slot) => slot,
            None => {
                flights.slots.push(None);
                flights.slots.len() - 1
            }
        };
        let flight = Arc::new(Flight::new(slot, batch.clone(), landed));
        flights.slots[slot] = Some(flight.clone());
        (flight, landing)
    }

    /// Takes in what became of records, those of one flight mostly in a row.
    pub(super) fn delivered(&self, reports: impl Iterator<Item = (usize, RDKafkaErrorCode)>) {
        let mut of: Option<(usize, Option<Arc<Flight>>)> = None;
        let mut records = 0;
        for (token, code) in reports {
            let (slot, record) = (token >> 32, token & 0xffff_ffff);
            let flight = match of.take_if(|(present, _)| *present == slot) {
                Some((_, flight)) => flight,
                None => {
                    finish(&mut of, &mut records);
                    lock(&self.flights).slots.get(slot).cloned().flatten()
                }
            };
            if code != RDKafkaErrorCode::NoError
                && let Some(flight) = &flight
            {
                tracing::debug!(sink = %self.name, %code, "record not delivered");
                lock(&flight.failures).push((record, code));
            }
            records += 1;
            of = Some((slot, flight));
        }
        finish(&mut of, &mut records);
    }

    /// Frees the slot of a flight that has landed.
    pub(super) fn close(&self, flight: &Flight) {
        let mut flights = lock(&self.flights);
        flights.slots[flight.slot] = None;
        flights.free.push(flight.slot);
    }
}

impl ClientContext for Reports {
    fn error(&self, error: KafkaError, reason: &str) {
        warn!(sink = %self.name, %error, reason, "kafka client");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    /// For what is purged when the client is taken down; [`Reports::delivered`] hears of all else.
    fn delivery(&self, result: &DeliveryResult<'_>, token: usize) {
        let code = match result {
            Ok(_) => RDKafkaErrorCode::NoError,
            Err((error, _)) => error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail),
        };
        self.delivered(std::iter::once((token, code)));
    }
}

/// A run of reports is at its end.
fn finish(of: &mut Option<(usize, Option<Arc<Flight>>)>, records: &mut usize) {
    let records = std::mem::take(records);
    if let Some((_, Some(flight))) = of.take() {
        flight.done(records);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while one of these is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn runs_of_reports_land_their_flights_with_the_failures_in_order() {
        let reports = Reports::new("k");
        let batch = |events: usize| Arc::new(Batch::from(vec![Event::new("x"); events]));
        let (first, mut landing) = reports.open(&batch(4));
        let (second, mut also_landing) = reports.open(&batch(2));
        first.done(1);
        let (fine, timed_out) = (RDKafkaErrorCode::NoError, RDKafkaErrorCode::MessageTimedOut);
        let told = [(&first, 2, timed_out), (&first, 0, fine), (&second, 1, fine), (&first, 1, timed_out)];
        reports.delivered(told.into_iter().map(|(flight, record, code)| (flight.token(record), code)));
        assert!(landing.try_recv().is_err(), "one is still out");
        // A slot that nobody has any more, as after a sink that was given up.
        reports.delivered([(7 << 32, fine), (first.token(3), fine)].into_iter());
        assert_eq!(landing.try_recv(), Ok(()));
        assert_eq!(first.failures(), [(1, timed_out), (2, timed_out)]);
        assert!(also_landing.try_recv().is_err(), "nobody said that all are sent");
        second.done(2);
        assert_eq!(also_landing.try_recv(), Ok(()));
    }
}
