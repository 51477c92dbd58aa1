//! How commands show things to a person: tables, times, amounts, colour. Whatever the agent sent is escaped on its way to the terminal.

pub(super) mod amount;
pub(super) mod event;
pub(super) mod fit;
pub(super) mod output;
pub(super) mod paint;
#[cfg(test)]
pub(super) mod samples;
pub(super) mod table;
pub(super) mod time;
pub(super) mod version;
