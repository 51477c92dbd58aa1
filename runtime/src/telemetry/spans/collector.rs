//! The way to the collector: HTTP/1.1 over plain TCP or TLS, a connection an export, since one is made every few seconds. Whether the collector
//! takes spans is logged when it changes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tracing::{info, warn};

use super::settings::{self, Settings};
use crate::error_chain;

/// Bytes of an answer that are read; OTLP's are a few.
const ANSWER: usize = 1 << 20;

/// A request that was not answered.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("connect")]
    Connect(#[source] std::io::Error),
    #[error("the host's name fits no certificate")]
    Name(#[source] InvalidDnsNameError),
    #[error("speak HTTP")]
    Http(#[source] hyper::Error),
    #[error("read the answer")]
    Answer(#[source] HttpError),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("answered {0}")]
    Status(hyper::StatusCode),
    #[error("the agent ends")]
    Ended(#[source] tokio::task::JoinError),
}

/// Sends on the agent's runtime, whatever thread asks for it.
pub(super) struct Collector {
    runtime: Handle,
    place: String,
    tls: Option<TlsConnector>,
    timeout: Duration,
    failing: AtomicBool,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Collector").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Collector {
    pub(super) fn new(settings: &Settings) -> Result<Collector, settings::Error> {
        let https = settings.endpoint.scheme_str() == Some("https");
        let tls = settings.certificate.as_ref().filter(|_| https).map(|file| {
            let failed = |error| settings::Error::Certificate(file.clone(), error);
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(file).map_err(failed)? {
                roots.add(certificate.map_err(failed)?).map_err(settings::Error::Tls)?;
            }
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
            let config = config.map_err(settings::Error::Tls)?.with_root_certificates(roots).with_no_client_auth();
            Ok(TlsConnector::from(Arc::new(config)))
        });
        Ok(Collector {
            runtime: Handle::current(),
            place: settings.place(),
            tls: tls.transpose()?,
            timeout: settings.timeout,
            failing: AtomicBool::new(false),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (tls, timeout) = (self.tls.clone(), self.timeout);
        let sending = async move { tokio::time::timeout(timeout, post(request, tls)).await.map_err(|_| Error::Late(timeout))? };
        let sent = self.runtime.spawn(sending).await.map_err(Error::Ended).flatten();
        let failure = match &sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(error_chain(&Error::Status(response.status()))),
            Err(error) => Some(error_chain(error)),
        };
        self.tell(failure);
        Ok(sent?)
    }

    fn tell(&self, failure: Option<String>) {
        let was_failing = self.failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(error) if !was_failing => warn!(collector = self.place, error, "the collector takes no spans"),
            None if was_failing => info!(collector = self.place, "the collector takes spans again"),
            _ => {}
        }
    }
}

impl HttpClient for Collector {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(self.send(request))
    }
}

async fn post(request: Request<Bytes>, tls: Option<TlsConnector>) -> Result<Response<Bytes>, Error> {
    let uri = request.uri().clone();
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await.map_err(Error::Connect)?;
    let Some(tls) = tls else { return exchange(stream, request, &uri).await };
    let name = ServerName::try_from(host).map_err(Error::Name)?;
    let stream = tls.connect(name, stream).await.map_err(Error::Connect)?;
    exchange(stream, request, &uri).await
}

async fn exchange<S>(stream: S, mut request: Request<Bytes>, uri: &Uri) -> Result<Response<Bytes>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Error::Http)?;
    // Ends with the sender, or when the request has failed and says so itself.
    tokio::spawn(async move { connection.await.ok() });
    let authority = uri.authority().map(|authority| authority.as_str().rsplit('@').next().unwrap_or_default()).unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(authority) {
        request.headers_mut().insert(HOST, host);
    }
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    *request.uri_mut() = uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    let response = sender.send_request(request.map(Full::new)).await.map_err(Error::Http)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER).collect().await.map_err(Error::Answer)?.to_bytes();
    Ok(Response::from_parts(head, body))
}
