//! The sink as a whole, in a directory and on a file system that fails.

mod directory;
mod histories;
mod offsets;
mod recovery;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::fs::fake::Fake;
use super::fs::{Kind, Local};
use super::{Hdfs, Names, Spec};
use crate::batch::Batch;
use crate::event::{Event, Origin, Scope};
use crate::sink::{Later, Sink, Written};

/// Counted names, a directory `/data`, no rolls but by what a test sets.
fn spec() -> Spec {
    Spec {
        path: "/data".into(),
        file_prefix: "p".into(),
        roll_interval: Duration::ZERO,
        roll_size: 0,
        idle_timeout: Duration::ZERO,
        retry_interval: Duration::from_secs(5),
        ..Spec::default()
    }
}

fn in_directory(spec: &Spec) -> Hdfs {
    Hdfs::on(Box::new(Local), Kind::Local, spec).expect("a sink")
}

fn on(fake: &Fake, spec: &Spec) -> Hdfs {
    Hdfs::on(Box::new(fake.clone()), Kind::Hdfs, spec).expect("a sink")
}

fn events<'a>(bodies: impl IntoIterator<Item = &'a str>) -> Batch {
    Batch::from(bodies.into_iter().map(|body| Event::new(body.to_owned())).collect::<Vec<_>>())
}

/// Events of a partition, by offset and body.
fn of_partition<'a>(partition: i32, all: impl IntoIterator<Item = (i64, &'a str)>) -> Batch {
    let event = |(offset, body): (i64, &str)| Event {
        origin: Some(Origin { topic: "t".into(), partition, offset }),
        ..Event::new(body.to_owned())
    };
    Batch::from(all.into_iter().map(event).collect::<Vec<_>>())
}

/// Writes a batch and waits for its fate.
async fn write(sink: &mut Hdfs, batch: &Batch) -> Written {
    sink.write(&Arc::new(batch.clone())).await.expect("a write").await.expect("written")
}

/// Writes a batch all of which is to be written.
async fn write_all(sink: &mut Hdfs, batch: &Batch) -> Option<Later> {
    let written = write(sink, batch).await;
    assert!(written.failed.is_empty() && written.refused.is_empty(), "{written:?}");
    written.later
}

async fn safe(later: Option<Later>) {
    later.expect("safe later").0.await.expect("safe");
}

/// Lets the tasks do what they can without the clock.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// Names and contents of a directory, below which there is none.
fn contents(directory: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(directory).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let mut found: Vec<_> = entries
        .into_iter()
        .map(|entry| {
            let entry = entry.expect("an entry");
            let text = std::fs::read_to_string(entry.path()).expect("text");
            (entry.file_name().into_string().expect("a name"), text)
        })
        .collect();
    found.sort();
    found
}

/// A name without its counter.
fn shape(name: &str) -> String {
    name.split('.').map(|part| if part.parse::<u64>().is_ok() { "#" } else { part }).collect::<Vec<_>>().join(".")
}
