//! Bodies: answers whole or flowing, requests read within limits of bytes and time.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::time::{Instant, timeout_at};

/// Longest time for a whole request body.
const WHOLE: Duration = Duration::from_secs(30);
/// Longest time in which nothing of it comes.
const PROGRESS: Duration = Duration::from_secs(10);

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A whole answer.
pub fn whole(status: StatusCode, media_type: &'static str, content: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(content.into()).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A request body that is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More than allowed; said before anything is read where the client declared it.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not come in time.
    #[error("the body did not come within {WHOLE:?}, or stood still for {PROGRESS:?}")]
    TooSlow,
    /// It broke off, or is wrongly framed.
    #[error("read the body")]
    Broken(#[source] hyper::Error),
}

/// Reads a request body of at most `cap` bytes.
///
/// # Errors
/// It is larger, slower, or broken; what is left of it stays unread.
pub async fn read(mut body: Incoming, cap: usize) -> Result<Vec<u8>, Error> {
    let declared = body.size_hint().lower();
    if declared > u64::try_from(cap).unwrap_or(u64::MAX) {
        return Err(Error::TooLarge(cap));
    }
    let end = Instant::now() + WHOLE;
    let mut content = Vec::new();
    loop {
        let limit = end.min(Instant::now() + PROGRESS);
        let Some(frame) = timeout_at(limit, body.frame()).await.map_err(|_| Error::TooSlow)? else { return Ok(content) };
        // Trailers are of no use here.
        let Ok(bytes) = frame.map_err(Error::Broken)?.into_data() else { continue };
        if bytes.len() > cap - content.len() {
            return Err(Error::TooLarge(cap));
        }
        content.extend_from_slice(&bytes);
    }
}
