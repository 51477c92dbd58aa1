//! The channel with its thread, on real and on simulated disks.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::simulated_disk::{Faults, SimulatedDisk};
use super::*;
use crate::batch::Batch;
use crate::event::{Event, Implied, Origin, Scope};
use crate::telemetry::{Health, Metrics};

/// A channel on a disk, and who hears its acks.
struct Bench {
    spec: Spec,
    health: Health,
    told: mpsc::UnboundedSender<Settled>,
    heard: mpsc::UnboundedReceiver<Settled>,
    tickets: u64,
}

impl Bench {
    fn new(spec: Spec) -> Bench {
        let (told, heard) = mpsc::unbounded_channel();
        Bench { spec: Spec { minimum_free_space: 0, ..spec }, health: Health::new(), told, heard, tickets: 0 }
    }

    async fn open(&self, disk: impl Disk + 'static, directory: &Path) -> File {
        let metrics = Metrics::new().channel("p", "c", "file", 0, 0);
        let opening = Opening { name: "c", directory, metrics, health: self.health.named("p/channel c") };
        File::over(Arc::new(disk), &self.spec, opening, Arc::new(Notify::new())).await.expect("a channel")
    }

    fn delivery(&mut self, bodies: &[&'static str]) -> Delivery {
        self.tickets += 1;
        let batch = Batch::from(bodies.iter().map(|body| Event::new(*body)).collect::<Vec<_>>());
        Delivery { batch, ack: Ack::open(Ticket(self.tickets), self.told.clone()) }
    }

    /// The next ack.
    async fn acknowledged(&mut self) -> u64 {
        match self.heard.recv().await.expect("it holds a sender itself") {
            Settled::Delivered(ticket) => ticket.0,
            Settled::Abandoned(ticket) => panic!("{ticket:?} was abandoned"),
        }
    }
}

fn bodies(taken: &Taken) -> Vec<String> {
    taken.batch().events.iter().map(|event| String::from_utf8_lossy(event.body()).into_owned()).collect()
}

async fn take(channel: &File, most: usize) -> Taken {
    channel.take(most).await.expect("events")
}

/// Until it holds: other threads are at work.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn limited(capacity: usize) -> Spec {
    Spec { capacity: NonZeroUsize::new(capacity).expect("not 0"), ..Spec::default() }
}

fn layout() -> Layout {
    Spec { minimum_free_space: 0, ..Spec::default() }.layout(Path::new("/data"))
}

#[tokio::test]
async fn events_survive_a_restart_with_all_that_they_carry() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(Machine, directory.path()).await;
    let mut event = Event {
        key: Some(Bytes::new()),
        body: None,
        timestamp: Some(-1),
        origin: Some(Origin { topic: "orders".into(), partition: 3, offset: 1 << 40 }),
        implied: Some(Arc::new(Implied { topic_header: Some("topic".into()), by_name_only: false })),
        ..Event::default()
    };
    event.headers.push("trace", None, Scope::Record);
    event.headers.push("host", Some("a".into()), Scope::Event);
    let mut delivery = bench.delivery(&["first"]);
    delivery.batch.events.push(event.clone());
    channel.put(delivery).await;
    assert_eq!(bench.acknowledged().await, 1);
    drop(channel);
    let channel = bench.open(Machine, directory.path()).await;
    let taken = take(&channel, 10).await;
    let back = &taken.batch().events[1];
    assert_eq!(taken.batch().events[0].body(), b"first");
    assert_eq!(back.headers, event.headers);
    assert_eq!((&back.key, &back.body, back.timestamp, &back.origin), (&event.key, &event.body, event.timestamp, &event.origin));
    assert_eq!(back.header_text("topic").as_deref(), Some("orders"));
}

#[tokio::test]
async fn delivered_events_do_not_come_again_after_an_orderly_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(Machine, directory.path()).await;
    channel.put(bench.delivery(&["a", "b"])).await;
    channel.put(bench.delivery(&["c", "d"])).await;
    assert_eq!((bench.acknowledged().await, bench.acknowledged().await), (1, 2));
    let (first, second) = (take(&channel, 1).await, take(&channel, 2).await);
    assert_eq!(bodies(&first), ["a"]);
    // Out of order, and one of them is not delivered at all.
    second.commit();
    drop(first);
    channel.close();
    channel.finish().await;
    drop(channel);
    let channel = bench.open(Machine, directory.path()).await;
    channel.close();
    let mut left = Vec::new();
    while let Some(taken) = channel.take(10).await {
        left.extend(bodies(&taken));
        taken.commit();
    }
    assert_eq!(left, ["a", "d"]);
}

