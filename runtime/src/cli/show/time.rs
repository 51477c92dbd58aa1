//! Moments for people, in their own time zone: `14:02:11`, `3 min ago`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What time it is, and where.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Clock {
    /// Milliseconds since the epoch, by the agent's clock where it said so: ages are then right even when the clocks differ.
    pub(in crate::cli) now: u64,
    /// The reader's.
    pub(in crate::cli) zone: TimeZone,
}

impl Clock {
    /// This machine's.
    pub(in crate::cli) fn local() -> Clock {
        Clock { now: crate::control::now(), zone: TimeZone::system() }
    }

    /// This machine's place, and another's time.
    pub(in crate::cli) fn at(now: u64) -> Clock {
        Clock { now, zone: TimeZone::system() }
    }

    /// How long ago: `just now`, `3 min ago`, `2 d ago`; a moment that is still to come is told by the clock.
    pub(in crate::cli) fn ago(&self, moment: u64) -> String {
        match self.now.checked_sub(moment) {
            None => self.time(moment),
            Some(since) if since < 1_000 => "just now".to_owned(),
            Some(since) => format!("{} ago", span(since)),
        }
    }

    /// `14:02:11`, with the day when that is not today.
    pub(in crate::cli) fn time(&self, moment: u64) -> String {
        let (Some(then), Some(now)) = (self.zoned(moment), self.zoned(self.now)) else { return format!("{moment} ms") };
        if then.date() == now.date() { then.strftime("%H:%M:%S").to_string() } else { then.strftime("%Y-%m-%d %H:%M:%S").to_string() }
    }

    /// `2026-11-24 14:02:11.123`, for lines that are read beside other logs.
    pub(in crate::cli) fn stamp(&self, moment: u64) -> String {
        self.zoned(moment).map_or_else(|| format!("{moment} ms"), |then| then.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
    }

    fn zoned(&self, moment: u64) -> Option<jiff::Zoned> {
        Some(Timestamp::from_millisecond(i64::try_from(moment).ok()?).ok()?.to_zoned(self.zone.clone()))
    }
}

/// A span of milliseconds in its one or two largest units: `45 s`, `3 min`, `3 h 12 min`, `2 d 4 h`.
pub(in crate::cli) fn span(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, part: &str| {
        if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {part}") }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        (_, _, _) => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: &str) -> Clock {
        let now: Timestamp = now.parse().unwrap();
        Clock { now: u64::try_from(now.as_millisecond()).unwrap(), zone: TimeZone::fixed(jiff::tz::offset(1)) }
    }

    #[test]
    fn an_age_is_told_in_its_largest_units() {
        let spans = [0, 59_999, 60_000, 3_599_999, 3_600_000, 11_520_000, 187_200_000].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min", "59 min", "1 h", "3 h 12 min", "2 d 4 h"]);
    }

    #[test]
    fn a_moment_is_told_in_the_readers_zone() {
        let clock = clock("2026-11-24T22:02:11Z");
        assert_eq!(clock.time(clock.now), "23:02:11");
        assert_eq!(clock.time(clock.now + 3_600_000), "2026-11-25 00:02:11");
        assert_eq!(clock.stamp(clock.now + 7), "2026-11-24 23:02:11.007");
        assert_eq!(clock.ago(clock.now - 180_000), "3 min ago");
        assert_eq!(clock.ago(clock.now - 999), "just now");
        assert_eq!(clock.ago(clock.now + 1_000), "23:02:12");
        assert_eq!(clock.time(u64::MAX), "18446744073709551615 ms");
    }
}
