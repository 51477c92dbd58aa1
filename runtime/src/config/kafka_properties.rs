//! Client properties of Kafka's Java clients (2.7, and the Scala ones of 0.8 that Flume 1.6 had) in the words of librdkafka.
//!
//! Most names are the same. What has another name or unit is translated, what has no counterpart is left out and said so, and every property
//! is shown to librdkafka, which knows the names and ranges: Java ignores an unknown name and refuses a wrong value, and so does this.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use serde::{Deserialize, Deserializer, de};

use super::jaas;
use super::keys::{Keys, Value};
use super::problem::{Problem, closest, quoted};
use super::secret::is_secret;

/// Whose properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `kafka.consumer.*`
    Consumer,
    /// `kafka.producer.*`
    Producer,
}

/// What becomes of a Java property.
enum Rule {
    /// Another name, same value.
    Renamed(&'static str),
    /// Another name, and kibibytes instead of bytes.
    Kibibytes(&'static str),
    /// A buffer size: Java's -1 (the system's) is librdkafka's 0.
    Buffer(&'static str),
    /// Set by Weir; whatever the file says.
    Forced,
    /// Has no effect here, and nobody misses it.
    Pointless,
    /// No counterpart; what to do instead.
    Dropped(&'static str),
}

use Rule::{Buffer, Dropped, Forced, Kibibytes, Pointless, Renamed};

const KEYSTORE: &str =
    "JKS key stores cannot be read: export the key and certificate as PEM, and set `ssl.key.location` and `ssl.certificate.location`";
const TRUSTSTORE: &str = "JKS trust stores cannot be read: export the certificates as PEM, and set `ssl.ca.location`";
const CIPHERS: &str = "the names are Java's: set `ssl.enabled.protocols` and ciphers in the system's OpenSSL configuration";
const OAUTH: &str = "use `sasl.oauthbearer.method` and its properties, which librdkafka documents";
const CODE: &str = "Java classes cannot be loaded";

const CONSUMER: &[(&str, Rule)] = &[
    ("auto.commit.interval.ms", Pointless),
    ("default.api.timeout.ms", Pointless),
    ("enable.auto.commit", Forced),
    ("exclude.internal.topics", Pointless),
    ("fetch.max.wait.ms", Renamed("fetch.wait.max.ms")),
    ("key.deserializer", Dropped("events carry the bytes as they are")),
    ("max.partition.fetch.bytes", Renamed("fetch.message.max.bytes")),
    ("max.poll.records", Dropped("the source's `batchSize` is the limit")),
    ("request.timeout.ms", Renamed("socket.timeout.ms")),
    ("timeout.ms", Pointless),
    ("value.deserializer", Dropped("events carry the bytes as they are")),
];

const PRODUCER: &[(&str, Rule)] = &[
    ("buffer.memory", Kibibytes("queue.buffering.max.kbytes")),
    ("key.serializer", Dropped("records carry the bytes as they are")),
    ("max.block.ms", Dropped("the sink waits as long as it takes")),
    ("max.request.size", Renamed("message.max.bytes")),
    ("metadata.max.idle.ms", Pointless),
    ("transactional.id", Dropped("transactions are not supported by this version")),
    ("type", Dropped("every write waits for its acknowledgement; `async` would lose events")),
    ("value.serializer", Dropped("records carry the bytes as they are")),
];

const BOTH: &[(&str, Rule)] = &[
    ("bootstrap.servers", Forced),
    ("interceptor.classes", Dropped(CODE)),
    ("metric.reporters", Dropped("metrics are at the agent's `/metrics`")),
    ("metrics.num.samples", Pointless),
    ("metrics.recording.level", Pointless),
    ("metrics.sample.window.ms", Pointless),
    ("receive.buffer.bytes", Buffer("socket.receive.buffer.bytes")),
    ("sasl.client.callback.handler.class", Dropped(CODE)),
    (
        "sasl.kerberos.kinit.cmd",
        Dropped("the ticket is renewed by librdkafka: see its `sasl.kerberos.kinit.cmd`, which is a whole command line"),
    ),
    ("sasl.kerberos.ticket.renew.jitter", Pointless),
    ("sasl.kerberos.ticket.renew.window.factor", Pointless),
    ("sasl.login.callback.handler.class", Dropped(OAUTH)),
    ("sasl.login.class", Dropped(CODE)),
    ("sasl.login.refresh.buffer.seconds", Pointless),
    ("sasl.login.refresh.min.period.seconds", Pointless),
    ("sasl.login.refresh.window.factor", Pointless),
    ("sasl.login.refresh.window.jitter", Pointless),
    ("security.providers", Dropped(CODE)),
    ("send.buffer.bytes", Buffer("socket.send.buffer.bytes")),
    ("socket.connection.setup.timeout.max.ms", Pointless),
    ("ssl.cipher.suites", Dropped(CIPHERS)),
    ("ssl.enabled.protocols", Dropped(CIPHERS)),
    ("ssl.engine.factory.class", Dropped(CODE)),
    ("ssl.keymanager.algorithm", Pointless),
    ("ssl.keystore.certificate.chain", Renamed("ssl.certificate.pem")),
    ("ssl.keystore.key", Renamed("ssl.key.pem")),
    ("ssl.keystore.type", Pointless),
    ("ssl.protocol", Dropped(CIPHERS)),
    ("ssl.provider", Dropped(CODE)),
    ("ssl.secure.random.implementation", Pointless),
    ("ssl.trustmanager.algorithm", Pointless),
    ("ssl.truststore.certificates", Renamed("ssl.ca.pem")),
    ("ssl.truststore.password", Pointless),
    ("ssl.truststore.type", Pointless),
];

/// Properties with the same name in both, for "did you mean" only.
const SAME: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "batch.size",
    "check.crcs",
    "client.id",
    "client.rack",
    "compression.type",
    "connections.max.idle.ms",
    "delivery.timeout.ms",
    "enable.idempotence",
    "fetch.max.bytes",
    "fetch.min.bytes",
    "group.instance.id",
    "heartbeat.interval.ms",
    "isolation.level",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.poll.interval.ms",
    "metadata.max.age.ms",
    "partition.assignment.strategy",
    "partitioner.class",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "retries",
    "retry.backoff.ms",
    "sasl.jaas.config",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.truststore.location",
];

/// `kafka.<property>` of Flume 1.6: Scala's property and the Java one it became, `None` where it has no meaning any more.
const OLD_CONSUMER: &[(&str, Option<&str>)] = &[
    ("auto.commit.enable", None),
    ("auto.commit.interval.ms", None),
    ("auto.offset.reset", Some("auto.offset.reset")),
    ("client.id", Some("client.id")),
    ("consumer.id", None),
    ("dual.commit.enabled", None),
    ("fetch.message.max.bytes", Some("max.partition.fetch.bytes")),
    ("fetch.min.bytes", Some("fetch.min.bytes")),
    ("fetch.wait.max.ms", Some("fetch.max.wait.ms")),
    ("num.consumer.fetchers", None),
    ("offsets.storage", None),
    ("queued.max.message.chunks", None),
    ("rebalance.backoff.ms", None),
    ("rebalance.max.retries", None),
    ("refresh.leader.backoff.ms", None),
    ("socket.receive.buffer.bytes", Some("receive.buffer.bytes")),
    ("socket.timeout.ms", Some("request.timeout.ms")),
    ("zookeeper.connection.timeout.ms", None),
    ("zookeeper.session.timeout.ms", None),
    ("zookeeper.sync.time.ms", None),
];

const OLD_PRODUCER: &[(&str, Option<&str>)] = &[
    ("batch.num.messages", None),
    ("client.id", Some("client.id")),
    ("compressed.topics", None),
    ("compression.codec", Some("compression.type")),
    ("message.send.max.retries", Some("retries")),
    ("queue.buffering.max.messages", None),
    ("queue.buffering.max.ms", None),
    ("queue.enqueue.timeout.ms", None),
    ("request.required.acks", Some("acks")),
    ("request.timeout.ms", Some("request.timeout.ms")),
    ("retry.backoff.ms", Some("retry.backoff.ms")),
    ("send.buffer.bytes", Some("send.buffer.bytes")),
    ("topic.metadata.refresh.interval.ms", None),
];

impl Role {
    fn rule(self, name: &str) -> Option<&'static Rule> {
        self.own().iter().chain(BOTH).find(|(property, _)| *property == name).map(|(_, rule)| rule)
    }

    fn own(self) -> &'static [(&'static str, Rule)] {
        match self {
            Role::Consumer => CONSUMER,
            Role::Producer => PRODUCER,
        }
    }

