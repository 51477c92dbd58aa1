//! What becomes of each property of Kafka's Java clients, and of the Scala ones before them.

/// What becomes of a Java property.
pub(super) enum Rule {
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

pub(super) const KEYSTORE: &str =
    "JKS key stores cannot be read: export the key and certificate as PEM, and set `ssl.key.location` and `ssl.certificate.location`";
pub(super) const TRUSTSTORE: &str = "JKS trust stores cannot be read: export the certificates as PEM, and set `ssl.ca.location`";
const CIPHERS: &str = "the names are Java's: set `ssl.enabled.protocols` and ciphers in the system's OpenSSL configuration";
const OAUTH: &str = "use `sasl.oauthbearer.method` and its properties, which librdkafka documents";
pub(super) const CODE: &str = "Java classes cannot be loaded";

pub(super) const CONSUMER: &[(&str, Rule)] = &[
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

pub(super) const PRODUCER: &[(&str, Rule)] = &[
    ("buffer.memory", Kibibytes("queue.buffering.max.kbytes")),
    ("key.serializer", Dropped("records carry the bytes as they are")),
    ("max.block.ms", Dropped("the sink waits as long as it takes")),
    ("max.request.size", Renamed("message.max.bytes")),
    ("metadata.max.idle.ms", Pointless),
    ("transactional.id", Dropped("transactions are not supported by this version")),
    ("type", Dropped("every write waits for its acknowledgement; `async` would lose events")),
    ("value.serializer", Dropped("records carry the bytes as they are")),
];

pub(super) const BOTH: &[(&str, Rule)] = &[
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
pub(super) const SAME: &[&str] = &[
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
pub(super) const OLD_CONSUMER: &[(&str, Option<&str>)] = &[
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

pub(super) const OLD_PRODUCER: &[(&str, Option<&str>)] = &[
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