#[tokio::test]
async fn an_event_is_acknowledged_and_taken_only_once_it_is_synced() {
    let disk = SimulatedDisk::new(1);
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    disk.set_faults(Faults { sync: 100, ..Faults::default() });
    channel.put(bench.delivery(&["a"])).await;
    let failures = channel.handle.shared.metrics.storing.write_failed.clone();
    until(|| failures.get() >= 3).await;
    assert!(bench.heard.try_recv().is_err());
    assert!(channel.try_take(1, u64::MAX).is_none());
    assert!(!bench.health.readiness().0);
    disk.set_faults(Faults::default());
    assert_eq!(bench.acknowledged().await, 1);
    assert_eq!(bodies(&take(&channel, 1).await), ["a"]);
    assert!(bench.health.readiness().0);
}

#[tokio::test]
async fn a_failed_sync_is_not_believed_when_it_works_again() {
    let disk = SimulatedDisk::new(1);
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    channel.put(bench.delivery(&["a"])).await;
    bench.acknowledged().await;
    disk.set_faults(Faults { sync: 100, ..Faults::default() });
    channel.put(bench.delivery(&["b"])).await;
    let failures = channel.handle.shared.metrics.storing.write_failed.clone();
    until(|| failures.get() >= 1).await;
    disk.set_faults(Faults::default());
    bench.acknowledged().await;
    disk.crash();
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    assert_eq!(bodies(&take(&channel, 9).await), ["a", "b"]);
}

#[tokio::test]
async fn on_a_full_disk_puts_wait_deliveries_go_on_and_space_that_returns_is_used() {
    let disk = SimulatedDisk::new(1);
    let mut bench = Bench::new(Spec { segment_size: 64 << 10, ..Spec::default() });
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    let large = Bytes::from(vec![b'x'; 40 << 10]);
    for _ in 0..2 {
        let mut delivery = bench.delivery(&["small"]);
        delivery.batch.events.push(Event::new(large.clone()));
        channel.put(delivery).await;
        bench.acknowledged().await;
    }
    disk.set_free(0);
    let mut third = bench.delivery(&["third"]);
    third.batch.events.push(Event::new(large.clone()));
    channel.put(third).await;
    let no_space = channel.handle.shared.metrics.storing.no_space.clone();
    until(|| no_space.get() >= 2).await;
    assert!(bench.heard.try_recv().is_err());
    // Both segments are settled, stored and deleted without any space, which makes room.
    assert_eq!(take(&channel, 2).await.batch().len(), 2);
    take(&channel, 4).await.commit();
    assert_eq!(bench.acknowledged().await, 3);
}

#[tokio::test]
async fn a_full_channel_makes_puts_wait_until_events_are_delivered() {
    let mut bench = Bench::new(limited(2));
    let channel = bench.open(SimulatedDisk::new(1), Path::new("/data")).await;
    channel.put(bench.delivery(&["a", "b"])).await;
    let waiting = tokio::spawn({
        let (channel, third) = (channel.clone(), bench.delivery(&["c"]));
        async move { channel.put(third).await }
    });
    bench.acknowledged().await;
    let taken = take(&channel, 1).await;
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished(), "what is taken still counts");
    taken.commit();
    waiting.await.expect("put");
    assert_eq!(bench.acknowledged().await, 2);
}