    fn meant(self, name: &str) -> Option<&'static str> {
        let ruled = self.own().iter().chain(BOTH).map(|(property, _)| *property);
        closest(name, ruled.chain(SAME.iter().copied()))
    }

    /// What Weir sets itself, in librdkafka's names.
    fn forced(self) -> &'static [&'static str] {
        match self {
            Role::Consumer => &["bootstrap.servers", "metadata.broker.list", "group.id", "enable.auto.commit", "auto.commit.enable"],
            Role::Producer => &["bootstrap.servers", "metadata.broker.list", "transactional.id"],
        }
    }

    /// Flume reads on from the end of a topic, as Kafka does; a producer of Kafka's Java client places keys by murmur2.
    fn defaults(self, offset_reset: &'static str) -> (&'static str, &'static str) {
        match self {
            Role::Consumer => ("auto.offset.reset", offset_reset),
            Role::Producer => ("partitioner", "murmur2_random"),
        }
    }
}

/// Adds the `kafka.<property>` of Flume 1.6 under their new names; Flume 1.7 and later ignore them. A new name that is set wins.
pub fn adopt_old(role: Role, keys: &mut Keys, properties: &mut BTreeMap<String, Value>) {
    let (table, prefix) = match role {
        Role::Consumer => (OLD_CONSUMER, "kafka.consumer."),
        Role::Producer => (OLD_PRODUCER, "kafka.producer."),
    };
    for (old, new) in table {
        let Some(value) = keys.get(&format!("kafka.{old}")) else { continue };
        let problem = match new {
            Some(new) if properties.contains_key(*new) => {
                Problem::warning(format!("`kafka.{old}` is ignored, since `{prefix}{new}` is set"))
            }
            Some(new) => Problem::warning(format!("`kafka.{old}` is of Flume 1.6: taken for `{prefix}{new}`"))
                .help(format!("use `{}`", keys.full(&format!("{prefix}{new}")))),
            None => Problem::warning(format!("`kafka.{old}` of Flume 1.6 has no meaning any more, ignored")),
        };
        keys.report(problem.key(value.key.clone()).at(value.key_place()));
        if let Some(new) = new {
            properties.entry((*new).to_owned()).or_insert(value);
        }
    }
}

