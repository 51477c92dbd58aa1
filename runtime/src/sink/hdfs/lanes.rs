//! The open files, by what tells them apart: the bucket, and the partition where names are made of offsets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{Instrument, error};

use super::bucket::{Bucket, Buckets};
use super::file::{File, Limits, Reason, Room};
use super::fs::{Entry, Error};
use super::names::Counter;
use super::ranges::{Known, Ranges};
use super::sheet::Sheet;
use super::spec::{Names, Spec};
use super::work::{Common, Numbering, Work};
use crate::batch::Batch;
use crate::error_chain;
use crate::event::Event;
use crate::file_format;

/// Most files of one sink that are closed at the same time because they were full. More wait, and with them the sink: ten events a file are many files.
const CLOSING: usize = 32;

/// Lanes that nothing came to for so long are forgotten, but for their files.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// What tells open files apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Directory and prefix.
    pub(super) bucket: Bucket,
    /// `<topic>+<partition>`, where names are made of offsets.
    partition: Option<String>,
    /// What the events say about their schema; with offsets one file follows the other instead.
    schema: Option<Vec<u8>>,
}

/// All of them.
pub(super) struct Lanes {
    buckets: Buckets,
    format: file_format::Spec,
    names: Names,
    common: Arc<Common>,
    limits: Arc<Limits>,
    room: Arc<Room>,
    most_open: usize,
    closing: Arc<Semaphore>,
    lanes: HashMap<Key, Lane>,
    tasks: JoinSet<()>,
    tended: Instant,
    /// Each batch whose fate is not known has one.
    turns: Arc<()>,
}

/// The files of one key.
struct Lane {
    ranges: Ranges,
    /// Of the current file.
    schema: Option<Vec<u8>>,
    counter: Arc<Counter>,
    used: Instant,
    /// Why events are to be written again, before any that came after them.
    broken: Option<Error>,
}

impl Lane {
    fn new() -> Lane {
        Lane { ranges: Ranges::default(), schema: None, counter: Arc::new(Counter::new()), used: Instant::now(), broken: None }
    }

    fn is_open(&self) -> bool {
        self.ranges.current.as_ref().is_some_and(|file| !file.has_ended())
    }

    fn end(&mut self, reason: Reason) {
        if let Some(file) = &self.ranges.current {
            file.end(reason);
        }
        self.follow();
    }

    fn follow(&mut self) {
        if let Some(failure) = self.ranges.follow() {
            // What comes again does not go behind what came later.
            self.broken = Some(failure);
            self.end(Reason::Behind);
        }
    }

    /// Follows its files. After a failure nothing is taken until it is known of all batches what became of them: only then they come again, in
    /// order, and another batch would come between.
    fn ready(&mut self, others: bool) -> Result<(), Error> {
        self.follow();
        match self.broken.take() {
            Some(failure) if others => {
                self.broken = Some(failure.clone());
                Err(failure)
            }
            _ => Ok(()),
        }
    }
}

impl Lanes {
    pub(super) fn new(spec: &Spec, buckets: Buckets, common: Arc<Common>, limits: Limits, room: Arc<Room>) -> Lanes {
        Lanes {
            buckets,
            format: spec.format.clone(),
            names: spec.names,
            common,
            limits: Arc::new(limits),
            room,
            most_open: spec.max_open_files.get(),
            closing: Arc::new(Semaphore::new(CLOSING)),
            lanes: HashMap::new(),
            tasks: JoinSet::new(),
            tended: Instant::now(),
            turns: Arc::new(()),
        }
    }

    /// For a batch, until its fate is known.
    pub(super) fn turn(&self) -> Arc<()> {
        self.turns.clone()
    }

