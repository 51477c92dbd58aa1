//! What a Kafka channel's settings make of its writer and its reader. How Flume's keys are read is in the configuration's cases.

use crate::source::kafka::Topics;

use super::Spec;

fn native(toml: &str) -> Result<Spec, toml::de::Error> {
    toml::from_str(toml)
}

#[test]
fn brokers_are_all_that_must_be_said() {
    let spec = native("brokers = \"b:9092\"").expect("a channel");
    assert_eq!((spec.topic.as_str(), spec.group.as_str(), spec.parse_as_flume_event), ("flume-channel", "flume", true));
    assert_eq!(spec.consumer["auto.offset.reset"], "earliest");
    assert!(native("topic = \"t\"").is_err());
}

#[test]
fn what_no_topic_can_be_called_is_refused() {
    for name in ["", "..", "a b", "%{topic}"] {
        let refused = native(&format!("brokers = \"b:9092\"\ntopic = \"{name}\"")).expect_err(name);
        assert!(refused.message().contains("no topic's name"), "{refused}");
    }
}

#[test]
fn writer_and_reader_say_the_same_of_the_topic_and_its_form() {
    for (parse, text) in [(true, ""), (false, "\nparse_as_flume_event = false")] {
        let spec = native(&format!("brokers = \"b:9092\"\ntopic = \"t\"\npartition_header = \"p\"\ndefault_partition = 3{text}"))
            .expect("a channel");
        let (writer, reader) = (spec.writer(), spec.reader());
        assert_eq!((writer.flume_event_format, reader.flume_event_format), (parse, parse));
        assert_eq!((writer.topic.as_str(), writer.topic_header), ("t", None));
        assert_eq!((writer.partition_header.as_deref(), writer.default_partition), (Some("p"), Some(3)));
        assert_eq!(reader.topics, Topics::Names(vec!["t".into()]));
        assert!(reader.of_channel);
    }
}

#[test]
fn what_differs_is_named_and_no_value_is() {
    let (old, mut new) = (native("brokers = \"b:9092\"").expect("a channel"), native("brokers = \"b:9092\"").expect("a channel"));
    assert_eq!(old.differing(&new), [""; 0]);
    new.group = "g".into();
    new.consumer.insert("sasl.password".into(), "hunter2".into());
    new.producer.insert("linger.ms".into(), "1".into());
    assert_eq!(old.differing(&new), ["group", "consumer.sasl.password", "producer.linger.ms"]);
    assert!(!format!("{new:?}").contains("hunter2"));
}
