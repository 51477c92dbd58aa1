//! What a crash left behind.

use std::sync::Arc;

use super::*;

/// Longer than a lease lives, and a look takes.
const LONG: Duration = Duration::from_secs(90);

#[tokio::test(start_paused = true)]
async fn a_file_that_a_crash_left_gets_its_name_and_has_all_that_was_acknowledged() {
    let fake = Fake::new(1);
    let spec = Spec { path: "/data/%{h}/x".into(), file_prefix: "p-%{h}".into(), file_suffix: ".log".into(), ..spec() };
    let mut batch = events(["one", "two"]);
    batch.events.iter_mut().for_each(|event| event.set_header("h", "a", Scope::Event));
    let mut sink = on(&fake, &spec);
    write_all(&mut sink, &batch).await;
    fake.crash();
    drop(sink);
    let (left, bytes) = fake.files().pop_first().expect("a file");
    assert!(left.ends_with(".log.tmp"), "{left}");
    // Nothing is written: it is looked for nevertheless.
    let sink = on(&fake, &spec);
    tokio::time::sleep(LONG).await;
    assert_eq!(fake.files().pop_first().expect("a file"), (left.trim_end_matches(".tmp").to_owned(), bytes));
    drop(sink);
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_that_a_crash_left_is_deleted_and_others_are_left_alone() {
    let fake = Fake::new(1);
    for (path, bytes) in [
        ("/data/p.5.tmp", &b""[..]),
        ("/data/q.6.tmp", b"of another sink"),
        ("/data/p.6", b"whole"),
        ("/data/p.x.tmp", b"no counter"),
        ("/data/below/p.7.tmp", b"not where the sink writes"),
    ] {
        fake.put(path, bytes);
    }
    fake.put_open("/data/p.8.tmp", b"of a living agent");
    let before = fake.files();
    let sink = on(&fake, &spec());
    tokio::time::sleep(10 * LONG).await;
    let mut expected = before;
    expected.remove("/data/p.5.tmp");
    assert_eq!(fake.files(), expected);
    drop(sink);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_sink_itself_holds_and_does_not_write_is_seen_to_while_it_lives() {
    for seed in 0..5 {
        let fake = Fake::new(seed);
        fake.put_forgotten("/data/p.5.tmp", b"");
        fake.put_forgotten("/data/p.6.tmp", b"synced");
        let sink = on(&fake, &spec());
        tokio::time::sleep(LONG).await;
        assert_eq!(fake.files().into_iter().collect::<Vec<_>>(), [("/data/p.6".to_owned(), b"synced".to_vec())]);
        drop(sink);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leftover_whose_name_is_taken_gets_the_next() {
    let fake = Fake::new(1);
    fake.put("/data/p.5.tmp", b"left");
    fake.put("/data/p.5", b"there");
    let sink = on(&fake, &spec());
    tokio::time::sleep(LONG).await;
    let files = fake.files();
    assert_eq!((files["/data/p.5"].as_slice(), files["/data/p.6"].as_slice(), files.len()), (&b"there"[..], &b"left"[..], 2));
    drop(sink);
}

#[tokio::test(start_paused = true)]
async fn a_file_of_the_sink_itself_is_no_leftover() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    write_all(&mut sink, &events(["x"])).await;
    tokio::time::sleep(LONG).await;
    assert!(fake.files().keys().all(|path| path.ends_with(".tmp")), "{:?}", fake.files());
    write_all(&mut sink, &events(["y"])).await;
    sink.finish().await.expect("finished");
    assert_eq!(fake.files().into_values().collect::<Vec<_>>(), [b"x\ny\n".to_vec()]);
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_offsets_are_deleted_and_those_of_a_counter_beside_them_are_kept() {
    let fake = Fake::new(1);
    let spec = Spec { names: Names::Offsets, ..spec() };
    let mut sink = on(&fake, &spec);
    let later = write_all(&mut sink, &of_partition(1, [(5, "x")])).await;
    fake.crash();
    drop((sink, later));
    fake.put("/data/p.5.tmp", b"of before");
    assert_eq!(fake.files().len(), 2);
    let sink = on(&fake, &spec);
    tokio::time::sleep(LONG).await;
    assert_eq!(fake.files().into_keys().collect::<Vec<_>>(), ["/data/p.5"]);
    drop(sink);
}

#[tokio::test(start_paused = true)]
async fn a_locked_file_in_a_directory_is_left_to_its_writer() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = Spec { path: directory.path().to_str().expect("text").to_owned(), ..spec() };
    let mut one = in_directory(&spec);
    write_all(&mut one, &events(["x"])).await;
    std::fs::write(directory.path().join("p.5.tmp"), "left").expect("a file");
    let other = in_directory(&spec);
    tokio::time::sleep(LONG).await;
    let found: Vec<_> = contents(directory.path()).into_iter().map(|(name, text)| (shape(&name), text)).collect();
    assert_eq!(found, [("p.#.tmp".into(), "x\n".into()), ("p.#".into(), "left".into())]);
    drop((one, other));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_synced_is_cut_from_what_a_crash_left() {
    for seed in 0..20 {
        let fake = Fake::new(seed);
        let mut sink = on(&fake, &spec());
        write_all(&mut sink, &events(["acknowledged"])).await;
        let batch = events(["never acknowledged"]);
        let writing = sink.write(&Arc::new(batch)).await.expect("a write");
        // Written, and being synced.
        tokio::time::sleep(Duration::from_micros(1_500)).await;
        fake.crash();
        drop((sink, writing));
        let sink = on(&fake, &spec());
        tokio::time::sleep(LONG).await;
        let files: Vec<_> = fake.files().into_iter().collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!((shape(&files[0].0), files[0].1.as_slice()), ("/data/p.#".into(), &b"acknowledged\n"[..]));
        drop(sink);
    }
}

#[tokio::test(start_paused = true)]
async fn all_files_of_a_dead_writer_are_taken_over_with_the_first() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &Spec { file_prefix: "%{h}".into(), ..spec() });
    let mut batch = events(["a", "b", "c", "d", "e", "f", "g", "h"]);
    for (index, event) in batch.events.iter_mut().enumerate() {
        event.set_header("h", format!("p{index}"), Scope::Event);
    }
    write_all(&mut sink, &batch).await;
    fake.crash();
    drop(sink);
    let sink = on(&fake, &Spec { file_prefix: "%{h}".into(), ..spec() });
    tokio::time::sleep(LONG).await;
    assert!(fake.files().keys().all(|path| !path.ends_with(".tmp")), "{:?}", fake.files());
    drop(sink);
}
