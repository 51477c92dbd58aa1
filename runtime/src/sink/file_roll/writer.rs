//! The thread that writes: encodes, writes, syncs once for all batches that wait, and rolls when it is time.
//!
//! After a failed write or sync nobody knows what of it is on the disk (a second `fsync` may say that all is well). So the file is cut back to
//! what was synced before and left, and the events are written to a new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::Zoned;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::name::Namer;
use super::spec::Spec;
use crate::error_chain;
use crate::event::Event;
use crate::file_format::{self, Encoder};
use crate::sink::{Error, Later, Refused, Written};

/// Encoded bytes that are held before they are handed to the operating system.
const BUFFER: usize = 1 << 20;

/// What the thread is asked to do.
pub(super) enum Order {
    /// Write these; the answer comes when they are on the disk.
    Write { events: Vec<Event>, told: oneshot::Sender<Written> },
    /// Make everything written so far safe.
    Hurry(oneshot::Sender<Result<(), Error>>),
    /// End the open file.
    Close(oneshot::Sender<Result<(), Error>>),
}

type Waiting = (Vec<Event>, oneshot::Sender<Written>);

pub(super) struct Writer {
    namer: Namer,
    format: file_format::Spec,
    roll_interval: Duration,
    open: Option<Open>,
    buffer: Vec<u8>,
}

/// The file that is written.
struct Open {
    encoder: Box<dyn Encoder>,
    schema: Option<Vec<u8>>,
    began: Instant,
    /// There once there are bytes.
    file: Option<(PathBuf, File)>,
    written: u64,
    synced: u64,
    /// Who waits for the file's end.
    late: Vec<oneshot::Sender<()>>,
}

/// Why a file cannot be written.
#[derive(Debug, Clone)]
enum Failure {
    Io(PathBuf, Arc<io::Error>),
    Format(file_format::Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Io(path, source) => Error::File { path, source },
            Failure::Format(error) => Error::Format(error),
        }
    }
}

impl Writer {
    pub(super) fn new(spec: &Spec) -> Writer {
        Writer { namer: Namer::new(spec), format: spec.format.clone(), roll_interval: spec.roll_interval, open: None, buffer: Vec::new() }
    }

