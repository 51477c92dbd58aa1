//! In a local directory, where files can be looked at: names, rolls, formats.

use std::sync::Arc;

use super::*;

fn below(directory: &tempfile::TempDir, rest: &str) -> String {
    format!("{}{rest}", directory.path().to_str().expect("text"))
}

#[tokio::test(start_paused = true)]
async fn files_are_named_counted_and_closed_as_flumes_are() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, "/a/b"), file_suffix: ".log".into(), roll_count: 3, ..spec() };
    let mut sink = in_directory(&spec);
    write_all(&mut sink, &events(["1", "2", "3", "4", "5", "6", "7"])).await;
    rest().await;
    let found = contents(&directory.path().join("a/b"));
    let texts: Vec<_> = found.iter().map(|(name, text)| (shape(name), text.as_str())).collect();
    assert_eq!(texts, [("p.#.log".into(), "1\n2\n3\n"), ("p.#.log".into(), "4\n5\n6\n"), ("p.#.log.tmp".into(), "7\n")]);
    let counters: Vec<i64> = found.iter().map(|(name, _)| name.split('.').nth(1).expect("a counter").parse().expect("a number")).collect();
    assert_eq!([counters[1] - counters[0], counters[2] - counters[1]], [1, 1]);
    sink.finish().await.expect("finished");
    assert!(contents(&directory.path().join("a/b")).iter().all(|(name, _)| shape(name) == "p.#.log"));
}

#[tokio::test(start_paused = true)]
async fn a_full_file_is_closed_at_once_and_not_with_the_next_event() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, ""), roll_size: 4, ..spec() };
    let mut sink = in_directory(&spec);
    write_all(&mut sink, &events(["abc"])).await;
    rest().await;
    assert_eq!(shape(&contents(directory.path())[0].0), "p.#.tmp");
    write_all(&mut sink, &events(["d"])).await;
    rest().await;
    assert_eq!(shape(&contents(directory.path())[0].0), "p.#");
}