#[tokio::test]
async fn a_batch_larger_than_the_channel_passes_when_it_is_empty() {
    let mut bench = Bench::new(limited(1));
    let channel = bench.open(SimulatedDisk::new(1), Path::new("/data")).await;
    channel.put(bench.delivery(&["a", "b", "c"])).await;
    assert_eq!(bodies(&take(&channel, 9).await), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_channel_may_be_smaller_than_what_is_left_in_it() {
    let disk = SimulatedDisk::new(1);
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    channel.put(bench.delivery(&["a", "b", "c"])).await;
    bench.acknowledged().await;
    disk.kill();
    bench.spec.capacity = NonZeroUsize::MIN;
    let channel = bench.open(disk, Path::new("/data")).await;
    let waiting = tokio::spawn({
        let (channel, fourth) = (channel.clone(), bench.delivery(&["d"]));
        async move { channel.put(fourth).await }
    });
    take(&channel, 3).await.commit();
    waiting.await.expect("put");
    assert_eq!(bodies(&take(&channel, 9).await), ["d"]);
}

#[tokio::test]
async fn what_is_dropped_is_back_at_the_front_in_order() {
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(SimulatedDisk::new(1), Path::new("/data")).await;
    channel.put(bench.delivery(&["a", "b", "c", "d"])).await;
    let (first, second) = (take(&channel, 1).await, take(&channel, 2).await);
    drop(first);
    drop(second);
    assert_eq!(bodies(&take(&channel, 9).await), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn events_whose_ack_is_dropped_later_come_again() {
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(SimulatedDisk::new(1), Path::new("/data")).await;
    channel.put(bench.delivery(&["a", "b", "c", "d"])).await;
    let (held, other) = (take(&channel, 2).await.into_ack(), take(&channel, 1).await);
    drop(held);
    until(|| channel.front() == Some(0)).await;
    let again = take(&channel, 9).await;
    assert_eq!(bodies(&again), ["a", "b", "d"]);
    drop(other);
    drop(again);
    let mut all = Vec::new();
    while all.len() < 4 {
        let taken = take(&channel, 9).await;
        all.extend(bodies(&taken));
        taken.commit();
    }
    assert_eq!(all, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn a_closed_channel_gives_what_is_left_to_every_taker_and_then_ends() {
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(SimulatedDisk::new(1), Path::new("/data")).await;
    let idle = tokio::spawn({
        let channel = channel.clone();
        async move { channel.take(1).await.map(|taken| bodies(&taken)) }
    });
    tokio::task::yield_now().await;
    channel.put(bench.delivery(&["a"])).await;
    channel.close();
    assert_eq!(idle.await.expect("taker"), Some(vec!["a".to_owned()]), "it was put before the end");
    take(&channel, 1).await.commit();
    assert!(channel.take(1).await.is_none());
    assert!(channel.take(1).await.is_none());
}

#[tokio::test]
async fn more_than_memory_holds_is_read_from_disk_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut bench = Bench::new(Spec { segment_size: 3 << 20, ..Spec::default() });
    let channel = bench.open(Machine, directory.path()).await;
    let (batches, filling) = (500u32, Bytes::from(vec![b'x'; 20_000]));
    for number in 0..batches {
        let mut delivery = bench.delivery(&[]);
        let numbered =
            |part: u32| Event { key: Some(Bytes::copy_from_slice(&(2 * number + part).to_be_bytes())), ..Event::new(filling.clone()) };
        delivery.batch.events = vec![numbered(0), numbered(1)];
        channel.put(delivery).await;
    }
    let mut next = 0u32;
    while next < 2 * batches {
        let taken = take(&channel, 7).await;
        for event in &taken.batch().events {
            assert_eq!(event.key.as_deref(), Some(&next.to_be_bytes()[..]));
            next += 1;
        }
        taken.commit();
    }
    channel.close();
    channel.finish().await;
    let segments = std::fs::read_dir(directory.path()).expect("files").filter_map(Result::ok);
    let segments = segments.filter(|file| file.file_name().to_string_lossy().starts_with("segment-")).count();
    assert!(segments <= 1, "{segments} segments of settled events are left");
}

/// Where a body, or another text, begins. It is long enough not to be in a salt or a checksum by chance.
fn place(bytes: &[u8], text: &str) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text.as_bytes())
}

/// A channel with three records, of which a bit of one is flipped.
async fn damaged(at: impl Fn(&[u8]) -> usize) -> (SimulatedDisk, Vec<String>, u64) {
    let disk = SimulatedDisk::new(1);
    let mut bench = Bench::new(Spec::default());
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    for some in [["alpha,", "bravo,"], ["charlie,", "delta,"], ["echo,", "foxtrot,"]] {
        channel.put(bench.delivery(&some)).await;
        bench.acknowledged().await;
    }
    disk.kill();
    let segment = Path::new("/data").join(segment::name(1));
    disk.flip_at(&segment, at(&disk.bytes(&segment).expect("a segment")));
    let channel = bench.open(disk.clone(), Path::new("/data")).await;
    channel.close();
    let mut left = Vec::new();
    while let Some(taken) = channel.take(10).await {
        left.extend(bodies(&taken));
        taken.commit();
    }
    (disk, left, channel.handle.shared.metrics.storing.damaged_events.get())
}

fn set_aside(disk: &SimulatedDisk) -> Vec<PathBuf> {
    disk.paths().into_iter().filter(|path| path.to_string_lossy().contains("damaged-")).collect()
}

#[tokio::test]
async fn damaged_events_in_the_middle_are_set_aside_and_counted_and_the_rest_is_delivered() {
    let (disk, left, damaged) = damaged(|bytes| place(bytes, "charlie").expect("it is there")).await;
    assert_eq!((left.join(""), damaged), ("alpha,bravo,echo,foxtrot,".to_owned(), 2));
    let copies = set_aside(&disk);
    assert_eq!(copies.len(), 1, "{copies:?}");
    let copy = disk.bytes(&copies[0]).expect("a copy");
    assert!(place(&copy, "delta").is_some() && place(&copy, "echo").is_none());
}

#[tokio::test]
async fn a_damaged_record_header_in_the_middle_costs_its_record_only() {
    let (_, left, damaged) =
        damaged(|bytes| bytes.windows(4).enumerate().filter(|(_, four)| four == b"WREC").nth(1).expect("a second record").0 + 9).await;
    assert_eq!((left.join(""), damaged), ("alpha,bravo,echo,foxtrot,".to_owned(), 2));
}

#[tokio::test]
async fn a_damaged_segment_header_costs_nothing() {
    let (disk, left, damaged) = damaged(|_| 20).await;
    assert_eq!((left.join(""), damaged, set_aside(&disk).len()), ("alpha,bravo,charlie,delta,echo,foxtrot,".to_owned(), 0, 0));
}

#[tokio::test]
async fn a_damaged_end_is_set_aside_too() {
    let (disk, left, _) = damaged(|bytes| place(bytes, "foxtrot").expect("it is there")).await;
    assert_eq!((left.join(""), set_aside(&disk).len()), ("alpha,bravo,charlie,delta,".to_owned(), 1));
}

#[test]
fn the_directory_of_a_flume_channel_is_refused() {
    for (name, refused) in [("log-3", true), ("log-3.meta", true), ("checkpoint", true), ("queueset", true), ("log-book.txt", false)] {
        let disk = SimulatedDisk::new(1);
        disk.place(&Path::new("/data").join(name), b"events of Flume");
        let opened = Log::open(Arc::new(disk), layout(), &mut Vec::new()).map(|_| ());
        match refused {
            true => {
                assert!(opened.expect_err("Flume's").to_string().contains(&format!("/data holds {name} of a Flume file channel")), "{name}")
            }
            false => opened.expect("not Flume's"),
        }
    }
}

#[test]
fn a_second_channel_on_the_same_directory_is_refused() {
    let disk = SimulatedDisk::new(1);
    let first = Log::open(Arc::new(disk.clone()), layout(), &mut Vec::new()).expect("free");
    let elsewhere = Layout { checkpoint: "/elsewhere".into(), ..layout() };
    let second = Log::open(Arc::new(disk.clone()), elsewhere, &mut Vec::new()).map(|_| ()).expect_err("in use");
    assert_eq!(second.to_string(), "/data is in use by another channel: give each channel a directory of its own");
    drop(first);
    Log::open(Arc::new(disk), layout(), &mut Vec::new()).expect("free again");
}

#[test]
fn files_of_a_later_version_are_refused() {
    let disk = SimulatedDisk::new(1);
    let mut header = b"WEIRLOG\n".to_vec();
    header.extend_from_slice(&2u32.to_le_bytes());
    header.resize(40, 0);
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    disk.place(&Path::new("/data").join(segment::name(1)), &header);
    let refused = Log::open(Arc::new(disk), layout(), &mut Vec::new()).map(|_| ()).expect_err("a later version");
    assert!(refused.to_string().contains("has format version 2, and this version of Weir reads 1 only"), "{refused}");
}

#[test]
fn segments_take_turns_among_the_directories() {
    let disk = SimulatedDisk::new(1);
    let data = vec![PathBuf::from("/one"), "/two".into()];
    let layout = Layout { checkpoint: "/position".into(), data, segment_size: 64 << 10, minimum_free: 0, limit: u64::MAX };
    let mut log = Log::open(Arc::new(disk.clone()), layout, &mut Vec::new()).expect("a log").log;
    let records = Encoded::batch(&Batch::from(vec![Event::new(vec![b'x'; 50 << 10])])).expect("small");
    for _ in 0..4 {
        log.commit(records.iter(), true).expect("a disk that works");
    }
    let within = |directory: &str| {
        disk.paths().iter().filter(|path| path.starts_with(directory) && path.to_string_lossy().contains("segment-")).count()
    };
    assert_eq!((within("/one"), within("/two")), (2, 2));
}

#[test]
fn no_more_is_written_than_the_channel_may_have_on_disk() {
    let layout = Layout { limit: 200 << 10, segment_size: 64 << 10, ..layout() };
    let mut log = Log::open(Arc::new(SimulatedDisk::new(1)), layout, &mut Vec::new()).expect("a log").log;
    let records = Encoded::batch(&Batch::from(vec![Event::new(vec![b'x'; 50 << 10])])).expect("small");
    let failure = (0..9).find_map(|_| log.commit(records.iter(), true).err()).expect("a limit");
    assert!(failure.is_no_space() && log.bytes() <= 200 << 10, "{failure}");
    assert_eq!(log.next, 3);
}