    /// Until nobody can order any more; then the open file is ended.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        loop {
            let first = match self.until_roll() {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => orders.recv_timeout(wait),
            };
            match first {
                Ok(first) => self.carry_out(std::iter::once(first).chain(orders.try_iter())),
                Err(RecvTimeoutError::Timeout) => self.roll(),
                Err(RecvTimeoutError::Disconnected) => return self.roll(),
            }
        }
    }

    /// Time until the open file is to end; `None` when none is, or never.
    fn until_roll(&self) -> Option<Duration> {
        let open = self.open.as_ref()?;
        (!self.roll_interval.is_zero()).then(|| self.roll_interval.saturating_sub(open.began.elapsed()))
    }

    fn carry_out(&mut self, orders: impl Iterator<Item = Order>) {
        if self.until_roll().is_some_and(|wait| wait.is_zero()) {
            self.roll();
        }
        let mut waiting: Vec<Waiting> = Vec::new();
        for order in orders {
            match order {
                Order::Write { events, told } => waiting.push((events, told)),
                Order::Hurry(told) => {
                    self.write(std::mem::take(&mut waiting));
                    let is_safe = self.open.as_ref().is_none_or(|open| open.encoder.readable_after_flush());
                    let closed = if is_safe { Ok(()) } else { self.close() };
                    // Whoever asked may be gone.
                    let _ = told.send(closed.map_err(Error::from));
                }
                Order::Close(told) => {
                    self.write(std::mem::take(&mut waiting));
                    let _ = told.send(self.close().map_err(Error::from));
                }
            }
        }
        self.write(waiting);
    }

    /// Writes these batches and tells each what became of it.
    fn write(&mut self, waiting: Vec<Waiting>) {
        if waiting.is_empty() {
            return;
        }
        match self.append(&waiting) {
            Ok(refused) => {
                for ((_, told), refused) in waiting.into_iter().zip(refused) {
                    let later = self.open.as_mut().and_then(Open::later);
                    let _ = told.send(Written { refused, later, ..Written::default() });
                }
            }
            Err(failure) => {
                self.give_up();
                for (events, told) in waiting {
                    let failed = (0..events.len()).collect();
                    let _ = told.send(Written { failed, cause: Some(failure.clone().into()), ..Written::default() });
                }
            }
        }
    }

    /// Encodes, writes and syncs; says which events were refused, batch by batch.
    fn append(&mut self, waiting: &[Waiting]) -> Result<Vec<Vec<Refused>>, Failure> {
        let mut all_refused = Vec::with_capacity(waiting.len());
        for (events, _) in waiting {
            let mut refused = Vec::new();
            for (index, event) in events.iter().enumerate() {
                if let Err(error) = self.encode(event)? {
                    refused.push(Refused { event: index, reason: error_chain(&error), certain: true });
                }
            }
            all_refused.push(refused);
        }
        self.sync()?;
        Ok(all_refused)
    }

    /// Encodes one event into the file it belongs to; the inner error is the event's fault.
    fn encode(&mut self, event: &Event) -> Result<Result<(), file_format::Refused>, Failure> {
        let schema = self.format.schema_key(event);
        if self.open.as_ref().is_some_and(|open| open.schema.as_deref() != schema.as_deref()) {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => match self.format.encoder(event) {
                Ok(encoder) => self.open.insert(Open::new(encoder, schema.map(|schema| schema.into_owned()))),
                Err(error) => return Ok(Err(error)),
            },
        };
        if let Err(error) = open.encoder.append(event, &mut self.buffer) {
            return Ok(Err(error));
        }
        if self.buffer.len() >= BUFFER {
            open.put(&mut self.buffer, &mut self.namer)?;
        }
        Ok(Ok(()))
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.encoder.flush(&mut self.buffer).map_err(Failure::Format)?;
        open.put(&mut self.buffer, &mut self.namer)?;
        open.sync()
    }

    /// Ends the open file, which then has all its events.
    fn close(&mut self) -> Result<(), Failure> {
        let ended = self.end();
        if ended.is_err() {
            self.give_up();
        }
        ended
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.encoder.finish(&mut self.buffer).map_err(Failure::Format)?;
        open.put(&mut self.buffer, &mut self.namer)?;
        open.sync()?;
        for waiting in self.open.take().into_iter().flat_map(|open| open.late) {
            let _ = waiting.send(());
        }
        Ok(())
    }

    /// Ends the open file with nobody to tell.
    fn roll(&mut self) {
        if let Err(failure) = self.close() {
            warn!(error = %error_chain(&Error::from(failure)), "a file cannot be ended: it is left as far as it is on the disk");
        }
    }

    /// Leaves the file with what is surely in it. Whoever waits for its end hears that there is none.
    fn give_up(&mut self) {
        self.buffer.clear();
        let Some(Open { file: Some((path, file)), synced, .. }) = self.open.take() else { return };
        let cut = match synced {
            0 => fs::remove_file(&path),
            synced => file.set_len(synced).and_then(|()| file.sync_all()),
        };
        if let Err(error) = cut {
            warn!(path = %path.display(), %error, bytes = synced, "a file that was given up cannot be cut back: events behind these bytes are in another file, too");
        }
    }
}

impl Open {
    fn new(encoder: Box<dyn Encoder>, schema: Option<Vec<u8>>) -> Open {
        let (written, synced, late) = Default::default();
        Open { encoder, schema, began: Instant::now(), file: None, written, synced, late }
    }

    /// What a batch waits for whose events are safe only at the file's end.
    fn later(&mut self) -> Option<Later> {
        if self.encoder.readable_after_flush() {
            return None;
        }
        let (told, hears) = oneshot::channel();
        self.late.push(told);
        Some(Later(Box::pin(async move { hears.await.map_err(|_| Error::Fatal("a file could not be ended".to_owned())) })))
    }

    /// Hands the buffer to the operating system, into a new file if there is none.
    fn put(&mut self, buffer: &mut Vec<u8>, namer: &mut Namer) -> Result<(), Failure> {
        if buffer.is_empty() {
            return Ok(());
        }
        let (path, file) = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(create(namer)?),
        };
        file.write_all(buffer).map_err(|error| Failure::Io(path.clone(), Arc::new(error)))?;
        self.written += buffer.len() as u64;
        buffer.clear();
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        if let Some((path, file)) = &self.file
            && self.synced < self.written
        {
            file.sync_data().map_err(|error| Failure::Io(path.clone(), Arc::new(error)))?;
            self.synced = self.written;
        }
        Ok(())
    }
}

