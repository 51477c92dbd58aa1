//! A configuration that changes under an agent at work: only what changed is touched, and no event is lost over it.

use std::time::Duration;

use rdkafka::message::Message;
use serde_json::Value;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker::{Checker, Report};
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, reader, topics, turn, wait};

/// Settings of an agent that looks at its file every second.
const LOOKS_OFTEN: &str = "drain_limit = \"60s\"\nreload_interval = \"1s\"";
const PATIENCE: Duration = Duration::from_secs(90);

/// What became of the events, over several output topics.
fn count(transactions: &Transactions, events: u64, outputs: &[&Topic]) -> Report {
    let mut checker = Checker::new(transactions, events);
    for output in outputs {
        reader::read(output, |message| checker.arrived(message.partition(), message.payload().unwrap_or_default()));
    }
    checker.report()
}

/// Waits until the log has so many lines of this message about this path.
fn wait_for(agent: &Agent, message: &str, path: &str, lines: usize) {
    wait::until(&format!("{message} {path}, {lines} times"), PATIENCE, || {
        agent.logged(message).iter().filter(|line| line.get("path").is_some_and(|found| found == path)).count() >= lines
    });
}

/// How often a pipeline has started.
fn starts(agent: &Agent, pipeline: &str) -> usize {
    let of_it = |line: &&Value| line.pointer("/span/pipeline").is_some_and(|name| name == pipeline);
    agent.logged("pipeline starts").iter().filter(of_it).count()
}

/// A pipeline in Weir's own form.
fn native(name: &str, input: &Topic, output: &str, group: &str) -> String {
    let bootstrap = input.bootstrap();
    format!(
        "[pipelines.{name}.sources.in]\nchannels = [\"memory\"]\n\
         [pipelines.{name}.sources.in.kafka]\nbrokers = \"{bootstrap}\"\ntopics = [\"{}\"]\ngroup = \"{group}\"\n\
         client = {{ \"session.timeout.ms\" = \"6000\" }}\n\
         [pipelines.{name}.channels.memory.memory]\ncapacity = 10000\n\
         [pipelines.{name}.sinks.out]\nchannel = \"memory\"\n\
         [pipelines.{name}.sinks.out.kafka]\nbrokers = \"{bootstrap}\"\ntopic = \"{output}\"\ntopic_header = false\n",
        input.name
    )
}

#[test]
fn a_changed_sink_restarts_its_pipeline_alone_and_no_event_is_lost_or_doubled() {
    let _turn = turn::alone();
    let events = 60_000;
    let bootstrap = Broker::shared().bootstrap();
    let inputs = ["reload-a-in", "reload-b-in"].map(|label| Topic::create(bootstrap, label, 2));
    let outputs = ["reload-a-out", "reload-a-new", "reload-b-out"].map(|label| Topic::create(bootstrap, label, 2));
    let groups = ["reload-a", "reload-b"].map(topics::unique);
    let transactions = Transactions::new(2);
    let written = |output: &Topic| {
        let plugins = vec![configuration::passthrough()];
        let first = Pipeline { plugins, ..Pipeline::new("a", &inputs[0], &output.name, &groups[0]) };
        first.properties() + &Pipeline::new("b", &inputs[1], &outputs[2].name, &groups[1]).properties()
    };
    let site = Site::new("reload", &written(&outputs[0]), &["a", "b"]);
    let agent = site.start();
    std::thread::scope(|scope| {
        for input in &inputs {
            scope.spawn(|| load::fill(input, &transactions, events, Some(5_000)));
        }
        wait::until("events flow", PATIENCE, || outputs[0].len() > 10_000);
        site.rewrite(&written(&outputs[1]));
        agent.hang_up();
        wait_for(&agent, "restarted", "a", 1);
    });
    groups.iter().zip(&inputs).for_each(|(group, input)| Group::new(group, input).wait_until_settled());
    let detail = agent.logged("restarted")[0]["detail"].clone();
    assert_eq!(detail, "sink out: topic");
    assert_eq!((starts(&agent, "a"), starts(&agent, "b")), (2, 1));
    agent.ask_for_status();
    wait::until("the status is in the log", PATIENCE, || !agent.logged("status").is_empty());
    let status: Value = serde_json::from_str(agent.logged("status")[0]["status"].as_str().unwrap()).unwrap();
    assert_eq!(status["pipelines"][0]["state"], "running", "{status}");
    assert_eq!(agent.terminate(), 0);
    assert!(!outputs[1].is_empty());
    let (a, b) = (count(&transactions, events, &[&outputs[0], &outputs[1]]), count(&transactions, events, &[&outputs[2]]));
    println!("reload a: {a}; b: {b}");
    a.assert_exact();
    b.assert_exact();
}

