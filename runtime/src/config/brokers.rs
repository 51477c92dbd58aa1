//! Where a Kafka cluster is, and whether two of them are the same.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Port of a ZooKeeper server that names none.
const ZOOKEEPER_PORT: u16 = 2181;

/// Where a Kafka cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brokers {
    /// `host:port,...`
    List(String),
    /// A ZooKeeper connect string (`host:port,...[/chroot]`): the brokers are those registered below `/brokers/ids`, as a Flume 1.6 agent finds them.
    ZooKeeper(String),
}

/// An address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing between the commas.
    #[error("no address is given")]
    Empty,
    /// Not `host:port`.
    #[error("`{0}` is not host:port")]
    Address(String),
    /// The path behind ZooKeeper's addresses.
    #[error("`{0}` is not a ZooKeeper path")]
    Chroot(String),
}

impl Brokers {
    /// A list of brokers, `host:port,...`; a security protocol before the host (`SSL://`), as Java allows, is dropped.
    ///
    /// # Errors
    /// When it is empty or an address is malformed.
    pub fn list(text: &str) -> Result<Brokers, Error> {
        let addresses = text.split(',').map(str::trim).filter(|address| !address.is_empty());
        let mut list = Vec::new();
        for address in addresses {
            let plain = address.split_once("://").map_or(address, |(_, plain)| plain);
            let (host, port) = host_and_port(plain)?;
            list.push(format!("{host}:{}", port.ok_or_else(|| Error::Address(address.to_owned()))?));
        }
        if list.is_empty() { Err(Error::Empty) } else { Ok(Brokers::List(list.join(","))) }
    }

    /// A ZooKeeper connect string.
    ///
    /// # Errors
    /// When it names no server, an address is malformed, or the chroot is.
    pub fn zookeeper(text: &str) -> Result<Brokers, Error> {
        zookeeper_connect(text).map(Brokers::ZooKeeper)
    }

    /// Whether both are surely the same cluster: a broker, or a host that is broker here and ZooKeeper there, is in both.
    #[must_use]
    pub fn overlap(&self, other: &Brokers) -> bool {
        let with_ports = matches!((self, other), (Brokers::List(_), Brokers::List(_)));
        !self.addresses(with_ports).is_disjoint(&other.addresses(with_ports))
    }

    fn addresses(&self, with_ports: bool) -> BTreeSet<String> {
        let (Brokers::List(text) | Brokers::ZooKeeper(text)) = self;
        let servers = text.split('/').next().unwrap_or_default();
        let address =
            |server: &str| if with_ports { server.to_owned() } else { server.rsplit_once(':').map_or(server, |(host, _)| host).to_owned() };
        servers.split(',').map(|server| address(server).to_lowercase()).collect()
    }
}

/// A ZooKeeper connect string with every port written out and without a slash at the end.
///
/// # Errors
/// When it names no server, an address is malformed, or the chroot is.
pub fn zookeeper_connect(text: &str) -> Result<String, Error> {
    let (servers, chroot) = match text.find('/') {
        Some(slash) => text.split_at(slash),
        None => (text, ""),
    };
    let mut list = Vec::new();
    for server in servers.split(',').map(str::trim).filter(|server| !server.is_empty()) {
        let (host, port) = host_and_port(server)?;
        list.push(format!("{host}:{}", port.unwrap_or(ZOOKEEPER_PORT)));
    }
    if list.is_empty() {
        return Err(Error::Empty);
    }
    let chroot = chroot.trim_end_matches('/');
    let is_name =
        |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains([',', ':']) && !name.chars().any(char::is_control);
    if !chroot.is_empty() && !chroot[1..].split('/').all(is_name) {
        return Err(Error::Chroot(chroot.to_owned()));
    }
    Ok(format!("{}{chroot}", list.join(",")))
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
fn host_and_port(address: &str) -> Result<(&str, Option<u16>), Error> {
    let malformed = || Error::Address(address.to_owned());
    let (host, port) = match address.rfind(']') {
        Some(bracket) => address.split_at(bracket + 1),
        None => address.find(':').map_or((address, ""), |colon| address.split_at(colon)),
    };
    let is_v6 =
        host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let is_name =
        !host.is_empty() && host.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_'));
    if !is_v6 && !is_name {
        return Err(malformed());
    }
    if port.is_empty() {
        return Ok((host, None));
    }
    let number = port.strip_prefix(':').and_then(|number| number.parse::<u16>().ok()).filter(|number| *number != 0);
    Ok((host, Some(number.ok_or_else(malformed)?)))
}

impl<'de> Deserialize<'de> for Brokers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Brokers, D::Error> {
        deserializer.deserialize_any(BrokersVisitor)
    }
}

impl Serialize for Brokers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Brokers::List(list) => serializer.serialize_str(list),
            Brokers::ZooKeeper(connect) => serializer.collect_map([("zookeeper", connect)]),
        }
    }
}

/// `"host:port,..."`, `["host:port", ...]` or `{ zookeeper = "host:port/chroot" }`.
struct BrokersVisitor;

impl<'de> Visitor<'de> for BrokersVisitor {
    type Value = Brokers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"host:port,...\", a list of those, or { zookeeper = \"host:port/chroot\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Brokers, E> {
        Brokers::list(text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Brokers, A::Error> {
        let mut list = Vec::new();
        while let Some(address) = sequence.next_element::<String>()? {
            list.push(address);
        }
        self.visit_str(&list.join(","))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Brokers, A::Error> {
        let mut connect = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != "zookeeper" {
                return Err(de::Error::unknown_field(&key, &["zookeeper"]));
            }
            connect = Some(map.next_value::<String>()?);
        }
        let connect = connect.ok_or_else(|| de::Error::missing_field("zookeeper"))?;
        Brokers::zookeeper(&connect).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_checked_and_tidied() {
        assert_eq!(Brokers::list(" a:9092 , SSL://[::1]:9093,").unwrap(), Brokers::List("a:9092,[::1]:9093".to_owned()));
        assert_eq!(Brokers::list(" , "), Err(Error::Empty));
        for text in ["a", "a:", "a:x", "a:0", "a:70000", "[::1]", "[a]:1", "[:1", "]:1", "a b:1", "a:1:2"] {
            assert!(matches!(Brokers::list(text), Err(Error::Address(_))), "{text}");
        }
    }

    #[test]
    fn a_zookeeper_string_has_default_ports_and_one_chroot() {
        assert_eq!(zookeeper_connect("a,b:2182/kafka/x/").unwrap(), "a:2181,b:2182/kafka/x");
        assert_eq!(zookeeper_connect("/kafka"), Err(Error::Empty));
        for text in ["a/b,c:1/d", "a//b", "a/.."] {
            assert!(matches!(zookeeper_connect(text), Err(Error::Chroot(_))), "{text}");
        }
    }

    #[test]
    fn clusters_overlap_by_broker_or_by_host_of_zookeeper() {
        let list = |text: &str| Brokers::list(text).unwrap();
        assert!(list("a:1,b:1").overlap(&list("B:1")));
        assert!(!list("a:1").overlap(&list("a:2")));
        assert!(list("a:9092").overlap(&Brokers::zookeeper("a:2181/kafka").unwrap()));
        assert!(!list("a:9092").overlap(&Brokers::zookeeper("b:2181").unwrap()));
    }
}
