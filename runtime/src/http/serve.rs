//! The accept loop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::crowd::Crowd;
use super::{Handler, Stopping, connection};
use crate::telemetry::HttpMetrics;

/// Most connections at once.
const CONNECTIONS: usize = 256;
/// Longest time that answers under way have when the server ends.
const GRACE: Duration = Duration::from_secs(5);
/// Pause after a failed accept: most often the process has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client gets for which there is no place.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";

/// A listener, and how it is served.
pub struct Listening {
    /// Where.
    pub listener: TcpListener,
    /// TLS, if its clients speak that.
    pub tls: Option<TlsAcceptor>,
    /// Its numbers.
    pub metrics: HttpMetrics,
}

/// Serves until `shutdown` ends: from then on nothing is accepted, streams end, and answers under way have five seconds.
pub async fn serve(listening: Listening, handler: Arc<dyn Handler>, shutdown: impl Future<Output = ()>) {
    let Listening { listener, tls, metrics } = listening;
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(connection::Shared { handler, tls, metrics, stopping: Stopping(stopping) });
    let crowd = Crowd::new(CONNECTIONS);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => match crowd.enter() {
                    Some((place, displaced)) => {
                        if displaced {
                            shared.metrics.refused("displaced");
                        }
                        connections.spawn(connection::run(stream, remote, place, shared.clone()));
                    }
                    None => {
                        shared.metrics.refused("full");
                        turn_away(stream);
                    }
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    warn!(%error, "no connection can be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    let _ = stop.send(true);
    let ended = timeout(GRACE, async { while connections.join_next().await.is_some() {} });
    if ended.await.is_err() {
        connections.shutdown().await;
    }
}

/// Says so, if that can be said without waiting.
fn turn_away(stream: TcpStream) {
    let _ = stream.try_write(FULL);
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
