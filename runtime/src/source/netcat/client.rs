//! One client: reads its lines, and answers each once its event is safe. A client that does not read its answers holds up only itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::lines::{Lines, TooLong};
use super::spec::Spec;

/// A client that takes no answer for so long is gone.
const STUCK: Duration = Duration::from_secs(30);
/// Bytes read at once.
const READ: usize = 8 << 10;

/// What clients may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Read.
    Open,
    /// Read nothing for now.
    Paused,
    /// Leave.
    Closing,
}

/// A line on its way to the source, and who sent it.
pub(super) struct Line {
    pub(super) body: Bytes,
    pub(super) client: Settled,
}

/// How many of a client's lines are settled, from the first on; `None` where no client waits for answers.
pub(super) type Settled = Option<Arc<watch::Sender<u64>>>;

pub(super) struct Client {
    stream: TcpStream,
    lines: Lines,
    longest: usize,
    queue: mpsc::Sender<Line>,
    phase: watch::Receiver<Phase>,
    settled: Settled,
    hears: watch::Receiver<u64>,
    sent: u64,
    answered: u64,
}

impl Client {
    pub(super) fn new(stream: TcpStream, spec: &Spec, queue: mpsc::Sender<Line>, phase: watch::Receiver<Phase>) -> Client {
        let (settled, hears) = watch::channel(0);
        Client {
            stream,
            lines: Lines::new(spec.max_line_length, spec.encoding),
            longest: spec.max_line_length,
            queue,
            phase,
            settled: spec.ack_every_event.then(|| Arc::new(settled)),
            hears,
            sent: 0,
            answered: 0,
        }
    }

    /// Until the client ends, or sends a line that is too long, and has its answers; or until the source ends.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let (mut reads, mut too_long) = (true, false);
        while reads || self.waits() {
            let phase = *self.phase.borrow_and_update();
            if phase == Phase::Closing {
                break;
            }
            self.lines.buffer().reserve(READ);
            tokio::select! {
                () = heard(&mut self.hears), if self.settled.is_some() => self.answer().await?,
                changed = self.phase.changed() => if changed.is_err() { return Ok(()) },
                read = self.stream.read_buf(self.lines.buffer()), if reads && phase == Phase::Open => {
                    reads = read? > 0;
                    match self.pass_on().await {
                        Ok(true) => {}
                        Ok(false) => return Ok(()),
                        Err(TooLong) => (reads, too_long) = (false, true),
                    }
                }
            }
        }
        self.answer().await?;
        if too_long {
            let failed = format!("FAILED: Event exceeds the maximum length ({} chars, including newline)\n", self.longest);
            self.write(failed.as_bytes()).await?;
        }
        self.stream.shutdown().await
    }

    fn waits(&self) -> bool {
        self.settled.is_some() && self.answered < self.sent
    }

    /// Hands whole lines to the source; false when it is gone.
    async fn pass_on(&mut self) -> Result<bool, TooLong> {
        while let Some(body) = self.lines.next()? {
            if self.queue.send(Line { body, client: self.settled.clone() }).await.is_err() {
                return Ok(false);
            }
            self.sent += 1;
        }
        Ok(true)
    }

    /// Answers every line that is settled and has no answer yet.
    async fn answer(&mut self) -> io::Result<()> {
        let settled = *self.hears.borrow_and_update();
        let answers = usize::try_from(settled - self.answered).unwrap_or_default();
        self.answered = settled;
        if answers == 0 { Ok(()) } else { self.write("OK\n".repeat(answers).as_bytes()).await }
    }

    async fn write(&mut self, answer: &[u8]) -> io::Result<()> {
        timeout(STUCK, self.stream.write_all(answer)).await.map_err(io::Error::from)?
    }
}

/// Resolves when more lines are settled; cancel safe.
async fn heard(hears: &mut watch::Receiver<u64>) {
    if hears.changed().await.is_err() {
        // Every line is settled and the source will hear of no more: the client itself holds a sender, so this is not reached.
        std::future::pending::<()>().await;
    }
}
