//! A plugin's log: into the agent's own, named, escaped, and no more of it than a person could read.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::Observer;
use super::bindings::Level;
use super::counters::{Counted, Names};
use crate::printable::one_line;
use crate::token_bucket::TokenBucket;

/// Lines a second, and how many may come at once.
const LINES: u32 = 100;

/// Where one interceptor's instances log and count. Cheap to clone; all share one allowance, and one set of counters.
#[derive(Clone)]
pub(crate) struct LogLines {
    open: Option<Arc<Open>>,
}

struct Open {
    speaker: Speaker,
    observer: Arc<dyn Observer>,
    allowance: Mutex<Allowance>,
    names: Mutex<Names>,
}

/// Who is speaking.
pub(crate) struct Speaker {
    pub(crate) pipeline: String,
    pub(crate) interceptor: String,
    pub(crate) plugin: String,
    pub(crate) version: String,
    /// The beginning of the component's SHA-256.
    pub(crate) digest: String,
}

impl LogLines {
    pub(crate) fn new(speaker: Speaker, observer: Arc<dyn Observer>) -> LogLines {
        let (allowance, names) = (Mutex::new(Allowance::full(Instant::now())), Mutex::default());
        LogLines { open: Some(Arc::new(Open { speaker, observer, allowance, names })) }
    }

    /// For trials: nothing is written, and nothing counted.
    pub(crate) fn muted() -> LogLines {
        LogLines { open: None }
    }

    pub(super) fn write(&self, level: Level, message: &str) {
        let Some(open) = &self.open else { return };
        let grant = open.allowance.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        match grant {
            Grant::Suppressed => open.observer.log_suppressed(1),
            Grant::Write { suppressed } => {
                if suppressed > 0 {
                    open.speaker.say(Level::Warn, &format!("{suppressed} more lines of this plugin were not written"));
                }
                open.speaker.say(level, &one_line(message));
            }
        }
    }

    /// Passes on what a call counted. What does not fit is left out, and told once, whatever the plugin logs meanwhile.
    pub(super) fn counted(&self, counted: &mut Counted) {
        if counted.is_empty() {
            return;
        }
        let counted = std::mem::take(counted);
        let Some(open) = &self.open else { return };
        let mut names = open.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(complaint) = names.admit(counted, |name, by| open.observer.counted(name, by)) {
            open.speaker.say(Level::Warn, &complaint);
        }
    }
}

impl Speaker {
    fn say(&self, level: Level, message: &str) {
        let Speaker { pipeline, interceptor, plugin, version, digest } = self;
        match level {
            Level::Debug => tracing::debug!(target: "weir::plugin", pipeline, interceptor, plugin, version, digest, "{message}"),
            Level::Info => tracing::info!(target: "weir::plugin", pipeline, interceptor, plugin, version, digest, "{message}"),
            Level::Warn => tracing::warn!(target: "weir::plugin", pipeline, interceptor, plugin, version, digest, "{message}"),
            Level::Error => tracing::error!(target: "weir::plugin", pipeline, interceptor, plugin, version, digest, "{message}"),
        }
    }
}

/// [`LINES`] at once, and as many again each second.
struct Allowance {
    bucket: TokenBucket,
    suppressed: u64,
}

#[derive(Debug, PartialEq)]
enum Grant {
    Write { suppressed: u64 },
    Suppressed,
}

impl Allowance {
    fn full(now: Instant) -> Allowance {
        Allowance { bucket: TokenBucket::full(LINES, now), suppressed: 0 }
    }

    fn take(&mut self, now: Instant) -> Grant {
        if !self.bucket.take(now) {
            self.suppressed += 1;
            return Grant::Suppressed;
        }
        Grant::Write { suppressed: std::mem::take(&mut self.suppressed) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted_and_the_allowance_comes_back() {
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        let written = (0..1000).filter(|_| allowance.take(start) != Grant::Suppressed).count();
        assert_eq!(written, LINES as usize);
        assert_eq!(allowance.take(start + Duration::from_millis(10)), Grant::Write { suppressed: 900 });
        assert_eq!(allowance.take(start + Duration::from_millis(10)), Grant::Suppressed);
        let later = start + Duration::from_secs(60);
        let written = (0..1000).filter(|_| allowance.take(later) != Grant::Suppressed).count();
        assert_eq!(written, LINES as usize);
    }
}
