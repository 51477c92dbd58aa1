//! Puts and takes of one caller each, in every mixture, on a real disk.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::batch::Batch;
use crate::delivery::{Ack, Settled, Ticket};
use crate::event::Event;
use crate::telemetry::{Health, Metrics};

fn spec(memory: usize, overflow: usize) -> Spec {
    let file = file::Spec { minimum_free_space: 0, capacity: NonZeroUsize::MIN, ..file::Spec::default() };
    Spec { memory_capacity: memory, overflow_capacity: overflow, overflow_timeout: Duration::ZERO, file, ..Spec::default() }
}

async fn open(spec: &Spec, directory: &Path) -> Spillable {
    let metrics = Metrics::new().channel("p", "c", "spillable_memory", 0, 0);
    let opening = Opening { name: "c", directory, metrics, health: Health::new().named("c") };
    Spillable::open(spec, opening).await.expect("a channel")
}

/// Numbered events, and who hears their acks.
struct Source {
    next: u64,
    told: mpsc::UnboundedSender<Settled>,
    heard: mpsc::UnboundedReceiver<Settled>,
}

impl Source {
    fn new() -> Source {
        let (told, heard) = mpsc::unbounded_channel();
        Source { next: 0, told, heard }
    }

    fn delivery(&mut self, events: u64) -> Delivery {
        let numbers = self.next..self.next + events;
        self.next = numbers.end;
        let ack = Ack::open(Ticket(numbers.start), self.told.clone());
        Delivery { batch: Batch::from(numbers.map(|number| Event::new(number.to_string())).collect::<Vec<_>>()), ack }
    }
}

fn numbers(taken: &Taken) -> Vec<u64> {
    taken.batch().events.iter().map(|event| String::from_utf8_lossy(event.body()).parse().expect("a number")).collect()
}

#[tokio::test]
async fn what_overflows_is_acknowledged_with_all_that_waited_before_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let (channel, mut source) = (open(&spec(4, 100), directory.path()).await, Source::new());
    channel.put(source.delivery(2)).await;
    channel.put(source.delivery(2)).await;
    assert!(source.heard.try_recv().is_err(), "memory acknowledges nothing");
    channel.put(source.delivery(1)).await;
    for ticket in [0, 2, 4] {
        assert_eq!(source.heard.recv().await, Some(Settled::Delivered(Ticket(ticket))));
    }
    drop(channel);
    let channel = open(&spec(4, 100), directory.path()).await;
    assert_eq!(numbers(&channel.take(9).await.expect("what was left")), [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn with_no_memory_all_goes_to_disk_and_with_no_disk_all_waits_in_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let (channel, mut source) = (open(&spec(0, 100), directory.path()).await, Source::new());
    channel.put(source.delivery(1)).await;
    assert_eq!(source.heard.recv().await, Some(Settled::Delivered(Ticket(0))));
    let empty = tempfile::tempdir().expect("a directory");
    let channel = open(&spec(2, 0), empty.path()).await;
    channel.put(source.delivery(2)).await;
    let waiting = tokio::spawn({
        let (channel, third) = (channel.clone(), source.delivery(1));
        async move { channel.put(third).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished() && source.heard.try_recv().is_err());
    channel.take(1).await.expect("events").commit();
    waiting.await.expect("put");
    assert_eq!(std::fs::read_dir(empty.path()).expect("a directory").count(), 0);
}

#[tokio::test]
async fn puts_go_to_memory_again_once_the_disk_is_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let (channel, mut source) = (open(&spec(2, 100), directory.path()).await, Source::new());
    channel.put(source.delivery(2)).await;
    channel.put(source.delivery(1)).await;
    for _ in 0..2 {
        source.heard.recv().await;
    }
    let taken = channel.take(9).await.expect("events");
    channel.put(source.delivery(1)).await;
    tokio::task::yield_now().await;
    assert!(source.heard.try_recv().is_err(), "it is in memory");
    drop(taken);
    let mut all = Vec::new();
    while all.len() < 4 {
        let taken = channel.take(9).await.expect("events");
        all.extend(numbers(&taken));
        taken.commit();
    }
    assert_eq!(all, [0, 1, 2, 3], "what came back from disk is older");
}

/// Every take gives the oldest events that wait; at the end all were delivered, in order of their first puts.
#[tokio::test]
async fn the_order_of_all_puts_is_kept_in_every_mixture() {
    for seed in 0..60 {
        let directory = tempfile::tempdir().expect("a directory");
        let mut random = fastrand::Rng::with_seed(seed);
        let (channel, mut source) = (open(&spec(random.usize(1..12), 1000), directory.path()).await, Source::new());
        let mut waiting: VecDeque<u64> = VecDeque::new();
        let mut taken: Vec<Taken> = Vec::new();
        for _ in 0..300 {
            match random.u8(..10) {
                0..4 => {
                    let first = source.next;
                    channel.put(source.delivery(random.u64(1..5))).await;
                    waiting.extend(first..source.next);
                }
                4..8 if !waiting.is_empty() => {
                    let next = channel.take(random.usize(1..8)).await.expect("events");
                    let expected: Vec<u64> = waiting.drain(..next.batch().len()).collect();
                    assert_eq!(numbers(&next), expected, "seed {seed}");
                    taken.push(next);
                }
                8 if !taken.is_empty() => taken.swap_remove(random.usize(..taken.len())).commit(),
                9 if !taken.is_empty() => {
                    let back = taken.swap_remove(random.usize(..taken.len()));
                    waiting.extend(numbers(&back));
                    waiting.make_contiguous().sort_unstable();
                    drop(back);
                }
                _ => {}
            }
        }
        channel.close();
        drop(taken);
        while channel.take(100).await.map(Taken::commit).is_some() {}
        channel.finish().await;
        while let Ok(settled) = source.heard.try_recv() {
            assert!(matches!(settled, Settled::Delivered(_)), "seed {seed}: {settled:?}");
        }
    }
}

#[tokio::test]
async fn offers_keep_the_order_of_puts_and_come_back_whole_where_there_is_no_room() {
    let directory = tempfile::tempdir().expect("a directory");
    let (channel, mut source) = (open(&spec(4, 100), directory.path()).await, Source::new());
    for round in 0..10 {
        let delivery = source.delivery(2);
        match round % 2 {
            0 => channel.offer(delivery).expect("room"),
            _ => channel.put(delivery).await,
        }
    }
    let mut all = Vec::new();
    while all.len() < 20 {
        let taken = channel.take(3).await.expect("open");
        all.extend(numbers(&taken));
        taken.commit();
    }
    assert_eq!(all, (0..20).collect::<Vec<_>>());
    let empty = tempfile::tempdir().expect("a directory");
    let channel = open(&spec(2, 0), empty.path()).await;
    channel.offer(source.delivery(2)).expect("room");
    let back = channel.offer(source.delivery(1)).expect_err("no room");
    assert_eq!(back.batch.len(), 1);
}
