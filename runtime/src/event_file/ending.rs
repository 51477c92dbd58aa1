//! What became of events, one line an event and one for each that was derived from it.

use crate::batch::{Batch, Outcome};
use crate::event::Event;

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It goes on, as the event of its line shows it.
    Kept,
    /// It was dropped on purpose.
    Discarded,
    /// It goes to the dead letters, for this reason.
    Rejected(String),
    /// It is new, and goes on after the event that it was derived from.
    Derived,
}

impl Ending {
    /// Its name in files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Ending::Kept => "kept",
            Ending::Discarded => "discarded",
            Ending::Rejected(_) => "rejected",
            Ending::Derived => "derived",
        }
    }
}

/// An event after it was judged.
#[derive(Debug, Clone)]
pub struct Line {
    /// What became of it.
    pub ending: Ending,
    /// As it goes on; one that does not, as it came.
    pub event: Event,
}

/// What became of the events of a batch, in their order.
#[must_use]
pub fn endings(batch: &Batch, outcome: Outcome) -> Vec<Line> {
    let mut lines = Vec::with_capacity(batch.len());
    let mut verdicts = outcome.verdicts.into_iter().peekable();
    for (index, event) in batch.events.iter().enumerate() {
        let Some((_, verdict)) = verdicts.next_if(|(at, _)| *at == index) else {
            lines.push(Line { ending: Ending::Kept, event: event.clone() });
            continue;
        };
        // The rules of what a verdict does are the batch's own.
        let judged = Outcome { verdicts: vec![(0, verdict)] }.apply(Batch::from(vec![event.clone()]));
        if judged.discarded > 0 {
            lines.push(Line { ending: Ending::Discarded, event: event.clone() });
        }
        let rejected = judged.rejected.into_iter();
        lines.extend(rejected.map(|rejected| Line { ending: Ending::Rejected(rejected.rejection.reason), event: rejected.event }));
        let mut ending = if judged.discarded > 0 { Ending::Derived } else { Ending::Kept };
        for event in judged.batch.events {
            lines.push(Line { ending: std::mem::replace(&mut ending, Ending::Derived), event });
        }
    }
    lines
}
