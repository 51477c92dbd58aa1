//! Starting, stopping and waiting: what is committed is what the sink has, at every moment.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::message::Message;

use crate::harness::agent::Site;
use crate::harness::broker::Broker;
use crate::harness::checker::{self, Checker};
use crate::harness::configuration::{self, Pipeline};
use crate::harness::reader::Reader;
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, topics, turn, wait};

/// Exit code of a configuration nobody can run (`EX_CONFIG` of sysexits.h).
const EX_CONFIG: i32 = 78;

#[test]
fn a_drained_agent_has_committed_what_it_has_sunk_and_the_next_replays_nothing() {
    let _turn = turn::alone();
    let events = 300_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "drain-in", 4);
    let output = Topic::create(bootstrap, "drain-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("drain");
    let pipeline = Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("drain", &input, &output.name, &group_name) };
    let site = Site::new("drain", &pipeline.properties(), &["drain"]);
    let group = Group::new(&group_name, &input);
    std::thread::scope(|scope| {
        scope.spawn(|| load::fill(&input, &transactions, events, Some(30_000)));
        for stop in 1..=3 {
            let agent = site.start();
            let before = output.len();
            wait::until("events flow", Duration::from_secs(60), || output.len() > before + 10_000);
            assert_eq!(agent.terminate(), 0);
            let (committed, sunk) = (group.total(), output.len());
            println!("drain {stop}: committed {committed}, sunk {sunk}");
            assert_eq!(committed, sunk);
        }
    });
    let agent = site.start();
    group.wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let report = checker::check(&transactions, events, &output, &[]);
    println!("drain: {report}");
    report.assert_exact();
}

#[test]
fn no_offset_is_committed_before_the_sink_has_its_event() {
    let _turn = turn::alone();
    let events = 200_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "early-in", 4);
    let output = Topic::create(bootstrap, "early-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("early");
    let pipeline = Pipeline {
        plugins: vec![configuration::passthrough()],
        batch_size: 5,
        ..Pipeline::new("early", &input, &output.name, &group_name)
    };
    let site = Site::new("early", &pipeline.properties(), &["early"]);
    let group = Group::new(&group_name, &input);
    let mut checker = Checker::new(&transactions, events);
    let mut halfway = 0;
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, events, Some(20_000)));
        let agent = site.start();
        let mut reader = Reader::new(&output);
        let start = Instant::now();
        loop {
            // In this order: what was committed by now must be visible from now on.
            let committed = group.committed();
            reader.catch_up(|message| checker.arrived(message.partition(), message.payload().unwrap_or_default()));
            let missing = checker.first_missing();
            assert!(
                committed.iter().zip(missing).all(|(committed, missing)| committed <= missing),
                "committed {committed:?}, seen up to {missing:?}"
            );
            let total = committed.iter().sum::<i64>().cast_unsigned();
            halfway += u32::from(total > 0 && total < events);
            if total == events {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(180), "stuck at {committed:?}");
            sleep(Duration::from_millis(50));
        }
        loading.join().unwrap();
        assert_eq!(agent.terminate(), 0);
    });
    println!("early commits: none in {halfway} looks at a running pipeline; {}", checker.report());
    assert!(halfway >= 20, "only {halfway} looks");
    checker.report().assert_exact();
}

#[test]
fn an_output_topic_that_is_not_there_yet_holds_events_back_and_loses_none() {
    let _turn = turn::shared();
    // More than the channel holds.
    let events = 50_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "late-in", 4);
    let transactions = Transactions::new(4);
    load::fill(&input, &transactions, events, None);
    let (group_name, output_name) = (topics::unique("late"), topics::unique("late-out"));
    let properties = Pipeline::new("late", &input, &output_name, &group_name).properties();
    let site = Site::new("late", &properties, &["late"]);
    let mut agent = site.launch(0);
    let group = Group::new(&group_name, &input);
    for _ in 0..10 {
        sleep(Duration::from_secs(1));
        assert!(agent.is_running());
        assert_eq!(group.total(), 0, "nothing can have been delivered");
    }
    let held = agent.usage().resident;
    let output = Topic::named(bootstrap, &output_name, 4, &[]);
    group.wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let (letters, _) = site.dead_letters();
    let report = checker::check(&transactions, events, &output, &letters);
    println!("late topic: {report}; {} MiB while waiting", held >> 20);
    report.assert_exact();
    assert_eq!(report.dead_lettered, 0);
}

#[test]
fn an_agent_name_that_is_not_in_the_file_ends_with_the_names_that_are() {
    let site = Site::new("nobody", &configuration::seed("127.0.0.1:1/kafka", "127.0.0.1:1"), &["flume2"]);
    let mut agent = site.launch(0);
    wait::until("the agent ends", Duration::from_secs(60), || !agent.is_running());
    let log = agent.log();
    assert_eq!(agent.wait(), EX_CONFIG, "{log}");
    assert!(log.contains("flume2") && log.contains("flume1"), "{log}");
}

#[test]
fn the_agents_probes_and_metrics_tell_what_it_did() {
    let _turn = turn::shared();
    let events = 10_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "probe-in", 2);
    let output = Topic::create(bootstrap, "probe-out", 2);
    load::fill(&input, &Transactions::new(2), events, None);
    let group = topics::unique("probe");
    let properties =
        Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("probe", &input, &output.name, &group) }.properties();
    let agent = Site::new("probe", &properties, &["probe"]).start();
    Group::new(&group, &input).wait_until_settled();
    assert_eq!((agent.get("/livez").0, agent.get("/readyz").0), (200, 200));
    assert!(agent.get("/version").1.contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(agent.metric("weir_component_received_events_total", "kind=\"source\""), events as f64);
    assert_eq!(agent.metric("weir_component_sent_events_total", "kind=\"sink\""), events as f64);
    assert_eq!(agent.terminate(), 0);
}

/// Flume's default is to begin at the end. An agent that dies before its first commit must not begin at a later end.
#[test]
fn a_group_that_began_at_the_end_skips_nothing_when_its_first_agent_is_killed() {
    let _turn = turn::shared();
    let events = 2_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "latest-in", 4);
    let output = Topic::create(bootstrap, "latest-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("latest");
    let more = "SOURCE.kafka.consumer.auto.offset.reset = latest";
    let pipeline = Pipeline { more, ..Pipeline::new("latest", &input, &output.name, &group_name) };
    let site = Site::new("latest", &pipeline.properties(), &["latest"]);
    site.start().kill();
    load::fill(&input, &transactions, events, None);
    let agent = site.start();
    wait::until("all events are there", Duration::from_secs(60), || output.len() >= events);
    assert_eq!(agent.terminate(), 0);
    let report = checker::check(&transactions, events, &output, &site.dead_letters().0);
    println!("latest: {report:?}");
    report.assert_exact();
}
