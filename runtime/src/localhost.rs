//! This host's name and address, as Java's `InetAddress.getLocalHost` gives them to Flume. Each call may ask the resolver and wait for it: call
//! once, at start.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};

/// The host name the kernel has.
pub fn name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The address of this host: what its name resolves to, but rather any other than a loopback one (Debian resolves a host's own name to
/// 127.0.1.1). A host with nothing else has 127.0.0.1.
pub fn address() -> IpAddr {
    let resolved = (name(), 0).to_socket_addrs().map(Iterator::collect::<Vec<SocketAddr>>).unwrap_or_default();
    let resolved = resolved.into_iter().map(|address| address.ip());
    resolved
        .into_iter()
        .chain(outgoing())
        .find(|address| !address.is_loopback() && !address.is_unspecified())
        .unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// The full name of this host: what its address resolves back to, else `None`.
pub fn canonical_name() -> Option<String> {
    let address = address();
    // The resolver answers an address without a name with the address itself.
    dns_lookup::lookup_addr(&address).ok().filter(|name| name.parse::<IpAddr>().is_err())
}

/// The addresses that packets to the world would leave from. Connecting a UDP socket sends nothing; both targets are reserved for documentation
/// (RFC 5737, RFC 3849), so that no packet could arrive anywhere.
fn outgoing() -> impl Iterator<Item = IpAddr> {
    let routes = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    routes.into_iter().filter_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_that_a_socket_can_be_bound_to() {
        UdpSocket::bind((address(), 0)).expect("an address of this host");
    }

    #[test]
    fn the_names_are_names() {
        assert!(!name().is_empty());
        assert!(canonical_name().is_none_or(|name| !name.is_empty() && name.parse::<IpAddr>().is_err()));
    }
}
