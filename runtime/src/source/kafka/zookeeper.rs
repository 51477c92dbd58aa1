//! What a Kafka of its time kept in ZooKeeper and a Flume 1.6 agent reads there: the brokers, and a group's offsets.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use serde::Deserialize;
use zookeeper_client::Client;

use crate::config::{BrokersError, zookeeper_connect};

/// ZooKeeper does not tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connect string is malformed.
    #[error("ZooKeeper connect string: {0}")]
    Connect(#[from] BrokersError),
    /// No server answers in time.
    #[error("no ZooKeeper server of {servers} answers within {within:?}")]
    Unreachable {
        /// `host:port,...`
        servers: String,
        /// The time given.
        within: Duration,
    },
    /// A server answers with an error.
    #[error("ask ZooKeeper {servers} for {path}")]
    Ask {
        /// `host:port,...`
        servers: String,
        /// The node.
        path: String,
        /// What it answered.
        #[source]
        source: zookeeper_client::Error,
    },
    /// No broker is registered: none runs, or the chroot is another.
    #[error("no broker is registered in ZooKeeper {servers} below {path}: is the chroot right, and does a broker run?")]
    NoBroker {
        /// `host:port,...`
        servers: String,
        /// The node.
        path: String,
    },
    /// Brokers are registered, but none with an endpoint that can be used.
    #[error("no broker in ZooKeeper {servers} has an endpoint for {protocol}")]
    NoEndpoint {
        /// `host:port,...`
        servers: String,
        /// `PLAINTEXT`, `SSL`, ...
        protocol: String,
    },
    /// A node holds something else than expected.
    #[error("ZooKeeper node {path} holds no {expected}")]
    Malformed {
        /// The node.
        path: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// The brokers registered below `<chroot>/brokers/ids`, as `host:port,...`: of every broker the endpoint of this security protocol
/// (`security.protocol`, any case), or for `plaintext` the host and port that brokers before 0.9 registered.
///
/// # Errors
/// When no server answers within `timeout`, or no broker with such an endpoint is registered.
pub async fn brokers(connect: &str, protocol: &str, timeout: Duration) -> Result<String, Error> {
    let session = Session::new(connect, timeout)?;
    session.within(timeout, session.brokers(protocol)).await
}

/// The group's offsets of a topic: partition -> the next offset to read. Empty when there are none.
///
/// # Errors
/// When no server answers within `timeout`, or an offset is no number.
pub async fn offsets(connect: &str, group: &str, topic: &str, timeout: Duration) -> Result<BTreeMap<i32, i64>, Error> {
    let session = Session::new(connect, timeout)?;
    session.within(timeout, session.offsets(group, topic)).await
}

/// Servers and the path they are asked below. Paths are joined here and not by the client's own chroot, so that errors name them whole.
struct Session {
    servers: String,
    chroot: String,
    timeout: Duration,
}

impl Session {
    fn new(connect: &str, timeout: Duration) -> Result<Session, Error> {
        let connect = zookeeper_connect(connect)?;
        let (servers, chroot) = connect.find('/').map_or((connect.as_str(), ""), |slash| connect.split_at(slash));
        Ok(Session { servers: servers.to_owned(), chroot: chroot.to_owned(), timeout })
    }

    async fn within<T>(&self, timeout: Duration, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        match tokio::time::timeout(timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unreachable()),
        }
    }

    fn unreachable(&self) -> Error {
        Error::Unreachable { servers: self.servers.clone(), within: self.timeout }
    }

    fn failed(&self, path: &str, source: zookeeper_client::Error) -> Error {
        match source {
            zookeeper_client::Error::NoHosts | zookeeper_client::Error::Timeout | zookeeper_client::Error::ConnectionLoss => {
                self.unreachable()
            }
            source => Error::Ask { servers: self.servers.clone(), path: path.to_owned(), source },
        }
    }

    async fn client(&self) -> Result<Client, Error> {
        let connector = Client::connector().with_session_timeout(self.timeout).with_connection_timeout(self.timeout);
        connector.connect(&self.servers).await.map_err(|source| self.failed("/", source))
    }

    /// Names of a node's children; `None` when there is no such node.
    async fn children(&self, client: &Client, path: &str) -> Result<Option<Vec<String>>, Error> {
        match client.list_children(path).await {
            Ok(children) => Ok(Some(children)),
            Err(zookeeper_client::Error::NoNode) => Ok(None),
            Err(source) => Err(self.failed(path, source)),
        }
    }

    async fn brokers(&self, protocol: &str) -> Result<String, Error> {
        let client = self.client().await?;
        let path = format!("{}/brokers/ids", self.chroot);
        let ids = self.children(&client, &path).await?.unwrap_or_default();
        if ids.is_empty() {
            return Err(Error::NoBroker { servers: self.servers.clone(), path });
        }
        let mut addresses = Vec::new();
        for id in ids {
            let path = format!("{path}/{id}");
            let registered = match client.get_data(&path).await {
                Ok((registered, _)) => registered,
                // It went away since it was listed.
                Err(zookeeper_client::Error::NoNode) => continue,
                Err(source) => return Err(self.failed(&path, source)),
            };
            let registration = Registration::parse(&registered).ok_or(Error::Malformed { path, expected: "broker registration (JSON)" })?;
            addresses.extend(registration.address(protocol));
        }
        if addresses.is_empty() {
            return Err(Error::NoEndpoint { servers: self.servers.clone(), protocol: protocol.to_ascii_uppercase() });
        }
        addresses.sort();
        Ok(addresses.join(","))
    }

    async fn offsets(&self, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>, Error> {
        let client = self.client().await?;
        let path = format!("{}/consumers/{group}/offsets/{topic}", self.chroot);
        let mut offsets = BTreeMap::new();
        for name in self.children(&client, &path).await?.unwrap_or_default() {
            let path = format!("{path}/{name}");
            let (text, _) = client.get_data(&path).await.map_err(|source| self.failed(&path, source))?;
            let partition = name.parse().ok().filter(|partition| *partition >= 0);
            let offset = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).filter(|offset| *offset >= 0);
            let (Some(partition), Some(offset)) = (partition, offset) else {
                return Err(Error::Malformed { path, expected: "offset of a partition" });
            };
            offsets.insert(partition, offset);
        }
        Ok(offsets)
    }
}

/// What a broker writes about itself: `endpoints` since 0.9, `host` and `port` always, though empty when it has no plain listener.
#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    endpoints: Vec<String>,
    /// Which protocol a listener of another name speaks (since 0.10.2).
    #[serde(default)]
    listener_security_protocol_map: BTreeMap<String, String>,
    host: Option<String>,
    port: Option<i32>,
}

