//! How both read-only servers are served: until told to stop, and closed to web pages that try DNS rebinding.
//!
//! The routes only read, and show no event, no setting and no secret. They are therefore served without a password on whatever address the
//! configuration names; the default is loopback. On loopback a request must name this host in its `Host` header: a web page that had its own
//! domain resolve to 127.0.0.1 would otherwise read the metrics through its visitor's browser.

use std::future::Future;
use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, uri::Authority};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// Serves until `shutdown` ends. Answers under way then are finished in the background, as long as the process lives.
///
/// # Errors
/// When the listener's own address cannot be read.
pub(super) async fn serve(listener: TcpListener, mut router: Router, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
    if listener.local_addr()?.ip().is_loopback() {
        router = router.layer(middleware::from_fn(only_named_locally));
    }
    tokio::select! {
        served = axum::serve(listener, router) => served,
        () = shutdown => Ok(()),
    }
}

async fn only_named_locally(request: Request, next: Next) -> Response {
    if names_this_host(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "the Host header must be localhost or a loopback address\n").into_response()
}

fn names_this_host(headers: &HeaderMap) -> bool {
    let Some(authority) = headers.get(HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok()) else {
        return false;
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_host_header_of_this_host_is_let_in() {
        let named = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().expect("a header value"));
            names_this_host(&headers)
        };
        for host in ["localhost", "LocalHost:9464", "127.0.0.1:9464", "127.0.0.2", "[::1]:9464"] {
            assert!(named(host), "{host}");
        }
        for host in ["attacker.example", "localhost.attacker.example:9464", "10.0.0.1", "127.0.0.1.nip.io", "", "a b"] {
            assert!(!named(host), "{host}");
        }
        assert!(!names_this_host(&HeaderMap::new()));
    }
}
