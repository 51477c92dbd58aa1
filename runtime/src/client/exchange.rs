//! One call: connect, ask, read the answer, each step within the call's limit.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::tls::Tls;
use super::wire::Wire;
use super::{Address, Error, Problem, Stream};
use crate::printable::one_line;

/// Longest that connecting may take, TLS included: an agent is near, or not there.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes of an answer.
pub(super) const MOST: usize = 64 << 20;
/// Bytes of an answer that is shown because it was not understood.
const EXCERPT: usize = 200;

/// A running agent's API.
pub struct Client {
    address: Address,
    authorization: Option<HeaderValue>,
    tls: Option<Tls>,
    limit: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("address", &self.address).field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// An answer, understood and as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<T> {
    /// Understood.
    pub value: T,
    /// The JSON.
    pub json: String,
}

/// What is asked.
pub(super) struct Ask {
    pub(super) method: Method,
    /// Path and query, encoded.
    pub(super) target: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// A connection, with TLS or without.
trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl Client {
    pub(super) fn new(address: Address, authorization: Option<HeaderValue>, tls: Option<Tls>, limit: Duration) -> Client {
        Client { address, authorization, tls, limit }
    }

    /// Where the agent is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Whether it says who asks, by a token.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// Whether its token can be read on the way.
    #[must_use]
    pub fn shows_its_token(&self) -> bool {
        self.has_token() && self.tls.is_none() && self.address.is_remote()
    }

    /// Asks, and reads an answer in JSON.
    pub(super) async fn call<T: DeserializeOwned>(&self, ask: Ask) -> Result<Answer<T>, Error> {
        let until = Instant::now() + self.limit;
        timeout_at(until, async {
            let response = self.send(ask, "application/json").await?;
            if !has_type(&response, "application/json") {
                return Err(self.foreign(&response, &[]));
            }
            let json = self.read(response.into_body()).await?;
            let json = String::from_utf8(json).map_err(|_| self.no_api("an answer that is not UTF-8"))?;
            let value = serde_json::from_str(&json).map_err(|error| self.no_api(&format!("JSON of another form, {error}")))?;
            Ok(Answer { value, json })
        })
        .await
        .unwrap_or_else(|_| Err(self.timed_out()))
    }

    /// Asks, and returns once the answer begins; it is one event after another.
    pub(super) async fn stream<T: DeserializeOwned>(&self, ask: Ask) -> Result<Stream<T>, Error> {
        let begun = timeout(self.limit, self.send(ask, "text/event-stream")).await;
        let response = begun.unwrap_or_else(|_| Err(self.timed_out()))?;
        if !has_type(&response, "text/event-stream") {
            return Err(self.foreign(&response, &[]));
        }
        Ok(Stream::new(response.into_body(), self.address.to_string(), self.limit))
    }

    /// Connects, asks, and returns an answer that is a success.
    async fn send(&self, ask: Ask, wanted: &'static str) -> Result<Response<Incoming>, Error> {
        let mut sender = self.connect().await?;
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        let target = format!("{}{}", self.address.prefix, ask.target);
        *request.uri_mut() = target.parse().map_err(|_| Error::Option(format!("{target:?} cannot be asked for")))?;
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&self.address.authority);
        headers.insert(HOST, host.map_err(|_| Error::Option(format!("{} cannot be asked", self.address)))?);
        headers.insert(ACCEPT, HeaderValue::from_static(wanted));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
        headers.extend(self.authorization.clone().map(|token| (AUTHORIZATION, token)));
        headers.extend(ask.headers);
        let response = sender.send_request(request).await.map_err(|source| self.cut_off(source))?;
        if response.status().is_success() { Ok(response) } else { Err(self.refused(response).await) }
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let unreachable = |source| Error::Unreachable { address: self.address.to_string(), source };
        let transport = timeout(CONNECT.min(self.limit), self.transport()).await;
        let transport =
            transport.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "nobody answers"))).map_err(unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(transport)).await.map_err(|source| self.cut_off(source))?;
        // What goes wrong on the connection is told to the request that waits for it. The task ends with the request's answer.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn transport(&self) -> io::Result<Box<dyn Transport>> {
        let stream = TcpStream::connect((self.address.host.as_str(), self.address.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => Ok(Box::new(Wire::new(stream))),
            Some(tls) => Ok(Box::new(tls.connector.connect(tls.name.clone(), Wire::new(stream)).await?)),
        }
    }

    /// A bounded body, whole.
    async fn read(&self, mut body: Incoming) -> Result<Vec<u8>, Error> {
        let too_large = || Error::TooLarge { address: self.address.to_string(), limit: MOST };
        if body.size_hint().lower() > MOST as u64 {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|source| self.cut_off(source))?;
            let Some(data) = frame.data_ref() else { continue };
            if bytes.len() + data.len() > MOST {
                return Err(too_large());
            }
            bytes.extend_from_slice(data);
        }
        Ok(bytes)
    }

    async fn refused(&self, response: Response<Incoming>) -> Error {
        let (parts, body) = response.into_parts();
        let bytes = match self.read(body).await {
            Ok(bytes) => bytes,
            Err(error) => return error,
        };
        let response = Response::from_parts(parts, ());
        let json = String::from_utf8_lossy(&bytes);
        if has_type(&response, "application/problem+json")
            && let Ok(problem) = serde_json::from_str::<Problem>(&json)
        {
            return Error::Refused(Box::new(Problem { status: response.status().as_u16(), json: json.into_owned(), ..problem }));
        }
        self.foreign(&response, &bytes)
    }

    /// An answer that is not the API's, told by its status, its type and its beginning.
    fn foreign<T>(&self, response: &Response<T>, body: &[u8]) -> Error {
        let kind = response.headers().get(CONTENT_TYPE).map_or("no content type".into(), |kind| String::from_utf8_lossy(kind.as_bytes()));
        let mut found = format!("{}, {}", response.status(), one_line(&kind));
        let beginning = String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]);
        if !beginning.trim().is_empty() {
            found.push_str(": ");
            found.push_str(&one_line(beginning.trim()));
        }
        self.no_api(&found)
    }

    fn no_api(&self, found: &str) -> Error {
        Error::Foreign { address: self.address.to_string(), found: found.to_owned() }
    }

    fn cut_off(&self, source: hyper::Error) -> Error {
        Error::CutOff { address: self.address.to_string(), source }
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut { address: self.address.to_string(), limit: self.limit }
    }
}

fn has_type<T>(response: &Response<T>, wanted: &str) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}
