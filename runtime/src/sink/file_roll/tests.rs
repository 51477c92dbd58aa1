//! A real directory: what is in the files, and what is said of it.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::Event;
use crate::file_format;
use crate::sink::Written;

fn spec(directory: &Path) -> Spec {
    Spec {
        directory: directory.to_owned(),
        roll_interval: Duration::ZERO,
        batch_size: NonZeroUsize::MIN,
        format: file_format::Spec::default(),
        names: Names::Start,
        prefix: String::new(),
        extension: String::new(),
    }
}

fn batch(bodies: &[&str]) -> Arc<Batch> {
    Arc::new(bodies.iter().map(|body| Event::new((*body).to_owned())).collect::<Vec<_>>().into())
}

async fn write(sink: &mut FileRoll, bodies: &[&str]) -> Written {
    let batch = batch(bodies);
    sink.write(&batch).await.expect("handed over").await.expect("an answer")
}

/// The texts of the files in the order of their numbers.
fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("directory").map(|entry| entry.expect("entry").path());
    let number = |path: &Path| path.to_string_lossy().rsplit('-').next().and_then(|number| number.parse::<u64>().ok()).expect("a number");
    let files: BTreeMap<u64, String> = entries.map(|path| (number(&path), fs::read_to_string(&path).expect("text"))).collect();
    files.into_values().collect()
}

#[tokio::test]
async fn what_is_acknowledged_is_in_the_file_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    let mut sink = FileRoll::start("k", &spec(folder.path())).expect("started");
    let mut flying = Vec::new();
    for number in 0..50 {
        let batch = batch(&[&format!("{number}a"), &format!("{number}b")]);
        flying.push(sink.write(&batch).await.expect("handed over"));
    }
    for writing in flying {
        let written = writing.await.expect("an answer");
        assert!(written.failed.is_empty() && written.refused.is_empty() && written.later.is_none());
    }
    let wanted: String = (0..50).map(|number| format!("{number}a\n{number}b\n")).collect();
    assert_eq!(files(folder.path()), [wanted]);
}

#[tokio::test]
async fn a_sink_without_events_leaves_no_file() {
    let folder = tempfile::tempdir().expect("folder");
    let mut sink = FileRoll::start("k", &spec(folder.path())).expect("started");
    sink.finish().await.expect("finished");
    assert_eq!(files(folder.path()), [""; 0]);
}

#[tokio::test]
async fn a_file_ends_when_it_is_time_also_without_events() {
    let folder = tempfile::tempdir().expect("folder");
    let spec = Spec { roll_interval: Duration::from_millis(1), ..spec(folder.path()) };
    let mut sink = FileRoll::start("k", &spec).expect("started");
    for body in ["one", "two", "three"] {
        write(&mut sink, &[body]).await;
        // Long past its end.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(files(folder.path()), ["one\n", "two\n", "three\n"]);
}

#[tokio::test]
async fn a_missing_directory_is_named_and_events_are_written_once_it_is_there() {
    let folder = tempfile::tempdir().expect("folder");
    let directory = folder.path().join("later");
    let mut sink = FileRoll::start("k", &spec(&directory)).expect("started");
    let written = write(&mut sink, &["one", "two"]).await;
    assert_eq!(written.failed, [0, 1]);
    let cause = crate::error_chain(&written.cause.expect("a cause"));
    assert!(cause.contains(&*directory.to_string_lossy()) && cause.contains("No such file or directory"), "{cause}");
    assert!(!directory.exists());
    fs::create_dir(&directory).expect("directory");
    assert!(write(&mut sink, &["one", "two"]).await.failed.is_empty());
    assert_eq!(files(&directory), ["one\ntwo\n"]);
}

#[tokio::test]
async fn no_file_is_overwritten() {
    let folder = tempfile::tempdir().expect("folder");
    let mut sink = FileRoll::start("k", &spec(folder.path())).expect("started");
    write(&mut sink, &["one"]).await;
    let first = fs::read_dir(folder.path()).expect("directory").next().expect("a file").expect("entry").path();
    let second = first.with_file_name(first.file_name().expect("name").to_string_lossy().replace("-1", "-2"));
    fs::write(&second, "mine").expect("written");
    sink.finish().await.expect("finished");
    write(&mut sink, &["two"]).await;
    assert_eq!(files(folder.path()), ["one\n", "mine", "two\n"]);
}
