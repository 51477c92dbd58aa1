//! The files in `conf/`.

use std::path::PathBuf;

use weir::channel::Spec as Channel;
use weir::config::spec::AgentSpec;
use weir::config::{self, Brokers, Load, Problem, Severity};
use weir::interceptor::Spec as Interceptor;
use weir::sink::Spec as Sink;
use weir::source::Spec as Source;

fn load(file: &str, plugin_map: &[&str]) -> Result<config::Loaded, config::Error> {
    let plugin_map = plugin_map.iter().map(|entry| (*entry).to_owned()).collect();
    config::load(&Load { conf_file: vec![PathBuf::from(file)], plugin_map, ..Load::default() })
}

fn seed() -> (AgentSpec, Vec<Problem>) {
    let loaded = load("../conf/flume1.properties", &["../conf/plugin-map.toml"]).unwrap();
    (loaded.spec, loaded.warnings)
}

#[test]
fn the_seeds_pipeline_is_read_as_it_is_meant() {
    let (agent, _) = seed();
    let [pipeline] = agent.pipelines.as_slice() else { panic!("{agent:?}") };
    let Source::Kafka(source) = &pipeline.sources[0].kind else { panic!("{pipeline:?}") };
    assert_eq!(source.brokers, Brokers::ZooKeeper("kafka1.ent.cloudera.com:2181/kafka".to_owned()));
    assert_eq!((source.batch_size.get(), source.batch_duration.as_millis()), (5, 200));
    assert_eq!(source.client["auto.offset.reset"], "latest");
    let Interceptor::Wasm(wasm) = &pipeline.sources[0].interceptors[0].kind else { panic!("{pipeline:?}") };
    assert_eq!(wasm.plugin, PathBuf::from("../conf/../plugins/fraud-score/fraud-score.wasm"));
    assert_eq!((wasm.instances, wasm.settings.len()), (Some(200), 0));
    let Sink::Kafka(sink) = &pipeline.sinks[0].kind else { panic!("{pipeline:?}") };
    assert_eq!((sink.topic.as_str(), sink.ignore_source_topic), ("flume.auths", true));
}

#[test]
fn the_seeds_topic_trap_is_told_and_does_not_stop_it() {
    let (_, warnings) = seed();
    let trap: Vec<&Problem> = warnings.iter().filter(|problem| problem.message.contains("goes back to where it was read")).collect();
    assert_eq!(trap.len(), 1, "{warnings:?}");
    assert_eq!((trap[0].severity, trap[0].help.len()), (Severity::Warning, 4));
}

#[test]
fn without_the_plugin_map_the_class_is_refused_with_the_line_to_add() {
    let error = load("../conf/flume1.properties", &[]).unwrap_err();
    let shown: String = error.problems.iter().map(|problem| problem.render(false)).collect();
    assert!(shown.contains("--plugin-map 'cloudera.se.fraud.demo.flume.interceptor.FraudEventInterceptor$Builder=FILE.wasm'"), "{shown}");
}

#[test]
fn the_native_form_of_the_seed_is_the_same_pipeline() {
    let native = load("../conf/flume1.toml", &[]).unwrap();
    assert_eq!(native.spec, seed().0);
    assert!(native.warnings.is_empty(), "{:?}", native.warnings);
}

#[test]
fn the_seeds_second_pipeline_is_read_as_it_is_meant() {
    let loaded = load("../conf/kafka-to-hdfs.properties", &[]).unwrap();
    let [pipeline] = loaded.spec.pipelines.as_slice() else { panic!("{:?}", loaded.spec) };
    assert!(pipeline.sources.is_empty());
    let Channel::Kafka(channel) = &pipeline.channels[0].kind else { panic!("{pipeline:?}") };
    assert_eq!(channel.brokers, Brokers::List("kafka1.ent.cloudera.com:9092".to_owned()));
    assert_eq!((channel.topic.as_str(), channel.group.as_str(), channel.parse_as_flume_event), ("flume.auths", "flume", true));
    assert_eq!(channel.migrate_offsets_from.as_deref(), Some("kafka1.ent.cloudera.com:2181/kafka"));
    assert_eq!(channel.consumer["auto.offset.reset"], "earliest");
    assert!(matches!(&pipeline.sinks[0].kind, Sink::Hdfs(_)), "{pipeline:?}");
}

#[test]
fn the_native_form_of_the_second_pipeline_is_the_same() {
    let native = load("../conf/kafka-to-hdfs.toml", &[]).unwrap();
    assert_eq!(native.spec, load("../conf/kafka-to-hdfs.properties", &[]).unwrap().spec);
    assert!(native.warnings.is_empty(), "{:?}", native.warnings);
}
