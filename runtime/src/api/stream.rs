//! Taps and logs as server-sent events: `data: JSON` an item, and a comment now and then, so that whoever stands between does not give up.
//!
//! A reader that does not read stops the connection's writes, which end after 30 seconds; until then what it misses is dropped, and counted, where
//! the items come from. Nothing piles up here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::STREAMS;
use crate::http::{Body, Problem, Stopping};

/// How often a silent stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A place among the streams that are read at once.
pub(super) fn place(streams: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    let busy = |_| Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("{STREAMS} taps and logs are being read already"));
    streams.clone().try_acquire_owned().map_err(busy)
}

struct Events<T> {
    items: mpsc::Receiver<T>,
    ticks: Interval,
    stopping: Stopping,
    _place: OwnedSemaphorePermit,
}

/// Answers with the items, until their sender is gone or the server ends.
pub(super) fn events<T>(items: mpsc::Receiver<T>, place: OwnedSemaphorePermit, stopping: Stopping) -> Response<Body>
where
    T: Serialize + Send + 'static,
{
    let mut ticks = interval(KEEP_ALIVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = Events { items, ticks, stopping, _place: place };
    let frames = stream::unfold(events, |mut events| async move {
        let bytes = events.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(bytes)), events))
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

impl<T: Serialize> Events<T> {
    async fn next(&mut self) -> Option<Bytes> {
        tokio::select! {
            biased;
            () = self.stopping.begun() => None,
            item = self.items.recv() => {
                let mut line = b"data: ".to_vec();
                // These types have no map with keys that are no strings, the one thing JSON cannot hold.
                serde_json::to_writer(&mut line, &item?).ok()?;
                line.extend_from_slice(b"\n\n");
                Some(line.into())
            }
            _ = self.ticks.tick() => Some(Bytes::from_static(b": listening\n\n")),
        }
    }
}
