//! Numbers for people: `8,000`, `281 KB`, `1.2 µs`, `61 ms`.

use indicatif::HumanCount;

/// `1,234,567`.
pub(in crate::cli) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// `1,234` of a gauge, which is below zero only when it is wrong; then it is shown as it is.
pub(in crate::cli) fn gauge(number: i64) -> String {
    u64::try_from(number).map_or_else(|_| number.to_string(), count)
}

/// `1 batch`, `16 batches`.
pub(in crate::cli) fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { more })
}

/// `281 KB`, in thousands.
pub(in crate::cli) fn bytes(number: u64) -> String {
    let mut value = number as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if value < 999.5 {
            return significant(value, unit);
        }
        value /= 1000.0;
    }
    significant(value, "TB")
}

/// A time, from microseconds: `36 µs`, `61 ms`, `1.5 s`.
pub(in crate::cli) fn micros(number: f64) -> String {
    if number < 999.5 {
        significant(number, "µs")
    } else if number < 999_500.0 {
        significant(number / 1e3, "ms")
    } else {
        significant(number / 1e6, "s")
    }
}

/// How full: `12 %`; a thing without room for anything is `-`.
pub(in crate::cli) fn percent(part: i64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{:.0} %", 100.0 * part as f64 / whole as f64)
}

/// Two digits are enough below ten, whole numbers above.
fn significant(value: f64, unit: &str) -> String {
    let text = if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") };
    format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_as_a_person_says_them() {
        assert_eq!([0, 999, 1_000, 281_337, 999_499, 999_500].map(bytes), ["0 B", "999 B", "1 KB", "281 KB", "999 KB", "1 MB"]);
        assert_eq!([0.0, 1.234, 36.0, 999.6, 61_000.0, 1_500_000.0].map(micros), ["0 µs", "1.2 µs", "36 µs", "1 ms", "61 ms", "1.5 s"]);
        assert_eq!([percent(12, 100), percent(0, 0), percent(999, 1000)], ["12 %", "-", "100 %"]);
        assert_eq!([counted(1, "batch", "batches"), counted(8_000, "event", "events")], ["1 batch", "8,000 events"]);
        assert_eq!([gauge(-1), gauge(1_000)], ["-1", "1,000"]);
    }
}
