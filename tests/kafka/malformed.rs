//! Records as nobody should send them: each comes out as it went in, or is parked, and none holds up the next.

use rdkafka::message::Message;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::configuration::{self, Pipeline};
use crate::harness::raw::{self, Record};
use crate::harness::topics::{self, Group, Topic};
use crate::harness::{reader, turn};

/// Above the sink's limit, which is librdkafka's `message.max.bytes`: 1,000,000.
const TOO_LARGE: usize = 10_000_000;

fn records() -> Vec<Record> {
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let plain = |body: &str| Record { key: text("k"), body: text(body), headers: Vec::new() };
    let large = || Record { body: Some(vec![b'x'; TOO_LARGE]), ..plain("") };
    vec![
        plain("first"),
        Record { key: None, ..plain("no key") },
        Record { key: Some(Vec::new()), ..plain("empty key") },
        Record { key: Some(vec![0xff, 0x00, 0xfe]), ..plain("binary key") },
        Record { body: None, ..plain("") },
        Record { body: Some(Vec::new()), ..plain("") },
        Record::default(),
        Record { body: Some((0..=255).collect()), ..plain("") },
        large(),
        Record { headers: vec![(vec![0xff, 0xfe, 0x80], text("v"))], ..plain("a header name that is not UTF-8") },
        Record { headers: vec![(Vec::new(), text("v"))], ..plain("a header without a name") },
        Record {
            headers: vec![(b"h".to_vec(), None), (b"h".to_vec(), Some(vec![])), (b"h".to_vec(), Some(vec![0xff]))],
            ..plain("one name, three values")
        },
        Record { headers: (0..1000).map(|index| (format!("h{index}").into_bytes(), text("v"))).collect(), ..plain("a thousand headers") },
        Record {
            headers: vec![(b"topic".to_vec(), text("elsewhere")), (b"key".to_vec(), text("other"))],
            ..plain("headers that Flume steers by")
        },
        large(),
        plain("last"),
    ]
}

#[test]
fn odd_records_pass_unharmed_and_too_large_ones_are_parked() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::named(bootstrap, &topics::unique("odd-in"), 1, &[("max.message.bytes", "20000000")]);
    let output = Topic::create(bootstrap, "odd-out", 1);
    let records = records();
    raw::send(&input, &records);
    let group = topics::unique("odd");
    let pipeline = Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("odd", &input, &output.name, &group) };
    let site = Site::new("odd", &pipeline.properties(), &["odd"]);
    let agent = site.start();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);

    let mut found = Vec::new();
    reader::read(&output, |message| {
        found.push((message.key().map(<[u8]>::to_vec), message.payload().map(<[u8]>::to_vec), raw::headers(message)));
    });
    let is_large = |record: &Record| record.body.as_ref().is_some_and(|body| body.len() == TOO_LARGE);
    let large: Vec<i64> = (0..).zip(&records).filter(|(_, record)| is_large(record)).map(|(offset, _)| offset).collect();
    let expected: Vec<_> =
        records.into_iter().filter(|record| !is_large(record)).map(|record| (record.key, record.body, record.headers)).collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let (letters, torn) = site.dead_letters();
    println!("malformed: {} passed, {} parked", found.len(), letters.len());
    assert_eq!((letters.iter().map(|letter| letter.offset).collect::<Vec<_>>(), torn), (large, 0));
    for letter in &letters {
        assert!(letter.stage.contains("sink") && !letter.reason.is_empty(), "{} {}", letter.stage, letter.reason);
        assert_eq!(letter.text().map(str::len), Some(TOO_LARGE));
    }
}

#[test]
fn events_that_name_a_topic_that_cannot_be_are_parked_and_hold_up_nobody() {
    let _turn = turn::shared();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "route-in", 1);
    let output = Topic::create(bootstrap, "route-out", 1);
    let other = Topic::create(bootstrap, "route-other", 1);
    let nowhere = topics::unique("nowhere");
    let bodies = ["first", "to=no such name", &format!("to={nowhere}"), &format!("to={}", other.name), "to=..", "last"];
    let record = |body: &&str| Record { body: Some(body.as_bytes().to_vec()), ..Record::default() };
    raw::send(&input, &bodies.iter().map(record).collect::<Vec<_>>());
    let group = topics::unique("route");
    let more = "SINK.allowTopicOverride = true\nSOURCE.interceptors = x\nSOURCE.interceptors.x.type = regex_extractor\n\
                SOURCE.interceptors.x.regex = ^to=(.*)$\nSOURCE.interceptors.x.serializers = s\nSOURCE.interceptors.x.serializers.s.name = topic";
    let pipeline = Pipeline { more, ..Pipeline::new("route", &input, &output.name, &group) };
    let site = Site::new("route", &pipeline.properties(), &["route"]);
    let agent = site.start();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);

    let arrived = |topic: &Topic| {
        let mut found = Vec::new();
        reader::read(topic, |message| found.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned()));
        found
    };
    assert_eq!(arrived(&output), ["first", "last"]);
    assert_eq!(arrived(&other), [bodies[3]]);
    let mut parked: Vec<i64> = site.dead_letters().0.iter().map(|letter| letter.offset).collect();
    parked.sort_unstable();
    assert_eq!(parked, [1, 2, 4]);
}
