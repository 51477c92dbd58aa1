//! Time zones by the names that Java knows (`java.util.TimeZone`): those of the tz database, three-letter ones of old, and `GMT+8`.

use jiff::tz::{Offset, TimeZone};

/// Java's old names that are not in the tz database, or mean something else there (`ZoneId.SHORT_IDS`).
const OLD: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// The time zone of a name; `None` where Java has none either, and takes GMT without a word.
pub(super) fn find(name: &str) -> Option<TimeZone> {
    if let Some(offset) = name.strip_prefix("GMT").and_then(offset) {
        return Some(TimeZone::fixed(offset));
    }
    let known = OLD.iter().find(|(old, _)| *old == name).map_or(name, |(_, known)| known);
    TimeZone::get(known).ok()
}

/// `+8`, `-0930`, `+08:00`: hours of one or two digits, minutes of two.
fn offset(text: &str) -> Option<Offset> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = &text[1..];
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "00"),
    };
    let minutes = number(minutes, 59).filter(|_| minutes.len() == 2)?;
    Offset::from_seconds(sign * (number(hours, 23)? * 3600 + minutes * 60)).ok()
}

/// One or two digits.
fn number(digits: &str, most: i32) -> Option<i32> {
    let plain = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_java() {
        for (name, offset) in
            [("UTC", 0), ("Asia/Shanghai", 28800), ("IST", 19800), ("GMT", 0), ("GMT+8", 28800), ("GMT-09:30", -34200), ("GMT+0530", 19800)]
        {
            let zone = find(name).expect(name);
            assert_eq!(zone.to_offset(jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(500_000)).seconds(), offset, "{name}");
        }
        for name in ["Mars/Olympus", "GMT+24", "GMT+8:0", "GMT+", "GMT+12345", "UTC+8", ""] {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
