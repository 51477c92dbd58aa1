//! Whether a connection is being answered, and until when its client must have said or read something: what a client that dribbles its request,
//! says nothing, or does not read its answer is cut off by.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Longest time for a request's head, from its first byte; and for the first byte on a new connection.
const HEAD: Duration = Duration::from_secs(10);
/// Longest pause between two requests of a connection.
const IDLE: Duration = Duration::from_secs(60);
/// Longest time in which a client takes nothing of its answer.
const UNREAD: Duration = Duration::from_secs(30);

/// What a connection is doing.
#[derive(Debug)]
pub(super) struct Activity(Mutex<Phase>);

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing of the next request has come.
    Waiting { until: Instant },
    /// A request's head is coming in.
    Head { until: Instant },
    /// A request is being answered; its body has limits of its own.
    Answering,
}

impl Activity {
    /// Of a new connection.
    pub(super) fn new() -> Arc<Activity> {
        Arc::new(Activity(Mutex::new(Phase::Waiting { until: Instant::now() + HEAD })))
    }

    /// A request is being answered until the guard is dropped.
    pub(super) fn answering(self: &Arc<Activity>) -> Answering {
        *self.phase() = Phase::Answering;
        Answering(self.clone())
    }

    pub(super) fn is_answering(&self) -> bool {
        matches!(*self.phase(), Phase::Answering)
    }

    /// Bytes came.
    fn heard(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Waiting { .. }) {
            *phase = Phase::Head { until: Instant::now() + HEAD };
        }
    }

    /// When the client must have said what is waited for.
    fn until(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Waiting { until } | Phase::Head { until } => Some(until),
            Phase::Answering => None,
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        *self.0.phase() = Phase::Waiting { until: Instant::now() + IDLE };
    }
}

/// A stream that fails when its client is too slow.
pub(super) struct Timed<S> {
    stream: S,
    activity: Arc<Activity>,
    reading: Alarm,
    writing: Alarm,
    /// When a write that got no byte through gives up.
    unread: Option<Instant>,
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Timed<S> {
        Timed { stream, activity, reading: Alarm::default(), writing: Alarm::default(), unread: None }
    }

    /// Passes on what a write came to, unless it has stood still for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let until = *self.unread.get_or_insert_with(|| Instant::now() + UNREAD);
        ready!(self.writing.rings(until, cx));
        Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the client does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let filled = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > filled {
                    self.activity.heard();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let Some(until) = self.activity.until() else { return Poll::Pending };
                ready!(self.reading.rings(until, cx));
                Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "no request came in time")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, shut)
    }
}

/// Wakes a task at an instant that may be moved.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    fn rings(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_says_nothing_or_dribbles_is_cut_off() {
        let (mut client, server) = duplex(64);
        let mut stream = Timed::new(server, Activity::new());
        let mut byte = [0];
        for _ in 0..3 {
            client.write_all(b"G").await.expect("open");
            stream.read_exact(&mut byte).await.expect("in time");
            tokio::time::sleep(HEAD / 4).await;
        }
        let error = stream.read_exact(&mut byte).await.expect_err("the head is late");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_there_is_more_time_than_within_one() {
        let (mut client, server) = duplex(64);
        let activity = Activity::new();
        drop(activity.answering());
        let mut stream = Timed::new(server, activity.clone());
        let mut byte = [0];
        let waited = tokio::time::timeout(IDLE - Duration::from_secs(1), stream.read_exact(&mut byte)).await;
        assert!(waited.is_err(), "still waiting");
        let answering = activity.answering();
        let waited = tokio::time::timeout(10 * IDLE, stream.read_exact(&mut byte)).await;
        assert!(waited.is_err(), "an answer under way has no limit here");
        drop(answering);
        client.write_all(b"G").await.expect("open");
        stream.read_exact(&mut byte).await.expect("in time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (_client, server) = duplex(64);
        let mut stream = Timed::new(server, Activity::new());
        let error = stream.write_all(&[0; 1000]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}