#[tokio::test(start_paused = true)]
async fn a_file_is_closed_when_its_time_is_over_though_nothing_is_written() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, ""), roll_interval: Duration::from_secs(30), ..spec() };
    let mut sink = in_directory(&spec);
    for second in ["0", "10", "20"] {
        write_all(&mut sink, &events([second])).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    rest().await;
    write_all(&mut sink, &events(["30"])).await;
    let found: Vec<_> = contents(directory.path()).into_iter().map(|(name, text)| (shape(&name), text)).collect();
    assert_eq!(found, [("p.#".into(), "0\n10\n20\n".into()), ("p.#.tmp".into(), "30\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_closed_when_no_event_came_for_long() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, ""), idle_timeout: Duration::from_secs(10), ..spec() };
    let mut sink = in_directory(&spec);
    for _ in 0..3 {
        write_all(&mut sink, &events(["x"])).await;
        tokio::time::sleep(Duration::from_secs(9)).await;
    }
    assert_eq!(shape(&contents(directory.path())[0].0), "p.#.tmp");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let found = contents(directory.path());
    assert_eq!((shape(&found[0].0), found[0].1.as_str()), ("p.#".into(), "x\nx\nx\n"));
}

#[tokio::test(start_paused = true)]
async fn the_file_that_was_not_used_for_longest_gives_way_to_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let most = std::num::NonZeroUsize::MIN.saturating_add(1);
    let spec = Spec { path: below(&directory, ""), file_prefix: "%{h}".into(), max_open_files: most, ..spec() };
    let mut sink = in_directory(&spec);
    for prefix in ["a", "b", "a", "c"] {
        let mut batch = events(["x"]);
        batch.events[0].set_header("h", prefix, Scope::Event);
        write_all(&mut sink, &batch).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let found: Vec<_> = contents(directory.path()).into_iter().map(|(name, _)| shape(&name)).collect();
    assert_eq!(found, ["a.#.tmp", "b.#", "c.#.tmp"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_where_its_time_and_headers_say_and_one_without_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, "/%{h}/%Y"), time_zone: Some("UTC".into()), ..spec() };
    let mut sink = in_directory(&spec);
    let mut batch = events(["a", "b", "no time", "climbs", "c"]);
    for (event, header) in batch.events.iter_mut().zip(["x", "x", "x", "../..", "y/z"]) {
        event.set_header("h", header, Scope::Event);
        if event.body() != b"no time" {
            event.set_header("timestamp", "1331389085042", Scope::Event);
        }
    }
    let written = write(&mut sink, &batch).await;
    let refused: Vec<_> = written.refused.iter().map(|refused| (refused.event, refused.certain)).collect();
    assert_eq!((refused, written.failed), (vec![(2, true), (3, true)], vec![]));
    sink.finish().await.expect("finished");
    assert_eq!(contents(&directory.path().join("x/2012"))[0].1, "a\nb\n");
    assert_eq!(contents(&directory.path().join("y/z/2012"))[0].1, "c\n");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_directory_is_a_file_is_refused_and_holds_up_nobody() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("taken"), "").expect("a file");
    let spec = Spec { path: below(&directory, "/%{h}/x"), ..spec() };
    let mut sink = in_directory(&spec);
    let mut batch = events(["a", "b"]);
    batch.events[0].set_header("h", "taken", Scope::Event);
    batch.events[1].set_header("h", "free", Scope::Event);
    let written = write(&mut sink, &batch).await;
    assert_eq!((written.refused[0].event, written.refused.len(), written.failed.len()), (0, 1, 0));
    // Where no event chose the directory, it is waited for.
    let spec = Spec { path: below(&directory, "/taken/x"), ..spec };
    let written = write(&mut in_directory(&spec), &events(["a"])).await;
    assert_eq!((written.refused.len(), written.failed), (0, vec![0]));
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_left_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    let now = jiff::Timestamp::now().as_millisecond();
    for counter in now..now + 5_000 {
        std::fs::write(directory.path().join(format!("p.{counter}")), "other").expect("a file");
    }
    let spec = Spec { path: below(&directory, ""), ..spec() };
    let mut sink = in_directory(&spec);
    let written = write(&mut sink, &events(["mine"])).await;
    // So many names are not tried in one go.
    assert_eq!(written.failed, [0]);
    let directory = tempfile::tempdir().expect("a directory");
    for counter in now..now + 500 {
        std::fs::write(directory.path().join(format!("p.{counter}")), "other").expect("a file");
    }
    let spec = Spec { path: below(&directory, ""), ..spec };
    let mut sink = in_directory(&spec);
    write_all(&mut sink, &events(["mine"])).await;
    sink.finish().await.expect("finished");
    let found = contents(directory.path());
    assert_eq!(found.iter().filter(|(_, text)| text == "mine\n").count(), 1);
    assert_eq!(found.iter().filter(|(_, text)| text == "other").count(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_sink_whose_files_keep_their_names_renames_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: below(&directory, ""), in_use_suffix: String::new(), ..spec() };
    let mut sink = in_directory(&spec);
    write_all(&mut sink, &events(["x"])).await;
    let before = contents(directory.path());
    sink.finish().await.expect("finished");
    assert_eq!(contents(directory.path()), before);
    assert_eq!(shape(&before[0].0), "p.#");
}

#[tokio::test(start_paused = true)]
async fn a_compressed_file_has_a_member_a_sync_and_the_codecs_extension() {
    let directory = tempfile::tempdir().expect("a directory");
    let format = toml::from_str::<Spec>("path = \"/a\"\nformat = { text = { codec = \"gzip\" } }").expect("a spec").format;
    let spec = Spec { path: below(&directory, ""), format, ..spec() };
    let mut sink = in_directory(&spec);
    write_all(&mut sink, &events(["one"])).await;
    write_all(&mut sink, &events(["two"])).await;
    let read = || {
        let entry = std::fs::read_dir(directory.path()).expect("a directory").next().expect("a file").expect("an entry");
        let mut text = String::new();
        let file = std::fs::File::open(entry.path()).expect("a file");
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).expect("whole members");
        (shape(entry.file_name().to_str().expect("text")), text)
    };
    assert_eq!(read(), ("p.#.gz.tmp".into(), "one\ntwo\n".into()));
    sink.finish().await.expect("finished");
    assert_eq!(read(), ("p.#.gz".into(), "one\ntwo\n".into()));
}

#[tokio::test(start_paused = true)]
async fn one_sync_serves_the_batches_that_came_while_another_was_under_way() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let mut in_flight = Vec::new();
    for index in 0..50 {
        let batch = events([index.to_string().as_str()]);
        in_flight.push(sink.write(&Arc::new(batch)).await.expect("a write"));
    }
    for writing in in_flight {
        assert!(writing.await.expect("written").failed.is_empty());
    }
    assert!(fake.calls("sync") <= 2, "{} syncs", fake.calls("sync"));
    sink.finish().await.expect("finished");
    assert_eq!((fake.calls("create"), fake.calls("close"), fake.files().len()), (1, 1, 1));
}
