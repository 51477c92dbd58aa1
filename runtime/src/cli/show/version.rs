//! Versions of a plugin in a few letters: `fraud-score 0.2.0 (77ab…)`.

use crate::control::swap::VersionStatus;
use crate::printable::escaped;

/// Letters of a digest that name it in a table, and that `weir rollback` takes.
const SHORT: usize = 12;
/// Letters that tell two digests apart at a glance.
const GLANCE: usize = 4;

/// `77ab12cd34ef`.
pub(in crate::cli) fn short(digest: &str) -> String {
    digest.chars().take(SHORT).collect()
}

/// `77ab…`.
pub(in crate::cli) fn glance(digest: &str) -> String {
    let begin: String = digest.chars().take(GLANCE).collect();
    escaped(&begin) + "…"
}

/// `fraud-score 0.2.0`.
pub(in crate::cli) fn name(version: &VersionStatus) -> String {
    escaped(&format!("{} {}", version.name, version.version))
}

/// `fraud-score 0.2.0 (77ab…)`.
pub(in crate::cli) fn full(version: &VersionStatus) -> String {
    format!("{} ({})", name(version), glance(&version.digest))
}
