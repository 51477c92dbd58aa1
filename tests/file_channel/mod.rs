//! The file channel under a real kernel: agents that are killed, and a disk that is full.

mod full_disk;
mod kills;

use std::path::Path;

use crate::harness::configuration::Pipeline;

/// The pipeline with a file channel in place of the memory channel; `more` are lines of that channel, without its prefix.
fn with_file_channel(pipeline: &Pipeline<'_>, directory: &Path, more: &[String]) -> String {
    let channel = format!("{}.channels.memory", pipeline.name);
    let mut text = pipeline.properties().replace(&format!("{channel}.type = memory"), &format!("{channel}.type = file"));
    text.push_str(&format!("{channel}.checkpointDir = {}\n", directory.join("checkpoint").display()));
    text.push_str(&format!("{channel}.dataDirs = {}\n", directory.join("data").display()));
    for line in more {
        text.push_str(&format!("{channel}.{line}\n"));
    }
    text
}
