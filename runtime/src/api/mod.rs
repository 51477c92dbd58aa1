//! The admin address: probes, metrics, and the API `/api/v1` over a running agent ([`crate::control`]).
//!
//! `routes` is the table of what there is, `openapi.json` the same for its users; a test holds the two against each other and against the
//! answers. A request goes one way: host, route, origin, caller, role, then `pages`, `read` or `change`. Changes are written to the [`audit`] log, refused
//! ones too.
//!
//! A change that began is not undone by a caller who hangs up or by the [`DEADLINE`] of its answer: it goes on in the agent to its own end, which
//! the audit log then has as a second line.

mod access;
pub mod audit;
mod change;
mod order;
mod pages;
mod query;
mod read;
mod routes;
pub mod settings;
mod stream;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tracing::{error, warn};

use crate::control::{Caller, Control, DEADLINE, Refusal, RefusalKind};
use crate::http::{self, Body, Handler, Listening, Peer, Problem, host, tls};
use crate::telemetry::{Health, HttpMetrics, Metrics};
use access::Access;
pub use pages::version;
use routes::{Action, Found, Route};
pub use settings::Settings;

/// Where the admin address is, unless it is configured; a free port where this one is taken.
const USUAL: &str = "127.0.0.1:4141";
/// Most plugins that are being uploaded at once.
const UPLOADS: usize = 4;
/// Most taps and logs that are read at once.
const STREAMS: usize = 16;

/// The admin address cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is taken or not this machine's.
    #[error("listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// It would be open to whoever reaches it, or its settings contradict each other.
    #[error("serve the admin address: {0}")]
    Settings(String),
    /// Its certificate, key or authorities cannot be used.
    #[error("serve the admin address by TLS")]
    Tls(#[source] tls::Error),
}

/// An admin address that is taken and not served yet.
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    access: Access,
    hosts: Vec<host::Name>,
}

/// What the admin address serves.
pub struct Served {
    /// The agent.
    pub control: Arc<dyn Control>,
    /// Behind `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Behind `/livez` and `/readyz`.
    pub health: Health,
    /// Where changes are written down.
    pub audit: audit::Log,
    /// Largest plugin, bytes: [`crate::plugin::Caps::file`].
    pub component_cap: usize,
}