/// Translates the properties behind `kafka.consumer.` or `kafka.producer.`, with Flume's defaults; tells `keys` what it had to leave out.
pub fn translate(role: Role, properties: &BTreeMap<String, Value>, keys: &Keys) -> BTreeMap<String, String> {
    let mut translation = Translation { role, properties, keys, client: BTreeMap::new() };
    for (name, value) in properties {
        translation.property(name, value);
    }
    let mut client = translation.client;
    let (name, default) = role.defaults("latest");
    client.entry(name.to_owned()).or_insert_with(|| default.to_owned());
    client
}

struct Translation<'a> {
    role: Role,
    properties: &'a BTreeMap<String, Value>,
    keys: &'a Keys,
    client: BTreeMap<String, String>,
}

impl Translation<'_> {
    fn property(&mut self, name: &str, value: &Value) {
        if self.special(name, value) {
            return;
        }
        match self.role.rule(name) {
            None => self.set(name, &value.text, value),
            Some(Renamed(new)) => self.set(new, &value.text, value),
            Some(Kibibytes(new)) => match value.text.parse::<u64>() {
                Ok(bytes) => self.set(new, &bytes.div_ceil(1024).to_string(), value),
                Err(_) => self.wrong(value, "is not a number of bytes"),
            },
            Some(Buffer(new)) => self.set(new, if value.text == "-1" { "0" } else { &value.text }, value),
            Some(Forced) => self.forced(name, value),
            Some(Pointless) => {}
            Some(Dropped(advice)) => self.dropped(name, value, advice),
        }
    }

    /// Properties whose value changes, or that depend on another one.
    fn special(&mut self, name: &str, value: &Value) -> bool {
        match (self.role, name) {
            (Role::Consumer, "auto.offset.reset") => {
                let reset = match value.text.as_str() {
                    "none" => "error",
                    "smallest" => "earliest",
                    "largest" => "latest",
                    other => other,
                };
                self.set(name, &reset.to_owned(), value);
            }
            (Role::Consumer, "partition.assignment.strategy") => self.assignors(name, value),
            (Role::Producer, "acks") => self.acks(value),
            (Role::Producer, "partitioner.class") => self.partitioner(name, value),
            (_, "client.dns.lookup") if value.text == "default" => self.set(name, "use_all_dns_ips", value),
            (_, "security.protocol") => self.set(name, &value.text.to_ascii_lowercase(), value),
            (_, "ssl.endpoint.identification.algorithm") => self.set(name, &value.text.to_ascii_lowercase(), value),
            (_, "ssl.disableTLSHostnameVerification") => {
                if value.text.eq_ignore_ascii_case("true") {
                    self.set("ssl.endpoint.identification.algorithm", "none", value);
                }
            }
            (_, "sasl.jaas.config") => self.login(value),
            (_, "ssl.keystore.location") => self.key_store(name, value),
            (_, "ssl.keystore.password") => {
                if self.store_type("ssl.keystore.type") == "PKCS12" {
                    self.set(name, &value.text, value);
                }
            }
            (_, "ssl.truststore.location") if self.store_type("ssl.truststore.type") == "PEM" => {
                self.set("ssl.ca.location", &value.text, value);
            }
            (_, "ssl.truststore.location") => self.dropped(name, value, TRUSTSTORE),
            _ => return false,
        }
        true
    }

    fn assignors(&mut self, name: &str, value: &Value) {
        let mut strategies = Vec::new();
        for class in value.text.split(',').map(str::trim) {
            strategies.push(match class.rsplit('.').next().unwrap_or(class) {
                "RangeAssignor" | "range" => "range",
                "RoundRobinAssignor" | "roundrobin" => "roundrobin",
                "CooperativeStickyAssignor" | "StickyAssignor" | "cooperative-sticky" => "cooperative-sticky",
                _ => return self.dropped(name, value, "use RangeAssignor, RoundRobinAssignor or CooperativeStickyAssignor"),
            });
        }
        strategies.dedup();
        self.set(name, &strategies.join(","), value);
    }

    fn acks(&mut self, value: &Value) {
        if matches!(value.text.as_str(), "0" | "1") {
            let message = format!("with acks = {} a record can be lost when a broker fails, after its offset was committed", value.text);
            self.report(
                Problem::warning(message).help("leave it out: the sink then waits for all replicas, with an idempotent producer"),
                value,
            );
        }
        self.set("acks", &value.text, value);
    }

    fn partitioner(&mut self, name: &str, value: &Value) {
        match value.text.rsplit('.').next().unwrap_or_default() {
            "DefaultPartitioner" | "UniformStickyPartitioner" => self.set("partitioner", "murmur2_random", value),
            "RoundRobinPartitioner" => self.set("partitioner", "random", value),
            _ => self.dropped(name, value, CODE),
        }
    }

    fn login(&mut self, value: &Value) {
        match jaas::parse(&value.text) {
            Ok(properties) => {
                for (name, text) in properties {
                    self.set(name, &text, value);
                }
            }
            Err(error) => self.report(Problem::error(format!("`sasl.jaas.config` cannot be used: {error}")), value),
        }
    }

    fn store_type(&self, name: &str) -> String {
        self.properties.get(name).map_or_else(|| "JKS".to_owned(), |value| value.text.to_ascii_uppercase())
    }

    fn key_store(&mut self, name: &str, value: &Value) {
        match self.store_type("ssl.keystore.type").as_str() {
            "PKCS12" => self.set(name, &value.text, value),
            // One PEM file holds the key and the certificates.
            "PEM" => {
                self.set("ssl.key.location", &value.text, value);
                self.set("ssl.certificate.location", &value.text, value);
            }
            _ => self.dropped(name, value, KEYSTORE),
        }
    }

    /// Sets a property that librdkafka accepts; a name that an explicit property has taken stays.
    fn set(&mut self, name: &str, text: &str, value: &Value) {
        match accepts(name, text) {
            Ok(()) => {
                self.client.insert(name.to_owned(), text.to_owned());
            }
            Err(Refusal::Unknown) => {
                let mut problem = Problem::lenient(format!("the Kafka client has no property {}, ignored", quoted(name)));
                if let Some(meant) = self.role.meant(name) {
                    problem = problem.help(format!("did you mean `{meant}`?"));
                }
                self.keys.report(problem.key(value.key.clone()).at(value.key_place()));
            }
            Err(Refusal::NotBuilt) => {
                let problem = Problem::error(format!("this build of Weir cannot use {}", quoted(name)));
                self.report(problem.help("build it with `--features tls` (for Kerberos, `--features gssapi`)"), value);
            }
            Err(Refusal::Invalid) => self.wrong(value, "is refused by the Kafka client"),
        }
    }

    fn wrong(&self, value: &Value, what: &str) {
        self.report(Problem::error(format!("{} {what}", value.shown())), value);
    }

    fn forced(&self, name: &str, value: &Value) {
        if name == "enable.auto.commit" && value.text.eq_ignore_ascii_case("false") {
            return;
        }
        let problem = Problem::warning(format!("`{name}` is set by the agent, ignored"));
        self.keys.report(problem.key(value.key.clone()).at(value.key_place()));
    }

    fn dropped(&self, name: &str, value: &Value, advice: &str) {
        let problem = Problem::warning(format!("`{name}` has no counterpart here, ignored")).help(advice);
        self.keys.report(problem.key(value.key.clone()).at(value.key_place()));
    }

    fn report(&self, problem: Problem, value: &Value) {
        self.keys.report(problem.key(value.key.clone()).at(value.place()));
    }
}

