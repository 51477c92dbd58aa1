//! English names of the calendar, as Java's `Locale.ENGLISH` has them: Flume's time escapes write them, Joda patterns read them.

/// January first.
pub(crate) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The short form of a name above: its first three letters.
pub(crate) fn short(name: &str) -> &str {
    &name[..3]
}
