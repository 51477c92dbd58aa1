//! A real Flume 1.11 with the rules of `fraud-score` in Java.

use std::path::PathBuf;
use std::sync::LazyLock;

use weir_tests::harness::broker::Machine;
use weir_tests::harness::configuration::Pipeline;
use weir_tests::harness::flume::{Flume, Options};
use weir_tests::harness::maven;

/// Compiled once a run: it needs a JDK, where all else needs a JRE.
static CLASSES: LazyLock<PathBuf> = LazyLock::new(|| maven::compile("FraudScore", include_str!("FraudScore.java"), maven::FLUME));

/// What Weir does unasked: the broker's full acknowledgement, and headers that an interceptor sets are written. The channel never is what it waits for.
const MORE: &str = "SOURCE.interceptors = score
SOURCE.interceptors.score.type = FraudScore$Builder
CHANNEL.capacity = 100000
SINK.kafka.producer.acks = all
SINK.header.fraud.score = fraud.score
SINK.header.fraud.verdict = fraud.verdict";

/// Starts it on the same properties as Weir, and these.
pub fn start(pipeline: Pipeline<'_>) -> Flume {
    let name = pipeline.name;
    let properties = Pipeline { more: MORE, ..pipeline }.properties();
    Flume::start(&properties, name, Options { machine: Some(Machine::Fast), classes: Some(&CLASSES), ..Options::default() })
}