/// Why librdkafka does not take a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Unknown,
    Invalid,
    NotBuilt,
}

/// Asks librdkafka, which connects nowhere for that.
fn accepts(name: &str, text: &str) -> Result<(), Refusal> {
    match ClientConfig::new().set(name, text).create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => Err(Refusal::Unknown),
        Err(KafkaError::ClientConfig(_, description, ..)) if description.contains("not supported in this build") => Err(Refusal::NotBuilt),
        Err(_) => Err(Refusal::Invalid),
    }
}

/// A property of the native form: any scalar.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(i64),
    Boolean(bool),
}

/// Reads the native form's `client` table, which has librdkafka's own names.
fn client<'de, D: Deserializer<'de>>(role: Role, deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let written = BTreeMap::<String, Scalar>::deserialize(deserializer);
    // The cause would show the value, which may be a secret.
    let written = written.map_err(|_| de::Error::custom("client properties are strings, numbers or booleans"))?;
    let mut client = defaults(role);
    for (name, scalar) in written {
        let text = match scalar {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
            Scalar::Boolean(boolean) => boolean.to_string(),
        };
        if role.forced().contains(&name.as_str()) {
            return Err(de::Error::custom(format!("`{name}` is set by the agent")));
        }
        let shown = if is_secret(&name) { "the value".to_owned() } else { quoted(&text) };
        accepts(&name, &text).map_err(|refusal| match refusal {
            Refusal::Unknown => de::Error::custom(format!("the Kafka client has no property `{name}`")),
            Refusal::Invalid => de::Error::custom(format!("{shown} is refused by the Kafka client for `{name}`")),
            Refusal::NotBuilt => de::Error::custom(format!("this build of Weir cannot use `{name}`: build it with `--features tls`")),
        })?;
        client.insert(name, text);
    }
    Ok(client)
}

fn defaults(role: Role) -> BTreeMap<String, String> {
    let (name, default) = role.defaults("earliest");
    BTreeMap::from([(name.to_owned(), default.to_owned())])
}

/// Client properties of a consumer when the native form names none: it reads a topic from its beginning.
#[must_use]
pub fn consumer_defaults() -> BTreeMap<String, String> {
    defaults(Role::Consumer)
}

/// Client properties of a producer when the native form names none.
#[must_use]
pub fn producer_defaults() -> BTreeMap<String, String> {
    defaults(Role::Producer)
}

/// For `#[serde(deserialize_with)]` on a consumer's client properties.
///
/// # Errors
/// On a property that librdkafka does not take or that the agent sets.
pub fn consumer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    client(Role::Consumer, deserializer)
}

/// For `#[serde(deserialize_with)]` on a producer's client properties.
///
/// # Errors
/// On a property that librdkafka does not take or that the agent sets.
pub fn producer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    client(Role::Producer, deserializer)
}