impl Registration {
    fn parse(registered: &[u8]) -> Option<Registration> {
        serde_json::from_slice(registered).ok()
    }

    fn address(&self, protocol: &str) -> Option<String> {
        let speaks = |listener: &str| {
            self.listener_security_protocol_map.get(listener).map_or(listener, String::as_str).eq_ignore_ascii_case(protocol)
        };
        let endpoint = self.endpoints.iter().filter_map(|endpoint| endpoint.split_once("://")).find(|(listener, _)| speaks(listener));
        if let Some((_, address)) = endpoint {
            return Some(address.to_owned());
        }
        let host = self.host.as_deref().filter(|host| !host.is_empty() && protocol.eq_ignore_ascii_case("plaintext"))?;
        let port = self.port.filter(|port| *port > 0)?;
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(json: &str, protocol: &str) -> Option<String> {
        Registration::parse(json.as_bytes()).unwrap().address(protocol)
    }

    #[test]
    fn the_endpoint_of_the_protocol_is_taken() {
        let json = r#"{"endpoints":["SSL://b:9093","PLAINTEXT://[::1]:9092"],"host":"x","port":1,"version":4}"#;
        assert_eq!(address(json, "ssl").as_deref(), Some("b:9093"));
        assert_eq!(address(json, "plaintext").as_deref(), Some("[::1]:9092"));
        assert_eq!(address(json, "sasl_ssl"), None);
    }

    #[test]
    fn named_listeners_are_looked_up() {
        let json = r#"{"listener_security_protocol_map":{"IN":"PLAINTEXT","OUT":"SASL_SSL"},"endpoints":["IN://a:1","OUT://a:2"]}"#;
        assert_eq!(address(json, "SASL_SSL").as_deref(), Some("a:2"));
    }

    #[test]
    fn old_brokers_have_host_and_port() {
        assert_eq!(address(r#"{"version":1,"host":"::1","port":9092}"#, "PLAINTEXT").as_deref(), Some("[::1]:9092"));
        assert_eq!(address(r#"{"version":4,"host":null,"port":-1}"#, "PLAINTEXT"), None);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_be_unreachable() {
        let error = brokers("127.0.0.1:1/kafka", "plaintext", Duration::from_millis(300)).await.unwrap_err();
        assert!(matches!(&error, Error::Unreachable { servers, .. } if servers == "127.0.0.1:1"), "{error}");
        assert!(matches!(offsets("a b", "g", "t", Duration::from_secs(1)).await.unwrap_err(), Error::Connect(_)));
    }
}