/// A new file under the next name that is free; its name is on the disk, too.
fn create(namer: &mut Namer) -> Result<(PathBuf, File), Failure> {
    loop {
        let path = namer.next(&Zoned::now());
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => {
                sync_directory(namer.directory()).map_err(|error| Failure::Io(path.clone(), Arc::new(error)))?;
                info!(path = %path.display(), "file begins");
                return Ok((path, file));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::Io(path, Arc::new(error))),
        }
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::file_roll::Names;

    /// A writer whose open file is a device without room; its path is elsewhere.
    fn full(directory: &Path) -> Writer {
        let spec = Spec {
            directory: directory.to_owned(),
            roll_interval: Duration::ZERO,
            batch_size: std::num::NonZeroUsize::MIN,
            format: file_format::Spec::default(),
            names: Names::Start,
            prefix: String::new(),
            extension: String::new(),
        };
        let mut writer = Writer::new(&spec);
        let encoder = spec.format.encoder(&Event::default()).expect("an encoder");
        let mut open = Open::new(encoder, None);
        let device = OpenOptions::new().write(true).open("/dev/full").expect("a device");
        open.file = Some((directory.join("full"), device));
        writer.open = Some(open);
        writer
    }

    fn write(writer: &mut Writer, body: &'static str) -> Written {
        let (told, mut hears) = oneshot::channel();
        writer.carry_out(std::iter::once(Order::Write { events: vec![Event::new(body)], told }));
        hears.try_recv().expect("an answer")
    }

    #[test]
    fn a_file_that_cannot_be_written_is_left_and_its_events_go_to_another() {
        let folder = tempfile::tempdir().expect("folder");
        let mut writer = full(folder.path());
        let written = write(&mut writer, "one");
        assert_eq!(written.failed, [0]);
        let cause = error_chain(&written.cause.expect("a cause"));
        assert!(cause.contains("full") && cause.contains("No space left"), "{cause}");
        assert!(write(&mut writer, "one").failed.is_empty());
        let file = fs::read_dir(folder.path()).expect("directory").next().expect("a file").expect("entry").path();
        assert_eq!(fs::read_to_string(file).expect("text"), "one\n");
    }

    #[test]
    fn a_file_that_is_given_up_keeps_what_was_synced_and_no_more() {
        let folder = tempfile::tempdir().expect("folder");
        let mut writer = full(folder.path());
        writer.open = None;
        write(&mut writer, "one");
        let open = writer.open.as_mut().expect("open");
        open.encoder.append(&Event::new("torn"), &mut writer.buffer).expect("appended");
        open.put(&mut writer.buffer, &mut writer.namer).expect("written");
        writer.give_up();
        write(&mut writer, "two");
        let mut texts: Vec<_> = fs::read_dir(folder.path())
            .expect("directory")
            .map(|entry| fs::read_to_string(entry.expect("entry").path()).expect("text"))
            .collect();
        texts.sort();
        assert_eq!(texts, ["one\n", "two\n"]);
    }

    #[test]
    fn events_that_are_safe_only_at_the_files_end_wait_for_it() {
        use futures_util::FutureExt;

        let folder = tempfile::tempdir().expect("folder");
        let mut writer = full(folder.path());
        writer.open = None;
        writer.format = toml::from_str(
            "format = { parquet = { schema = '{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}' } }",
        )
        .map(|table: std::collections::BTreeMap<String, file_format::Spec>| table["format"].clone())
        .expect("a format");
        let mut later = write(&mut writer, "{\"a\":1}").later.expect("not safe yet");
        assert!((&mut later.0).now_or_never().is_none());
        let (told, mut hears) = oneshot::channel();
        writer.carry_out(std::iter::once(Order::Hurry(told)));
        hears.try_recv().expect("an answer").expect("ended");
        assert!(matches!((&mut later.0).now_or_never(), Some(Ok(()))));
        let refused = write(&mut writer, "no JSON").refused;
        assert!(refused[0].certain && refused[0].reason.contains("JSON"), "{refused:?}");
    }
}
