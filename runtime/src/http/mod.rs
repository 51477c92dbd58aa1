//! HTTP as Weir serves it, whatever is behind it: one accept loop for the admin address and for Flume's JSON.
//!
//! Every client is bounded in connections, time and bytes, so that a careless or hostile one costs no more than that and never reaches the data
//! path: [`serve`] accepts, `crowd` counts, `activity` watches the clock, [`body`] the bytes. [`host`] keeps web pages out, [`tls`] listeners.

mod activity;
pub mod body;
mod connection;
mod crowd;
pub mod host;
mod problem;
mod serve;
pub mod tls;

use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::watch;

pub use body::Body;
pub use problem::Problem;
pub use serve::{Listening, serve};

/// What is behind a listener.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request. Dropped when the client is gone.
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Response<Body>>;
}

/// Who is at the other end of a connection, as far as the connection tells.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub remote: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// SHA-256 of the client certificate it proved to own; its authority was checked.
    pub certificate: Option<[u8; 32]>,
    /// Tells an answer without an end when to end.
    pub stopping: Stopping,
}

#[cfg(test)]
impl Peer {
    /// One on this host, whose server does not end.
    pub(crate) fn local() -> Peer {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Peer { remote: address, local: address, certificate: None, stopping: Stopping(watch::channel(false).1) }
    }
}

/// Turns true when the server ends.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Resolves when the server ends. Cancel safe.
    pub async fn begun(&mut self) {
        // A sender that is gone has ended too.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
