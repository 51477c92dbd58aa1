//! A paused pipeline delivers nothing, keeps its place in the group, and goes on as if nothing had been.

use std::thread::sleep;
use std::time::Duration;

use weir::control::status::PipelineState;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, topics, turn, wait};

/// Longer than the members' session: a source that does not poll loses its partitions.
const PAUSE: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// How often partitions were given to it.
fn assignments(agent: &Agent) -> usize {
    agent.log().matches("partitions assigned").count()
}

/// Waits until what was read before the pause is delivered and committed; how much that is.
fn settled(group: &Group<'_>, output: &Topic) -> u64 {
    wait::until("what was in flight is committed", PATIENCE, || {
        let (committed, delivered) = (group.total(), output.len());
        sleep(Duration::from_secs(2));
        committed == delivered && output.len() == delivered
    });
    output.len()
}

#[test]
fn a_paused_pipeline_delivers_nothing_stays_in_its_group_and_goes_on_without_loss_or_duplicate() {
    let _turn = turn::alone();
    let events = 300_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "pause-in", 4);
    let output = Topic::create(bootstrap, "pause-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("pause");
    let pipeline = Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("pause", &input, &output.name, &group_name) };
    let site = Site::new("pause", &pipeline.properties(), &["pause"]);
    let group = Group::new(&group_name, &input);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, events, Some(10_000)));
        let agent = site.start();
        let api = agent.api();
        for round in 1..=2 {
            let before = output.len();
            wait::until("events flow", PATIENCE, || output.len() > before + 5_000);
            let assigned = assignments(&agent);
            assert_eq!(api.pause("pause").state, PipelineState::Paused);
            assert_eq!(api.pause("pause").state, PipelineState::Paused, "a second pause is no error");
            let delivered = settled(&group, &output);
            assert!(!loading.is_finished(), "there is something to read");
            sleep(PAUSE);
            assert_eq!((output.len(), group.total()), (delivered, delivered), "nothing moves while it is paused");
            assert_eq!(assignments(&agent), assigned, "the group was not rebalanced");
            println!("pause {round}: held at {delivered} of {}", input.len());
            assert_ne!(api.resume("pause").state, PipelineState::Paused);
        }
        loading.join().unwrap();
        group.wait_until_settled();
        assert_eq!(agent.terminate(), 0);
    });
    let report = checker::check(&transactions, events, &output, &[]);
    println!("pause: {report}");
    report.assert_exact();
}

#[test]
fn a_paused_agent_drains_and_the_next_goes_on_where_it_stopped() {
    let _turn = turn::alone();
    let events = 100_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "pause-drain-in", 4);
    let output = Topic::create(bootstrap, "pause-drain-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("pause-drain");
    let pipeline = Pipeline::new("pause", &input, &output.name, &group_name);
    let site = Site::new("pause-drain", &pipeline.properties(), &["pause"]);
    let group = Group::new(&group_name, &input);
    std::thread::scope(|scope| {
        scope.spawn(|| load::fill(&input, &transactions, events, Some(20_000)));
        let agent = site.start();
        wait::until("events flow", PATIENCE, || output.len() > 5_000);
        agent.api().pause("pause");
        assert_eq!(agent.terminate(), 0);
        assert_eq!(group.total(), output.len());
    });
    let agent = site.start();
    group.wait_until_settled();
    assert_eq!(agent.terminate(), 0);
    checker::check(&transactions, events, &output, &[]).assert_exact();
}

#[test]
fn partitions_that_come_to_a_paused_agent_are_paused_too() {
    let _turn = turn::alone();
    let events = 200_000;
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "pause-join-in", 4);
    let output = Topic::create(bootstrap, "pause-join-out", 4);
    let transactions = Transactions::new(4);
    let group_name = topics::unique("pause-join");
    let pipeline = Pipeline::new("pause", &input, &output.name, &group_name);
    let site = Site::new("pause-join", &pipeline.properties(), &["pause"]);
    let group = Group::new(&group_name, &input);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, events, Some(5_000)));
        let mut first = site.launch(0);
        first.wait_until_ready();
        wait::until("events flow", PATIENCE, || output.len() > 1_000);
        first.api().pause("pause");
        let mut second = site.launch(1);
        second.wait_until_ready();
        let before = output.len();
        wait::until("the second agent works", PATIENCE, || output.len() > before + 5_000);
        let assigned = assignments(&first);
        assert_eq!(second.terminate(), 0);
        wait::until("its partitions come to the first agent", PATIENCE, || assignments(&first) > assigned);
        let delivered = settled(&group, &output);
        sleep(PAUSE);
        assert_eq!(output.len(), delivered, "the first agent is still paused");
        first.api().resume("pause");
        loading.join().unwrap();
        group.wait_until_settled();
        assert_eq!(first.terminate(), 0);
    });
    let report = checker::check(&transactions, events, &output, &[]);
    println!("pause and rebalance: {report}");
    report.assert_exact();
}
