//! Client properties of Kafka's Java clients (2.7, and the Scala ones of 0.8 that Flume 1.6 had) in the words of librdkafka.
//!
//! Most names are the same. What has another name or unit is translated, what has no counterpart is left out and said so, and every property
//! is shown to librdkafka, which knows the names and ranges: Java ignores an unknown name and refuses a wrong value, and so does this.

mod table;

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use serde::{Deserialize, Deserializer, de};

use super::jaas;
use super::keys::{Keys, Value};
use super::problem::{Problem, closest, quoted};
use super::secret::is_secret;
use table::Rule::{Buffer, Dropped, Forced, Kibibytes, Pointless, Renamed};
use table::{BOTH, CONSUMER, OLD_CONSUMER, OLD_PRODUCER, PRODUCER, Rule, SAME};

/// The one name used here of those that librdkafka has for a property. A client's settings have no order, so that of two names for one property
/// either could win: a default, say, over what the user wants.
pub(crate) fn one_name(name: &str) -> &str {
    match name {
        "queue.buffering.max.ms" => "linger.ms",
        "delivery.timeout.ms" => "message.timeout.ms",
        "request.required.acks" => "acks",
        "message.send.max.retries" => "retries",
        "compression.codec" => "compression.type",
        "max.in.flight" => "max.in.flight.requests.per.connection",
        "fetch.message.max.bytes" => "max.partition.fetch.bytes",
        "sasl.mechanism" => "sasl.mechanisms",
        name => name,
    }
}

/// What was set of a property, by whichever of its names.
pub(crate) fn find<'a>(client: &'a BTreeMap<String, String>, property: &str) -> Option<&'a str> {
    client.iter().find(|(name, _)| one_name(name) == property).map(|(_, value)| value.as_str())
}

/// Whose properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `kafka.consumer.*`
    Consumer,
    /// `kafka.producer.*`
    Producer,
}

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
                Problem::warning(format!("`kafka.{old}` is ignored, since `{prefix}{new}` is set")).same()
            }
            Some(new) => Problem::warning(format!("`kafka.{old}` is of Flume 1.6: taken for `{prefix}{new}`"))
                .help(format!("use `{}`", keys.full(&format!("{prefix}{new}"))))
                .same(),
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
                self.set(name, reset, value);
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
            (_, "ssl.truststore.location") => self.dropped(name, value, table::TRUSTSTORE),
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
                Problem::warning(message).help("leave it out: the sink then waits for all replicas, with an idempotent producer").same(),
                value,
            );
        }
        self.set("acks", &value.text, value);
    }

    fn partitioner(&mut self, name: &str, value: &Value) {
        match value.text.rsplit('.').next().unwrap_or_default() {
            "DefaultPartitioner" | "UniformStickyPartitioner" => self.set("partitioner", "murmur2_random", value),
            "RoundRobinPartitioner" => self.set("partitioner", "random", value),
            _ => self.dropped(name, value, table::CODE),
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
            _ => self.dropped(name, value, table::KEYSTORE),
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
