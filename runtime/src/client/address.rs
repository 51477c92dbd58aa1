//! Where an API is: `http://127.0.0.1:4141`, `https://weir.example:4141/behind/a/proxy`.

use std::fmt;
use std::net::IpAddr;

use hyper::Uri;

use super::Error;

/// An API's address, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// Name or IP address, without an IPv6 address's brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// As it stands in the `Host` header.
    pub authority: String,
    /// What stands before each route; empty unless a proxy adds something.
    pub prefix: String,
}

impl Address {
    /// Reads an address; without a scheme it is HTTP's.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn parse(text: &str) -> Result<Address, Error> {
        let wrong = |reason: &'static str| Error::Address { text: without_login(text).to_owned(), reason };
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let uri: Uri = whole.parse().map_err(|_| wrong("it is no URL such as http://127.0.0.1:4141"))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("only http:// and https:// are spoken")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a login does not belong there; a token goes into WEIR_TOKEN"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let port = match authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((_, port)) => port.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong("its port is no number from 1 to 65535"))?,
            None if tls => 443,
            None => 80,
        };
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Address { tls, host: host.to_owned(), port, authority: authority.to_string(), prefix })
    }

    /// Whether what is sent there leaves this machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        let loopback = self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        !loopback && !self.host.eq_ignore_ascii_case("localhost")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(formatter, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

/// The text without what stands before an `@`: it may be a password.
fn without_login(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_host_and_port() {
        let address = Address::parse("127.0.0.1:4141").unwrap();
        assert_eq!((address.tls, address.host.as_str(), address.port), (false, "127.0.0.1", 4141));
        assert_eq!(address.to_string(), "http://127.0.0.1:4141");
        let address = Address::parse("https://weir.example/behind/").unwrap();
        assert_eq!((address.tls, address.port, address.prefix.as_str()), (true, 443, "/behind"));
        let address = Address::parse("http://[::1]:4141").unwrap();
        assert_eq!((address.host.as_str(), address.port, address.authority.as_str()), ("::1", 4141, "[::1]:4141"));
        assert_eq!(Address::parse("http://[::1]").unwrap().port, 80);
    }

    #[test]
    fn what_is_no_address_is_refused_and_shows_no_password() {
        for (text, reason) in [
            ("ftp://x", "only http:// and https://"),
            ("http://:4141", ""),
            ("http://x:0", "its port"),
            ("http://x:99999", ""),
            ("http://x/?q=1", "it has a query"),
            ("", ""),
            ("http://a b", "it is no URL"),
            ("https://me:hunter2@x", "a login"),
        ] {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn only_loopback_stays_on_this_machine() {
        for (text, remote) in
            [("localhost:1", false), ("127.0.0.2:1", false), ("[::1]:1", false), ("10.0.0.1:1", true), ("weir.example", true)]
        {
            assert_eq!(Address::parse(text).unwrap().is_remote(), remote, "{text}");
        }
    }
}
