//! The demo's bookkeeper: reads the output topic and the dead letters with a client of its own and counts from the ids in the data.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Headers;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Value, json};

use super::broker::Broker;
use super::feed::ID;
use super::landing::Landing;

/// Scores shown at most.
const LATEST: usize = 8;

/// Counts on a thread of its own.
pub(super) struct Tally {
    counts: Arc<Mutex<Counts>>,
    stop: Arc<AtomicBool>,
}

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) written: u64,
    pub(super) dead_lettered: u64,
    pub(super) approved: u64,
    pub(super) review: u64,
    pub(super) refused: u64,
    pub(super) last_scores: Vec<(String, f64, String)>,
    distinct: u64,
}

impl Seen {
    /// Events that are somewhere.
    pub(super) fn settled(&self) -> u64 {
        self.distinct
    }
}

#[derive(Debug, Default)]
struct Counts {
    /// By id: times written, times dead-lettered.
    ids: HashMap<u64, (u32, u32)>,
    written: u64,
    parked: u64,
    approved: u64,
    review: u64,
    refused: u64,
    latest: VecDeque<(String, f64, String)>,
    last_change: Option<Instant>,
}

impl Tally {
    /// Reads the output from its beginning, which is empty yet, and the dead letters beside.
    pub(super) async fn open(broker: &Broker, letters: PathBuf) -> anyhow::Result<Tally> {
        let client = ClientConfig::new()
            .set("bootstrap.servers", &broker.bootstrap)
            .set("group.id", "weir-demo-tally")
            .set("enable.auto.commit", "false")
            .set("fetch.queue.backoff.ms", "10")
            .clone();
        let topic = broker.output.clone();
        let consumer = tokio::task::spawn_blocking(move || read_all(&client, &topic)).await.context("the tally's thread")??;
        let (counts, stop) = (Arc::<Mutex<Counts>>::default(), Arc::<AtomicBool>::default());
        let reader = Reader { consumer, letters: Letters { path: letters, read: 0 }, counts: counts.clone(), stop: stop.clone() };
        std::thread::Builder::new().name("tally".into()).spawn(move || reader.run())?;
        Ok(Tally { counts, stop })
    }

    pub(super) fn seen(&self) -> Seen {
        let counts = lock(&self.counts);
        Seen {
            written: counts.written,
            dead_lettered: counts.parked,
            approved: counts.approved,
            review: counts.review,
            refused: counts.refused,
            last_scores: counts.latest.iter().cloned().collect(),
            distinct: counts.ids.len() as u64,
        }
    }

    /// Waits until every event was seen, or until none comes for so long.
    pub(super) async fn settle(&self, sent: u64, silence: Duration) {
        let since = Instant::now();
        loop {
            let (seen, last) = {
                let counts = lock(&self.counts);
                (counts.ids.len() as u64, counts.last_change.unwrap_or(since).max(since))
            };
            if seen >= sent || last.elapsed() > silence {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The end of the account.
    pub(super) fn receipt(&self, sent: u64) -> Receipt {
        self.stop.store(true, Ordering::Release);
        let counts = lock(&self.counts);
        let extra = |times: u32| u64::from(times.saturating_sub(1));
        Receipt {
            read: sent,
            out: counts.ids.values().filter(|(written, _)| *written > 0).count() as u64,
            // fraud-score discards nothing: an event is passed on or refused.
            discarded: 0,
            dead_lettered: counts.ids.values().filter(|(written, parked)| *written == 0 && *parked > 0).count() as u64,
            lost: (0..sent).filter(|id| !counts.ids.contains_key(id)).count() as u64,
            duplicated: counts.ids.values().map(|(written, parked)| extra(written + parked)).sum(),
            ..Receipt::default()
        }
    }
}

/// What became of the events: `in` = `out` + `discarded` + `dead_lettered` + `lost`, and `out` = `landed` + `not_landed`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Receipt {
    read: u64,
    out: u64,
    discarded: u64,
    dead_lettered: u64,
    lost: u64,
    duplicated: u64,
    /// In the files, whatever the topic says.
    landed: u64,
    not_landed: u64,
    repeated: u64,
    files: u64,
    /// Where the files are, if they still are.
    directory: Option<PathBuf>,
}

impl Receipt {
    /// Enters what is in the files, which are at their place still if they were `kept`.
    pub(super) fn land(&mut self, landing: &Landing, kept: bool) {
        self.landed = landing.landed();
        self.not_landed = self.out.saturating_sub(self.landed);
        self.repeated = landing.repeated();
        self.files = landing.files();
        self.directory = kept.then(|| landing.directory().to_owned());
    }

    /// Whether every event is where it should be.
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.not_landed == 0
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "in": self.read, "out": self.out, "discarded": self.discarded, "dead_lettered": self.dead_lettered,
            "lost": self.lost, "duplicated": self.duplicated,
            "landed": self.landed, "not_landed": self.not_landed, "repeated": self.repeated, "files": self.files,
        })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Receipt { read, out, discarded, dead_lettered, lost, duplicated, landed, not_landed, repeated, files, directory } = self;
        writeln!(formatter, "receipt, counted from the ids in the data:")?;
        writeln!(
            formatter,
            "  in {read} = out {out} + discarded {discarded} + dead-lettered {dead_lettered} + lost {lost}   duplicated {duplicated}"
        )?;
        write!(formatter, "  out {out} = landed {landed} + not landed {not_landed}   repeated {repeated}   in {files} files")?;
        match directory {
            Some(directory) => write!(formatter, " below {}", directory.display()),
            None => Ok(()),
        }
    }
}

