//! The demo's broker: a mock in this process, or topics of its own on a real cluster.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::mocking::MockCluster;

const PARTITIONS: i32 = 4;
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the demo runs.
pub(super) struct Broker {
    pub(super) bootstrap: String,
    pub(super) input: String,
    pub(super) output: String,
    /// What it is, for a person: a mock must never be taken for a broker.
    pub(super) description: String,
    mock: Option<mpsc::Sender<()>>,
}

impl Broker {
    /// Starts the mock, or makes the demo's topics on a real cluster.
    pub(super) async fn start(brokers: Option<&str>) -> anyhow::Result<Broker> {
        match brokers {
            None => mock(),
            Some(brokers) => real(brokers).await,
        }
    }

    /// Removes the topics from a real cluster. A mock's die with the process.
    pub(super) async fn clean_up(self) {
        if self.mock.is_some() {
            return;
        }
        if let Ok(admin) = admin(&self.bootstrap)
            && let Err(error) = admin.delete_topics(&[&self.input, &self.output], &options()).await
        {
            eprintln!("weir: topics {} and {} are left behind: {error}", self.input, self.output);
        }
    }
}

/// The mock lives on a thread of its own, since it must not change threads.
fn mock() -> anyhow::Result<Broker> {
    let (ready, started) = mpsc::channel();
    let (end, ended) = mpsc::channel::<()>();
    let (input, output) = ("flume.txn".to_owned(), "flume.auths".to_owned());
    let topics = [input.clone(), output.clone()];
    std::thread::Builder::new().name("mock broker".into()).spawn(move || {
        let cluster = MockCluster::new(1).and_then(|cluster| {
            for topic in &topics {
                cluster.create_topic(topic, PARTITIONS, 1)?;
            }
            Ok(cluster)
        });
        match cluster {
            Ok(cluster) => {
                let _ = ready.send(Ok(cluster.bootstrap_servers()));
                // Until the demo drops its end.
                let _ = ended.recv();
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    let bootstrap = started.recv().context("the mock broker's thread ended")?.map_err(|error| anyhow!("start the mock broker: {error}"))?;
    let description = format!("{bootstrap}: in-process mock (librdkafka), not durable");
    Ok(Broker { bootstrap, input, output, description, mock: Some(end) })
}

async fn real(brokers: &str) -> anyhow::Result<Broker> {
    let name = format!("weir-demo-{}", uuid::Uuid::new_v4().simple());
    let (input, output) = (format!("{name}-txn"), format!("{name}-auths"));
    let topics = [&input, &output].map(|topic| NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(-1)));
    let made = admin(brokers)?.create_topics(&topics, &options()).await.with_context(|| format!("make topics on {brokers}"))?;
    for topic in made {
        topic.map_err(|(topic, code)| anyhow!("make topic {topic} on {brokers}: {code}"))?;
    }
    Ok(Broker { bootstrap: brokers.to_owned(), input, output, description: brokers.to_owned(), mock: None })
}

fn admin(brokers: &str) -> anyhow::Result<AdminClient<DefaultClientContext>> {
    ClientConfig::new().set("bootstrap.servers", brokers).create().context("set up a Kafka client")
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT))
}