impl Bound {
    /// Takes `address`, or by default port 4141 of loopback, or any where that is taken.
    ///
    /// # Errors
    /// The address is not to be had, the settings leave it open to the network, or a file of its TLS cannot be used.
    pub async fn bind(address: Option<SocketAddr>, settings: &Settings) -> Result<Bound, Error> {
        if let Some(flaw) = settings.flaws(address).into_iter().next() {
            return Err(Error::Settings(flaw.message));
        }
        let tls = match &settings.tls {
            None => None,
            Some(files) => Some(tls::acceptor(&files.certificate, &files.key, files.client_ca.as_deref()).map_err(Error::Tls)?),
        };
        let listener = listen(address).await?;
        let address = listener.local_addr().map_err(|source| Error::Listen(SocketAddr::from(([127, 0, 0, 1], 0)), source))?;
        Ok(Bound { listener, address, tls, access: Access::new(settings), hosts: settings.hosts.clone() })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` ends; then streams end, and answers under way have a few seconds.
    pub async fn serve(self, served: Served, shutdown: impl Future<Output = ()>) {
        let numbers = served.metrics.http("admin");
        let listening = Listening { listener: self.listener, tls: self.tls, metrics: numbers.clone() };
        let api = Api {
            served,
            numbers,
            access: self.access,
            hosts: self.hosts,
            uploads: Semaphore::new(UPLOADS),
            streams: Arc::new(Semaphore::new(STREAMS)),
        };
        http::serve(listening, Arc::new(Server(Arc::new(api))), shutdown).await;
    }
}

async fn listen(wanted: Option<SocketAddr>) -> Result<TcpListener, Error> {
    if let Some(address) = wanted {
        return TcpListener::bind(address).await.map_err(|source| Error::Listen(address, source));
    }
    match TcpListener::bind(USUAL).await {
        Ok(listener) => Ok(listener),
        Err(error) => {
            warn!(address = USUAL, %error, "the usual admin address is taken, another port serves");
            let any = SocketAddr::from(([127, 0, 0, 1], 0));
            TcpListener::bind(any).await.map_err(|source| Error::Listen(any, source))
        }
    }
}

/// What the requests have in common.
struct Api {
    served: Served,
    numbers: HttpMetrics,
    access: Access,
    hosts: Vec<host::Name>,
    uploads: Semaphore,
    streams: Arc<Semaphore>,
}

/// One request and where it leads.
struct Call {
    route: &'static Route,
    /// Names in its path, as they came.
    names: Vec<String>,
    request: Request<Incoming>,
    peer: Peer,
}

struct Server(Arc<Api>);

impl Handler for Server {
    fn answer(&self, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Response<Body>> {
        self.0.clone().answer(request, peer).boxed()
    }
}

impl Api {
    async fn answer(self: Arc<Api>, request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let method = request.method().clone();
        let found = routes::find(&method, request.uri().path());
        let template = found.template();
        let answered = AssertUnwindSafe(self.clone().route(found, request, peer)).catch_unwind().await;
        let mut response = answered.unwrap_or_else(|_| Err(panicked(template))).unwrap_or_else(Problem::into_response);
        let status = response.status();
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if status.is_client_error() || status.is_server_error() {
            // What the client still sends is not read, and a client that makes mistakes holds no connection.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.numbers.request(template, &method, status);
        response
    }

    async fn route(self: Arc<Api>, found: Found, request: Request<Incoming>, peer: Peer) -> Result<Response<Body>, Problem> {
        let (route, names) = match found {
            Found::Route(route, names) => (route, names),
            // Who may ask nothing learns nothing, not even what there is.
            Found::Path(allowed) => {
                self.admit(&request, &peer, None)?;
                let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("here only {allowed} is answered"));
                return Err(problem.header(ALLOW, HeaderValue::from_static(allowed)));
            }
            Found::Nothing => {
                self.admit(&request, &peer, None)?;
                return Err(Problem::new(StatusCode::NOT_FOUND, "there is nothing here; GET /api/v1/openapi.json says what there is"));
            }
        };
        let call = Call { route, names, request, peer };
        match route.action {
            Action::Change(change) => change::run(self, change, call).await,
            Action::Page(page) => {
                self.admit(&call.request, &call.peer, Some(route))?;
                Ok(pages::page(page, &self.served, call.request.uri().query()))
            }
            Action::Read(read) => {
                self.admit(&call.request, &call.peer, Some(route))?;
                read::run(&self, read, call).await
            }
        }
    }

    /// Who asks, if they may.
    fn admit<B>(&self, request: &Request<B>, peer: &Peer, route: Option<&Route>) -> Result<Caller, Problem> {
        let called = host::called(request).map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))?;
        if !host::is_own(&called, peer.local.ip(), &self.hosts) {
            let detail =
                "the Host header is not a name of this host; others than localhost and its address belong in `hosts` of [agent.api]";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        if route.is_some_and(Route::is_probe) {
            return Ok(Caller::new("probe"));
        }
        if !host::is_same_origin(request.headers(), &called) {
            return Err(Problem::new(StatusCode::FORBIDDEN, "a web page of another host may not ask here"));
        }
        self.access.caller(request.headers(), peer, route.is_some_and(Route::is_change))
    }

    fn control(&self) -> &Arc<dyn Control> {
        &self.served.control
    }
}

fn panicked(template: &str) -> Problem {
    error!(path = template, "a request made the API panic; nothing else is harmed");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the request made the agent's API panic, which its log has; nothing else is harmed")
}

/// No answer within [`DEADLINE`].
fn too_late() -> Problem {
    let detail = format!("no answer within {DEADLINE:?}; what was begun goes on in the agent, and the audit log will say how it ended");
    Problem::new(StatusCode::GATEWAY_TIMEOUT, detail)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let status = match refusal.kind {
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::Busy => StatusCode::TOO_MANY_REQUESTS,
            RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            RefusalKind::Deadline => StatusCode::GATEWAY_TIMEOUT,
        };
        Problem::new(status, refusal.detail).problems(refusal.problems)
    }
}

impl From<http::body::Error> for Problem {
    fn from(error: http::body::Error) -> Problem {
        use http::body::Error::{Broken, TooLarge, TooSlow};
        let status = match error {
            TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            TooSlow => StatusCode::REQUEST_TIMEOUT,
            Broken(_) => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, crate::error_chain(&error))
    }
}