fn read_all(client: &ClientConfig, topic: &str) -> anyhow::Result<BaseConsumer> {
    let consumer: BaseConsumer = client.create().context("set up a consumer")?;
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(30)).with_context(|| format!("look at topic {topic}"))?;
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        all.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    Ok(consumer)
}

struct Reader {
    consumer: BaseConsumer,
    letters: Letters,
    counts: Arc<Mutex<Counts>>,
    stop: Arc<AtomicBool>,
}

impl Reader {
    fn run(mut self) {
        let mut looked = Instant::now();
        while !self.stop.load(Ordering::Acquire) {
            // An error is the client's news of something it is mending; what it cannot mend shows as lost.
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(50)) {
                lock(&self.counts).written(&message);
            }
            if looked.elapsed() > Duration::from_millis(200) {
                looked = Instant::now();
                let parked = self.letters.next();
                lock(&self.counts).parked(&parked);
            }
        }
    }
}

/// The dead letters' file, read as it grows.
struct Letters {
    path: PathBuf,
    read: u64,
}

impl Letters {
    /// Ids of the lines that are new.
    fn next(&mut self) -> Vec<u64> {
        let path: &Path = &self.path;
        let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
        if file.seek(SeekFrom::Start(self.read)).is_err() {
            return Vec::new();
        }
        let mut ids = Vec::new();
        let mut lines = BufReader::new(file);
        let mut line = String::new();
        // A line without its end is still being written.
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
            self.read += line.len() as u64;
            ids.extend(serde_json::from_str(&line).ok().as_ref().and_then(id_of_letter));
            line.clear();
        }
        ids
    }
}

fn id_of_letter(letter: &Value) -> Option<u64> {
    let headers = letter.get("headers")?.as_array()?;
    headers.iter().find(|header| header[0] == ID)?.get(1)?.as_str()?.parse().ok()
}

impl Counts {
    fn written(&mut self, message: &impl Message<Headers = rdkafka::message::BorrowedHeaders>) {
        let header = |name: &str| {
            let found = message.headers()?.iter().find(|header| header.key == name)?;
            std::str::from_utf8(found.value?).ok().map(str::to_owned)
        };
        let Some(id) = header(ID) else { return };
        let verdict = header("fraud.verdict").unwrap_or_default();
        match verdict.as_str() {
            "approve" => self.approved += 1,
            "review" => self.review += 1,
            "refuse" => self.refused += 1,
            _ => {}
        }
        let score = header("fraud.score").and_then(|score| score.parse().ok()).unwrap_or(f64::NAN);
        if self.latest.len() == LATEST {
            self.latest.pop_front();
        }
        self.written += 1;
        self.last_change = Some(Instant::now());
        if let Ok(number) = id.parse() {
            self.ids.entry(number).or_default().0 += 1;
        }
        self.latest.push_back((id, score, verdict));
    }

    fn parked(&mut self, ids: &[u64]) {
        for id in ids {
            self.ids.entry(*id).or_default().1 += 1;
        }
        self.parked += ids.len() as u64;
        if !ids.is_empty() {
            self.last_change = Some(Instant::now());
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // Nothing panics between two counts that belong together.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
