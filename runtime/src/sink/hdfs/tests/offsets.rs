//! Names made of offsets.

use super::*;

fn spec() -> Spec {
    Spec { names: Names::Offsets, ..super::spec() }
}

fn name(start: i64, end: i64) -> String {
    format!("/data/p.t+0+{start:020}+{end:020}")
}

fn whole(fake: &Fake) -> Vec<(String, String)> {
    fake.files().into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).expect("text"))).collect()
}

#[tokio::test(start_paused = true)]
async fn events_are_safe_once_their_file_is_closed_and_named() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a"), (5, "b")])).await;
    let mut safe = tokio_test(later);
    rest().await;
    assert!(!safe.is_over());
    assert!(fake.files().keys().all(|path| path.starts_with("/data/p.t+0+00000000000000000003.") && path.ends_with(".tmp")));
    sink.hurry().await.expect("hurried");
    safe.end().await;
    assert_eq!(whole(&fake), [(name(3, 5), "a\nb\n".into())]);
}

/// A wait that can be asked whether it is over.
struct Waiting(tokio::task::JoinHandle<()>);

fn tokio_test(later: Option<Later>) -> Waiting {
    Waiting(tokio::spawn(safe(later)))
}

impl Waiting {
    fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    async fn end(&mut self) {
        (&mut self.0).await.expect("safe");
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_is_skipped_where_a_whole_file_has_it() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a"), (5, "b")])).await;
    sink.finish().await.expect("finished");
    safe(later).await;
    // Another life of the agent.
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a"), (4, "dropped the first time"), (5, "b"), (6, "c")])).await;
    sink.finish().await.expect("finished");
    safe(later).await;
    assert_eq!(whole(&fake), [(name(3, 5), "a\nb\n".into()), (name(6, 6), "c\n".into())]);
    // All of it is there: nothing to wait for.
    let mut sink = on(&fake, &spec());
    assert!(write_all(&mut sink, &of_partition(0, [(5, "b"), (6, "c")])).await.is_none());
    // Other partitions are others.
    let later = write_all(&mut sink, &of_partition(1, [(5, "d")])).await;
    sink.finish().await.expect("finished");
    safe(later).await;
    assert_eq!(fake.files().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_while_its_file_is_open_waits_for_that_file() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let first = write_all(&mut sink, &of_partition(0, [(3, "a"), (4, "b")])).await;
    let again = write_all(&mut sink, &of_partition(0, [(3, "a"), (4, "b"), (5, "c")])).await;
    let mut again = tokio_test(again);
    rest().await;
    assert!(!again.is_over());
    sink.hurry().await.expect("hurried");
    safe(first).await;
    again.end().await;
    assert_eq!(whole(&fake), [(name(3, 5), "a\nb\nc\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn earlier_offsets_begin_a_file_of_their_own_once_the_later_ones_are_whole() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let late = write_all(&mut sink, &of_partition(0, [(10, "c"), (11, "d")])).await;
    let early = write_all(&mut sink, &of_partition(0, [(3, "a"), (10, "c"), (12, "e")])).await;
    sink.finish().await.expect("finished");
    safe(late).await;
    safe(early).await;
    assert_eq!(whole(&fake), [(name(3, 12), "a\ne\n".into()), (name(10, 11), "c\nd\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_offset_are_in_one_file_however_full_it_is() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &Spec { roll_count: 2, ..spec() });
    let later = write_all(&mut sink, &of_partition(0, [(1, "a"), (2, "b"), (2, "c"), (2, "d"), (3, "e"), (3, "f"), (3, "g")])).await;
    sink.finish().await.expect("finished");
    safe(later).await;
    assert_eq!(whole(&fake), [(name(1, 2), "a\nb\nc\nd\n".into()), (name(3, 3), "e\nf\ng\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_agent_took_first_is_left_to_it() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a")])).await;
    rest().await;
    fake.put(&name(3, 3), b"theirs\n");
    sink.finish().await.expect("finished");
    safe(later).await;
    assert_eq!(whole(&fake), [(name(3, 3), "theirs\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_replayed_letter_goes_into_a_file_of_its_own_and_an_event_without_an_offset_nowhere() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a"), (5, "b")])).await;
    let mut letter = of_partition(0, [(4, "letter")]);
    letter.events[0].replay = Some(std::sync::Arc::new(crate::event::Replay::new(1, None)));
    // It is safe once it is synced.
    assert!(write_all(&mut sink, &letter).await.is_none());
    let written = write(&mut sink, &events(["from nowhere"])).await;
    assert_eq!((written.refused.len(), written.refused[0].certain), (1, true));
    sink.finish().await.expect("finished");
    safe(later).await;
    let files = whole(&fake);
    assert_eq!(
        files.iter().map(|(path, text)| (shape(path), text.as_str())).collect::<Vec<_>>(),
        [("/data/p.#".into(), "letter\n"), (name(3, 5), "a\nb\n"),]
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_fails_abandons_its_events() {
    let fake = Fake::new(1);
    let mut sink = on(&fake, &spec());
    let later = write_all(&mut sink, &of_partition(0, [(3, "a")])).await;
    rest().await;
    fake.crash();
    sink.hurry().await.expect("hurried");
    later.expect("safe later").0.await.expect_err("abandoned");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_carried_out_and_reported_an_error_loses_nothing() {
    for call in ["close", "rename"] {
        let fake = Fake::new(1);
        let mut sink = on(&fake, &spec());
        let later = write_all(&mut sink, &of_partition(0, [(3, "a"), (5, "b")])).await;
        fake.doubt(call);
        sink.hurry().await.expect("hurried");
        safe(later).await;
        assert_eq!(whole(&fake), [(name(3, 5), "a\nb\n".into())], "{call}");
    }
}
