//! What becomes of one batch: noted while it is handed to files, complete when they have answered.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::file::{Appended, Fate, File, Outcome};
use super::fs::{Entry, Error};
use crate::sink::{self, Later, Refused, Written};

/// The events of a batch, by their indices.
pub(super) struct Sheet {
    /// Held until all is known.
    turn: Arc<()>,
    written: Written,
    parts: Vec<Part>,
    /// Safe once these are whole.
    later: Vec<Arc<File>>,
    /// Directories listed since the batch came.
    pub(super) listed: HashMap<String, Result<Arc<Vec<Entry>>, Error>>,
}

struct Part {
    events: Vec<usize>,
    fate: oneshot::Receiver<Fate>,
    file: Arc<File>,
}

impl Sheet {
    pub(super) fn new(turn: Arc<()>) -> Sheet {
        let (written, parts, later, listed) = Default::default();
        Sheet { turn, written, parts, later, listed }
    }

    /// An event can never be written.
    pub(super) fn refuse(&mut self, event: usize, reason: String) {
        self.written.refused.push(Refused { event, reason, certain: true });
    }

    /// Events are to be written again.
    pub(super) fn fail(&mut self, events: &[usize], error: Error) {
        self.written.fail(events, error);
    }

    /// A file took events.
    pub(super) fn took(&mut self, file: &Arc<File>, appended: Appended) {
        for (event, reason) in appended.refused {
            self.refuse(event, reason);
        }
        if let Some(fate) = appended.fate {
            self.parts.push(Part { events: appended.taken, fate, file: file.clone() });
        }
    }

    /// An event is in a file already that is not whole yet.
    pub(super) fn join(&mut self, file: Arc<File>) {
        add(&mut self.later, file);
    }

    /// Waits for the answers.
    pub(super) async fn settle(self) -> Result<Written, sink::Error> {
        let Sheet { mut written, parts, mut later, turn: _turn, .. } = self;
        for Part { events, fate, file } in parts {
            match fate.await.unwrap_or(Fate::Failed(Error::Abandoned)) {
                Fate::Written if file.late => add(&mut later, file),
                Fate::Written => {}
                Fate::Failed(error) => written.fail(&events, error),
                Fate::Refused(reason) => {
                    written.refused.extend(events.into_iter().map(|event| Refused { event, reason: reason.clone(), certain: true }));
                }
            }
        }
        written.failed.sort_unstable();
        written.refused.sort_by_key(|refused| refused.event);
        if !later.is_empty() {
            let whole: Vec<BoxFuture<'static, Outcome>> = later.iter().map(|file| Box::pin(file.whole()) as BoxFuture<'_, _>).collect();
            written.later = Some(Later(Box::pin(async move {
                for whole in whole {
                    whole.await.map_err(sink::Error::Files)?;
                }
                Ok(())
            })));
        }
        Ok(written)
    }
}

impl Written {
    fn fail(&mut self, events: &[usize], error: Error) {
        self.failed.extend_from_slice(events);
        self.cause = Some(sink::Error::Files(error));
    }
}

fn add(files: &mut Vec<Arc<File>>, file: Arc<File>) {
    if files.iter().all(|present| !Arc::ptr_eq(present, &file)) {
        files.push(file);
    }
}
