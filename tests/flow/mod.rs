//! Small sources and sinks, selectors and sink groups, in flows of the real binary.

mod fan_out;
mod files;