    /// Looks after what has ended, now and then.
    pub(super) fn tend(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(panic) = ended {
                error!(%panic, "the task of a file panicked; its events are written again");
            }
        }
        if self.tended.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.tended = Instant::now();
        let offsets = self.names == Names::Offsets;
        self.lanes.retain(|_, lane| {
            lane.follow();
            let remembers = !lane.ranges.closing.is_empty() || (offsets && lane.used.elapsed() < FORGOTTEN);
            lane.is_open() || remembers || lane.broken.is_some()
        });
    }

    /// The events of a batch by their files; those that can have none are refused.
    pub(super) fn sort(&self, batch: &Batch, sheet: &mut Sheet) -> Vec<(Key, Vec<usize>)> {
        let mut sorted: Vec<(Key, Vec<usize>)> = Vec::new();
        let mut by_key: HashMap<Key, usize> = HashMap::new();
        // Of the event before: mostly the next one goes to the same place.
        let mut before: Option<(i64, &Event, usize)> = None;
        for (index, event) in batch.events.iter().enumerate() {
            let slot = self.buckets.slot(event);
            if let (Some(slot), Some((before_slot, before_event, place))) = (slot, before)
                && slot == before_slot
                && self.is_together(event, before_event)
            {
                sorted[place].1.push(index);
                continue;
            }
            let key = match self.key(event) {
                Ok(key) => key,
                Err(reason) => {
                    sheet.refuse(index, reason);
                    continue;
                }
            };
            let place = *by_key.entry(key).or_insert_with_key(|key| {
                sorted.push((key.clone(), Vec::new()));
                sorted.len() - 1
            });
            sorted[place].1.push(index);
            before = slot.map(|slot| (slot, event, place));
        }
        sorted
    }

    /// Whether two events of one bucket go to one file.
    fn is_together(&self, event: &Event, other: &Event) -> bool {
        let same_partition = || match (&event.origin, &other.origin) {
            (Some(origin), Some(other)) => origin.partition == other.partition && origin.topic == other.topic,
            _ => false,
        };
        self.buckets.is_like(event, other)
            && (self.names == Names::Counter || (event.replay.is_none() && other.replay.is_none() && same_partition()))
            && (self.names == Names::Offsets || self.format.schema_key(event) == self.format.schema_key(other))
    }

    fn key(&self, event: &Event) -> Result<Key, String> {
        let bucket = self.buckets.of(event).map_err(|refused| refused.to_string())?;
        let partition = match (self.names, &event.replay, &event.origin) {
            (Names::Counter, ..) | (Names::Offsets, Some(_), _) => None,
            (Names::Offsets, None, Some(origin)) => Some(format!("{}+{}", origin.topic, origin.partition)),
            (Names::Offsets, None, None) => {
                return Err("it was not read from Kafka: it has no offset, which file names are made of".to_owned());
            }
        };
        let schema = match partition {
            None => self.format.schema_key(event).map(|key| key.into_owned()),
            Some(_) => None,
        };
        Ok(Key { bucket, partition, schema })
    }

    /// Appends events of one key to its files.
    pub(super) async fn append(&mut self, key: Key, batch: &Batch, events: &[usize], sheet: &mut Sheet) {
        let mut lane = self.lanes.remove(&key).unwrap_or_else(Lane::new);
        lane.used = Instant::now();
        match &key.partition {
            Some(partition) => self.append_in_order(&key, partition, &mut lane, (batch, events), sheet).await,
            None => self.append_all(&key, &mut lane, (batch, events), sheet).await,
        }
        self.lanes.insert(key, lane);
    }

    async fn append_all(&mut self, key: &Key, lane: &mut Lane, (batch, mut events): (&Batch, &[usize]), sheet: &mut Sheet) {
        while let Some(first) = events.first() {
            if let Err(failure) = lane.ready(self.are_others()) {
                return sheet.fail(events, failure);
            }
            let file = match lane.ranges.current.clone() {
                Some(file) => file,
                None => match self.open(key, lane, &batch.events[*first]) {
                    Ok(file) => file,
                    Err(reason) => {
                        sheet.refuse(*first, reason);
                        events = &events[1..];
                        continue;
                    }
                },
            };
            let Some(appended) = file.append(batch, events) else {
                // By its time, or by a failure: then Flume begins to count anew.
                lane.follow();
                lane.counter = Arc::new(Counter::new());
                continue;
            };
            events = &events[appended.seen..];
            let ended = appended.ended;
            sheet.took(&file, appended);
            if ended {
                lane.follow();
                self.hold(&file).await;
            }
        }
    }

    /// As [`Ranges`] demands.
    async fn append_in_order(
        &mut self,
        key: &Key,
        partition: &str,
        lane: &mut Lane,
        (batch, mut events): (&Batch, &[usize]),
        sheet: &mut Sheet,
    ) {
        let offset = |event: &usize| batch.events[*event].origin.as_ref().map_or(0, |origin| origin.offset);
        let mut unlisted = true;
        while let Some(first) = events.first() {
            if let Err(failure) = lane.ready(self.are_others()) {
                return sheet.fail(events, failure);
            }
            let event = &batch.events[*first];
            let known = lane.ranges.find(offset(first));
            if let Known::Whole | Known::Coming(_) = known {
                // It was refused then, if it is now.
                match self.try_out(event) {
                    Err(reason) => sheet.refuse(*first, reason),
                    Ok(()) => {
                        if let Known::Coming(file) = known {
                            sheet.join(file);
                        }
                    }
                }
                events = &events[1..];
                continue;
            }
            if let Known::Behind = known {
                lane.end(Reason::Behind);
                if let Err(error) = all_whole(&lane.ranges.closing).await {
                    return sheet.fail(events, error);
                }
                continue;
            }
            let schema = self.format.schema_key(event);
            if lane.ranges.current.is_some() && lane.schema.as_deref() != schema.as_deref() {
                lane.end(Reason::Schema);
            }
            let file = match lane.ranges.current.clone() {
                Some(file) => file,
                None => {
                    // What other agents wrote meanwhile.
                    if std::mem::take(&mut unlisted) {
                        match self.entries(&key.bucket.directory, sheet).await {
                            Ok(entries) => {
                                let naming = &self.common.naming;
                                let ranges = entries.iter().filter_map(|entry| naming.range(&entry.name, &key.bucket.prefix, partition));
                                ranges.for_each(|range| lane.ranges.add(range));
                                continue;
                            }
                            Err(error) => return sheet.fail(events, error),
                        }
                    }
                    match self.open(key, lane, event) {
                        Ok(file) => {
                            lane.schema = schema.map(|schema| schema.into_owned());
                            file
                        }
                        Err(reason) => {
                            sheet.refuse(*first, reason);
                            events = &events[1..];
                            continue;
                        }
                    }
                }
            };
            let run = self.run(lane, batch, events);
            let Some(appended) = file.append(batch, &events[..run]) else { continue };
            events = &events[appended.seen..];
            let ended = appended.ended;
            sheet.took(&file, appended);
            if ended {
                lane.follow();
                self.hold(&file).await;
            }
        }
    }

    /// Whether it is open what becomes of some batch besides the present one.
    fn are_others(&self) -> bool {
        Arc::strong_count(&self.turns) > 2
    }

    /// How many events from the first on go into one file.
    fn run(&self, lane: &Lane, batch: &Batch, events: &[usize]) -> usize {
        let offset = |event: &usize| batch.events[*event].origin.as_ref().map_or(0, |origin| origin.offset);
        let run = lane.ranges.run(events.iter().map(offset));
        // Those of one offset stay together: the encoder refuses the one with another schema.
        let other_schema = |pair: &[usize]| {
            offset(&pair[0]) != offset(&pair[1])
                && self.format.schema_key(&batch.events[pair[0]]) != self.format.schema_key(&batch.events[pair[1]])
        };
        events[..run].windows(2).position(other_schema).map_or(run, |before| before + 1)
    }

    /// The entries of a directory, asked for once a batch.
    async fn entries(&self, directory: &str, sheet: &mut Sheet) -> Result<Arc<Vec<Entry>>, Error> {
        let path = if directory.is_empty() { "/" } else { directory };
        if !sheet.listed.contains_key(directory) {
            let listed = self.common.fs.list(path).await.map(Arc::new);
            sheet.listed.insert(directory.to_owned(), listed);
        }
        match sheet.listed.get(directory) {
            Some(listed) => listed.clone(),
            None => Ok(Arc::default()),
        }
    }

    /// Whether the format takes an event.
    fn try_out(&self, event: &Event) -> Result<(), String> {
        let tried = self.format.encoder(event).and_then(|mut encoder| encoder.append(event, &mut Vec::new()));
        tried.map_err(|refused| error_chain(&refused))
    }

    /// Opens a file for this event, which may take a place from another.
    fn open(&mut self, key: &Key, lane: &mut Lane, first: &Event) -> Result<Arc<File>, String> {
        let encoder = self.format.encoder(first).map_err(|refused| error_chain(&refused))?;
        self.make_room();
        let late = key.partition.is_some() || !encoder.readable_after_flush();
        let file = Arc::new(File::new(encoder, late, self.limits.clone(), self.room.clone()));
        let numbering = match &key.partition {
            Some(partition) => Numbering::Offsets(partition.clone()),
            None => Numbering::Counter(lane.counter.clone()),
        };
        let work = Work { common: self.common.clone(), file: file.clone(), bucket: key.bucket.clone(), numbering };
        self.tasks.spawn(work.run().in_current_span());
        lane.ranges.current = Some(file.clone());
        Ok(file)
    }

    /// Closes the file that was not used for longest, where one more would be too many.
    fn make_room(&mut self) {
        if self.lanes.len() < self.most_open || self.lanes.values().filter(|lane| lane.is_open()).count() < self.most_open {
            return;
        }
        if let Some(longest) = self.lanes.values_mut().filter(|lane| lane.is_open()).min_by_key(|lane| lane.used) {
            longest.end(Reason::Room);
            // Flume begins to count anew.
            longest.counter = Arc::new(Counter::new());
        }
    }

    /// A full file is closed; where many are, this waits.
    async fn hold(&self, file: &File) {
        // The semaphore is never closed.
        if let Ok(permit) = self.closing.clone().acquire_owned().await {
            file.hold(permit);
        }
    }

    /// Ends the files whose events are safe only once they are closed.
    pub(super) fn end_late(&mut self, reason: Reason) {
        for lane in self.lanes.values_mut() {
            if lane.ranges.current.as_ref().is_some_and(|file| file.late) {
                lane.end(reason);
            }
        }
    }

    /// Ends all files, and waits for their tasks.
    pub(super) async fn finish(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.end(Reason::Finish));
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(panic) = ended {
                error!(%panic, "the task of a file panicked");
            }
        }
    }
}

async fn all_whole(files: &[Arc<File>]) -> Result<(), Error> {
    for file in files {
        file.whole().await?;
    }
    Ok(())
}
