//! CPU time of the calling thread: what a guest costs, however busy the machine is meanwhile.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// A running clock; to be read on the thread that started it.
pub(crate) struct CpuClock(Timespec);

impl CpuClock {
    pub(crate) fn start() -> CpuClock {
        CpuClock(clock_gettime(ClockId::ThreadCPUTime))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        let since = clock_gettime(ClockId::ThreadCPUTime) - self.0;
        Duration::try_from(since).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_and_waiting_does_not() {
        let (clock, begun) = (CpuClock::start(), std::time::Instant::now());
        std::thread::sleep(Duration::from_millis(200));
        let waited = clock.elapsed();
        assert!(waited < begun.elapsed() / 2, "{waited:?} of {:?}", begun.elapsed());
        let mut number = 0_u64;
        while clock.elapsed() <= waited {
            number = std::hint::black_box(number.wrapping_mul(31).wrapping_add(7));
        }
    }
}