#[test]
fn an_invalid_edit_is_reported_with_its_place_once_and_everything_runs_on() {
    let _turn = turn::shared();
    let events = 5_000;
    let bootstrap = Broker::shared().bootstrap();
    let (input, output) = (Topic::create(bootstrap, "invalid-in", 2), Topic::create(bootstrap, "invalid-out", 2));
    let group = topics::unique("invalid");
    let transactions = Transactions::new(2);
    let good = native("p", &input, &output.name, &group);
    let site = Site::native("invalid", &good, LOOKS_OFTEN);
    let mut agent = site.start();
    site.rewrite(&good.replace("capacity = 10000", "capacity = 10000\nkeep_alife = \"3s\""));
    wait::until("the edit is refused", PATIENCE, || !agent.logged("not reloaded, everything runs on as it was").is_empty());
    let place = agent.logged("configuration")[0]["place"].as_str().unwrap().to_owned();
    assert!(place.contains("agent.toml:") && place.contains("keep_alife"), "{place}");
    load::fill(&input, &transactions, events, None);
    Group::new(&group, &input).wait_until_settled();
    // Several looks later.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(agent.logged("not reloaded, everything runs on as it was").len(), 1);
    assert!(agent.is_running());
    site.rewrite(&good.replace("capacity = 10000", "capacity = 9000"));
    wait_for(&agent, "restarted", "p", 1);
    assert_eq!(agent.terminate(), 0);
    let report = count(&transactions, events, &[&output]);
    println!("invalid edit: {report}");
    report.assert_exact();
}

#[test]
fn a_pipeline_is_added_and_taken_away_while_another_runs_on() {
    let _turn = turn::shared();
    let events = 5_000;
    let bootstrap = Broker::shared().bootstrap();
    let inputs = ["added-a-in", "added-b-in"].map(|label| Topic::create(bootstrap, label, 2));
    let outputs = ["added-a-out", "added-b-out"].map(|label| Topic::create(bootstrap, label, 2));
    let groups = ["added-a", "added-b"].map(topics::unique);
    let transactions = Transactions::new(2);
    let one = native("a", &inputs[0], &outputs[0].name, &groups[0]);
    let other = native("b", &inputs[1], &outputs[1].name, &groups[1]);
    let site = Site::native("added", &one, LOOKS_OFTEN);
    let agent = site.start();
    inputs.iter().for_each(|input| load::fill(input, &transactions, events, None));
    site.rewrite(&(one.clone() + &other));
    wait_for(&agent, "started", "b", 1);
    groups.iter().zip(&inputs).for_each(|(group, input)| Group::new(group, input).wait_until_settled());
    assert!(agent.get("/readyz?verbose").1.contains("b/in"));
    site.rewrite(&one);
    wait_for(&agent, "stopped", "b", 1);
    let (status, checks) = agent.get("/readyz?verbose");
    assert!(status == 200 && checks.contains("a/in") && !checks.contains("b/in"), "{checks}");
    assert_eq!((starts(&agent, "a"), starts(&agent, "b")), (1, 1));
    assert_eq!(agent.terminate(), 0);
    outputs.iter().for_each(|output| count(&transactions, events, &[output]).assert_exact());
}

#[test]
fn a_sink_that_is_dead_does_not_hold_its_own_mending_up() {
    let _turn = turn::shared();
    // More than the channel holds.
    let events = 50_000;
    let bootstrap = Broker::shared().bootstrap();
    let (input, output) = (Topic::create(bootstrap, "mend-in", 2), Topic::create(bootstrap, "mend-out", 2));
    let (group, nowhere) = (topics::unique("mend"), topics::unique("mend-nowhere"));
    let transactions = Transactions::new(2);
    load::fill(&input, &transactions, events, None);
    let site = Site::native("mend", &native("p", &input, &nowhere, &group), "drain_limit = \"3s\"");
    let agent = site.start();
    wait::until("the channel is full", PATIENCE, || agent.metric("weir_buffer_put_waits_total", "component=\"memory\"") > 0.0);
    site.rewrite(&native("p", &input, &output.name, &group));
    agent.hang_up();
    wait_for(&agent, "restarted", "p", 1);
    let detail = agent.logged("restarted")[0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("not drained within 3s"), "{detail}");
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let report = count(&transactions, events, &[&output]);
    println!("mended sink: {report}");
    report.assert_exact();
}

#[test]
fn ten_reloads_under_load_lose_and_double_nothing() {
    let _turn = turn::alone();
    let (events, pace) = (200_000, 5_000);
    let bootstrap = Broker::shared().bootstrap();
    let (input, output) = (Topic::create(bootstrap, "ten-in", 4), Topic::create(bootstrap, "ten-out", 4));
    let group = topics::unique("ten");
    let transactions = Transactions::new(4);
    let written = |batch_size: usize| {
        let plugins = vec![configuration::passthrough()];
        Pipeline { plugins, batch_size, ..Pipeline::new("ten", &input, &output.name, &group) }.properties()
    };
    let site = Site::new("ten", &written(500), &["ten"]);
    let agent = site.start();
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, events, Some(pace)));
        for reload in 1..=10 {
            let before = output.len();
            wait::until("events flow", PATIENCE, || output.len() > before);
            assert!(!loading.is_finished(), "reload {reload} comes after the load");
            site.rewrite(&written(500 + reload));
            agent.hang_up();
            wait_for(&agent, "restarted", "ten", reload);
        }
    });
    Group::new(&group, &input).wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    let report = count(&transactions, events, &[&output]);
    println!("ten reloads: {report}");
    report.assert_exact();
}
