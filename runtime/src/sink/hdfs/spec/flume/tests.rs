//! Flume's keys.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::config::keys::Value;
use crate::config::problem::{File, Place, Severity};
use crate::config::properties;

fn read(text: &str) -> (Option<Spec>, Vec<Problem>) {
    let file = Arc::new(File::new("a.properties".into(), text, Vec::new()));
    let properties = properties::parse(text).properties.into_iter();
    let values = properties.map(|property| {
        let value = Value::new(format!("a.sinks.k.{}", property.key), property.value, property.key_span, file.clone());
        (property.key, value)
    });
    let problems = Rc::new(RefCell::new(Vec::new()));
    let mut keys = Keys::new("a.sinks.k".into(), Place { file: file.clone(), span: 0..0 }, values.collect(), problems.clone());
    let spec = Spec::from_flume(&mut keys);
    assert_eq!(keys.is_refused(), spec.is_none(), "{text}");
    keys.report_unknown();
    let problems = problems.borrow().clone();
    (spec, problems)
}

fn refusal(text: &str) -> String {
    let (spec, problems) = read(text);
    assert!(spec.is_none(), "{text}");
    problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ")
}

#[test]
fn defaults_are_flumes_and_are_warned_about() {
    let (spec, problems) = read("hdfs.path = hdfs://n:1/a\n");
    let spec = spec.expect("a spec");
    let seconds = Duration::from_secs;
    assert_eq!((spec.roll_interval, spec.roll_size, spec.roll_count, spec.idle_timeout), (seconds(30), 1024, 10, seconds(0)));
    assert_eq!((spec.batch_size.get(), spec.max_open_files.get(), spec.call_timeout), (100, 5000, seconds(30)));
    assert_eq!((spec.close_tries, spec.retry_interval), (None, seconds(180)));
    assert_eq!((spec.file_prefix.as_str(), spec.in_use_suffix.as_str(), spec.names), ("FlumeData", ".tmp", Names::Counter));
    assert!(problems.iter().any(|problem| problem.severity == Severity::Warning && problem.message.contains("10 events")), "{problems:?}");
    let (_, problems) = read("hdfs.path = /a\nhdfs.rollCount = 0\nhdfs.rollSize = 134217728\n");
    assert!(problems.is_empty(), "{problems:?}");
}

#[test]
fn every_key_is_known() {
    let (spec, problems) = read(
        "hdfs.path = /a/%Y\nhdfs.filePrefix = p\nhdfs.fileSuffix = .log\nhdfs.inUsePrefix = _\nhdfs.inUseSuffix = .x\nhdfs.rollInterval = 0\n\
         hdfs.rollSize = 0\nhdfs.rollCount = 7\nhdfs.idleTimeout = 5\nhdfs.batchSize = 3\nhdfs.fileType = DataStream\nhdfs.maxOpenFiles = 2\n\
         hdfs.minBlockReplicas = 1\nhdfs.callTimeout = 0\nhdfs.threadsPoolSize = 4\nhdfs.rollTimerPoolSize = 2\nhdfs.closeTries = 4\n\
         hdfs.retryInterval = 9\nhdfs.round = true\nhdfs.roundValue = 10\nhdfs.roundUnit = Minute\nhdfs.timeZone = PST\n\
         hdfs.useLocalTimeStamp = true\nhdfs.useRawLocalFileSystem = true\nhdfs.kerberosPrincipal = p/_HOST@R\nhdfs.kerberosKeytab = /k\n\
         hdfs.proxyUser = u\nserializer = TEXT\nweir.names = counter\nhadoop.dfs.replication = 2\n",
    );
    assert!(problems.iter().all(|problem| problem.severity > Severity::Warning), "{problems:?}");
    let spec = spec.expect("a spec");
    assert_eq!((spec.roll_count, spec.call_timeout, spec.close_tries), (7, Duration::ZERO, NonZeroU32::new(4)));
    assert_eq!(spec.round, Some(Rounding { value: NonZeroU8::MIN.saturating_add(9), unit: Unit::Minute }));
    assert_eq!((spec.time_zone.as_deref(), spec.proxy_user.as_deref()), (Some("PST"), Some("u")));
    assert_eq!(spec.hadoop["dfs.replication"], "2");
    assert!(spec.use_local_time && spec.kerberos.is_some());
}

#[test]
fn what_flume_drops_is_dropped_and_what_it_lets_pass_is_warned_about() {
    for (text, word) in [
        ("", "`path` is needed"),
        ("hdfs.path = s3a://b/a", "s3a"),
        ("hdfs.path = /a\nhdfs.batchSize = 0", "above 0"),
        ("hdfs.path = /a\nhdfs.rollCount = ten", "number of events"),
        ("hdfs.path = /a\nhdfs.round = true\nhdfs.roundUnit = hour\nhdfs.roundValue = 25", "1 to 24"),
        ("hdfs.path = /a\nhdfs.round = true\nhdfs.roundValue = 0", "1 to 60"),
        ("hdfs.path = /a\nhdfs.kerberosPrincipal = p", "come together"),
        ("hdfs.path = /a\nweir.names = neither", "neither"),
        ("hdfs.path = /a/%Y\nweir.names = offsets\nhdfs.useLocalTimeStamp = true", "local time"),
    ] {
        assert!(refusal(text).contains(word), "{text}: {}", refusal(text));
    }
    for (text, word) in [
        ("hdfs.timeZone = Mars", "no time zone"),
        ("hdfs.closeTries = 0", "until it is done"),
        ("hdfs.retryInterval = 0", "tried once"),
        ("hdfs.round = true\nhdfs.roundUnit = day", "not rounded"),
        ("hdfs.emptyInUseSuffix = true\nhdfs.inUseSuffix = .x", "ignored"),
    ] {
        let (spec, problems) = read(&format!("hdfs.path = /a\n{text}\n"));
        assert!(spec.is_some() && problems.iter().any(|problem| problem.message.contains(word)), "{text}: {problems:?}");
    }
    let (spec, _) = read("hdfs.path = /a\nhdfs.timeZone = Mars\nhdfs.emptyInUseSuffix = true\n");
    let spec = spec.expect("a spec");
    assert_eq!((spec.time_zone.as_deref(), spec.in_use_suffix.as_str()), (Some("GMT"), ""));
}
