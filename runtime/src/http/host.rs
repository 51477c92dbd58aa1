//! Which `Host` and `Origin` a request may have: what keeps a web page out whose visitor's browser reaches this host.
//!
//! A page that has its own domain resolve to this host's address (DNS rebinding) sends that domain as `Host`. A page of another host that sends
//! a request here has itself as `Origin`; it could not read the answer, but a change would be made.

use std::net::IpAddr;

use hyper::Request;
use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use serde::Deserialize;

/// A name a request may call this host by, with the port where it is said.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name {
    host: String,
    port: Option<u16>,
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Name, String> {
        let wrong = || format!("{text:?} is not a host name, nor one with a port");
        let authority = Authority::try_from(text.as_str()).map_err(|_| wrong())?;
        if authority.host().is_empty() || text.contains('@') || (authority.port().is_some() != (text.len() > authority.host().len())) {
            return Err(wrong());
        }
        Ok(Name { host: authority.host().to_ascii_lowercase(), port: authority.port_u16() })
    }
}

/// What a request calls this host.
///
/// # Errors
/// In words, when it says nothing, several things, or nothing that can be read.
pub fn called<B>(request: &Request<B>) -> Result<Authority, &'static str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err("there must be one Host header") };
    let host = Authority::try_from(host.as_bytes()).map_err(|_| "the Host header is not a host name")?;
    // A request line with a whole URL would win over the header.
    match request.uri().authority() {
        Some(other) if *other != host => Err("the request line and the Host header name different hosts"),
        _ => Ok(host),
    }
}

/// Whether a name is this host's own: a loopback name, the address that was connected to, or one of those `listed`.
pub fn is_own(called: &Authority, local: IpAddr, listed: &[Name]) -> bool {
    let host = called.host().trim_start_matches('[').trim_end_matches(']');
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>().map(|address| address.to_canonical())
        && (address.is_loopback() || address == local.to_canonical())
    {
        return true;
    }
    let is_same =
        |name: &Name| name.host.eq_ignore_ascii_case(called.host()) && name.port.is_none_or(|port| called.port_u16() == Some(port));
    listed.iter().any(is_same)
}

/// Whether the page that sent a request, if one did, is this host's own.
pub fn is_same_origin(headers: &HeaderMap, called: &Authority) -> bool {
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(called.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Name, String> {
        Name::try_from(text.to_owned())
    }

    #[test]
    fn only_a_host_header_of_this_host_is_let_in() {
        let listed = [name("Weir.example:4141").expect("a name"), name("other.example").expect("a name")];
        let local: IpAddr = "10.0.0.1".parse().expect("an address");
        let own = |host: &str| is_own(&host.parse().expect("an authority"), local, &listed);
        let names = ["localhost", "LocalHost:9464", "127.0.0.1:9464", "127.0.0.2", "[::1]:9464", "10.0.0.1:1", "[::ffff:10.0.0.1]"];
        for host in names.into_iter().chain(["weir.example:4141", "other.example", "OTHER.example:5"]) {
            assert!(own(host), "{host}");
        }
        for host in
            ["attacker.example", "localhost.attacker.example:9464", "10.0.0.2", "127.0.0.1.nip.io", "weir.example", "weir.example:1"]
        {
            assert!(!own(host), "{host}");
        }
    }

    #[test]
    fn a_request_says_one_host() {
        let called = |uri: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            called(&request.body(()).expect("a request")).map(|host| host.to_string())
        };
        assert_eq!(called("/", &["localhost:1"]), Ok("localhost:1".to_owned()));
        assert_eq!(called("http://localhost:1/", &["localhost:1"]), Ok("localhost:1".to_owned()));
        assert!(called("http://attacker.example/", &["localhost:1"]).is_err());
        assert!(called("/", &[]).is_err());
        assert!(called("/", &["localhost", "attacker.example"]).is_err());
        assert!(called("/", &["a b"]).is_err());
        assert!(called("/", &[""]).is_err());
    }

    #[test]
    fn a_page_of_another_host_is_another_origin() {
        let same = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ORIGIN, origin.parse().expect("a header value"));
            is_same_origin(&headers, &Authority::from_static("weir.example:4141"))
        };
        assert!(same("http://weir.example:4141") && same("https://Weir.example:4141"));
        for origin in ["null", "http://attacker.example", "http://weir.example", "http://weir.example:4141.attacker.example", ""] {
            assert!(!same(origin), "{origin}");
        }
        assert!(is_same_origin(&HeaderMap::new(), &Authority::from_static("weir.example")));
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in ["", "a b", "http://weir.example", "weir.example/x", "user@weir.example", "weir.example:", "weir.example:70000", ":1"] {
            assert!(name(text).is_err(), "{text}");
        }
        assert!(name("[::1]:4141").is_ok());
    }
}
