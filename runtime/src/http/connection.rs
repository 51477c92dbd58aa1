//! One connection, from its handshake to its last byte.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::activity::{Activity, Answering, Timed};
use super::crowd::Place;
use super::{Body, Handler, Peer, Stopping, tls};
use crate::telemetry::HttpMetrics;

/// Largest head of a request, bytes.
const HEAD: usize = 16 << 10;
/// Most bytes that are read ahead, and that wait to be written, bytes each.
const BUFFER: usize = 32 << 10;
/// Longest time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Longest time, and most bytes, for what a client still sends after its answer: a socket closed with unread bytes is reset, and the client
/// would lose the answer that says why.
const LINGER: (Duration, usize) = (Duration::from_secs(2), 1 << 20);

/// What the connections of a listener have in common.
pub(super) struct Shared {
    pub(super) handler: Arc<dyn Handler>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) metrics: HttpMetrics,
    pub(super) stopping: Stopping,
}

/// Talks with a client until it ends, is too slow, or makes room for another.
pub(super) async fn run(stream: TcpStream, remote: SocketAddr, place: Place, shared: Arc<Shared>) {
    tokio::select! {
        () = greet(stream, remote, &place, &shared) => {}
        () = place.leave.notified() => debug!(%remote, "closed for another connection"),
    }
}

async fn greet(stream: TcpStream, remote: SocketAddr, place: &Place, shared: &Arc<Shared>) {
    // An answer is small and waited for.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let mut peer = Peer { remote, local, certificate: None, stopping: shared.stopping.clone() };
    let Some(tls) = &shared.tls else { return converse(stream, peer, place, shared).await };
    let refusal = match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            peer.certificate = tls::fingerprint(stream.get_ref().1);
            return converse(stream, peer, place, shared).await;
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "too slow".to_owned(),
    };
    debug!(%remote, error = refusal, "no TLS connection");
    shared.metrics.refused("tls");
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, peer: Peer, place: &Place, shared: &Arc<Shared>) {
    let (remote, mut stopping) = (peer.remote, peer.stopping.clone());
    let io = TokioIo::new(Timed::new(stream, place.activity.clone()));
    let service = service_fn(|request| answer(request, peer.clone(), &place.activity, shared));
    let mut server = http1::Builder::new();
    // The head's own limit of time begins with its first byte (`activity`); hyper's begins with the pause before it.
    server.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(HEAD).max_buf_size(BUFFER);
    let mut connection = server.serve_connection(io, service);
    let ended = tokio::select! {
        ended = poll_fn(|cx| connection.poll_without_shutdown(cx)) => ended,
        () = stopping.begun() => {
            if !place.activity.is_answering() {
                return;
            }
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    if let Err(error) = ended {
        debug!(%remote, error = %crate::error_chain(&error), "connection broken");
    }
    linger(connection.into_parts().io.into_inner()).await;
}

type Answered = Pin<Box<dyn Future<Output = Result<Response<Held>, Infallible>> + Send>>;

fn answer(request: Request<Incoming>, peer: Peer, activity: &Arc<Activity>, shared: &Arc<Shared>) -> Answered {
    let answering = activity.answering();
    let answer = shared.handler.answer(request, peer);
    Box::pin(async move { Ok(answer.await.map(|body| Held { body, _answering: answering })) })
}

async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let (time, mut most) = LINGER;
    let _ = timeout(time, async {
        let mut ignored = [0; 8 << 10];
        while let Ok(read @ 1..) = stream.read(&mut ignored).await {
            most = most.saturating_sub(read);
            if most == 0 {
                return;
            }
        }
    })
    .await;
}

/// A body that says when it was written or given up.
struct Held {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
