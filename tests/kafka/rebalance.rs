//! Agents of one group that come and go in peace.

use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::checker;
use crate::harness::configuration::{self, Pipeline};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::Transactions;
use crate::harness::{load, topics, turn, wait};

const EVENTS: u64 = 400_000;

fn received(agent: &Agent) -> f64 {
    agent.metric("weir_component_received_events_total", "kind=\"source\"")
}

#[test]
fn agents_that_join_and_leave_share_the_work_and_neither_lose_nor_double() {
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "share-in", 4);
    let output = Topic::create(bootstrap, "share-out", 4);
    let transactions = Transactions::new(4);
    let group = topics::unique("share");
    let pipeline = Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("share", &input, &output.name, &group) };
    let site = Site::new("share", &pipeline.properties(), &["share"]);
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| load::fill(&input, &transactions, EVENTS, Some(10_000)));
        let mut first = site.launch(0);
        first.wait_until_ready();
        wait::until("the first agent works", Duration::from_secs(60), || received(&first) > 0.0);
        let mut second = site.launch(1);
        second.wait_until_ready();
        wait::until("the second agent gets its share", Duration::from_secs(60), || received(&second) > 0.0);
        let before = received(&first);
        wait::until("the first agent still has some", Duration::from_secs(60), || received(&first) > before);
        assert!(!loading.is_finished(), "the group changed under load");
        assert_eq!(first.terminate(), 0);
        let third = site.launch(2);
        loading.join().unwrap();
        Group::new(&group, &input).wait_until_settled();
        assert_eq!((second.terminate(), third.terminate()), (0, 0));
    });
    let report = checker::check(&transactions, EVENTS, &output, &[]);
    println!("rebalance: {report}");
    report.assert_exact();
}

#[test]
fn agents_of_one_group_have_equal_shares_and_nothing_is_lost() {
    const AGENTS: usize = 3;
    const PARTITIONS: i32 = 9;
    const EVENTS: u64 = 90_000;
    let _turn = turn::alone();
    let bootstrap = Broker::shared().bootstrap();
    let input = Topic::create(bootstrap, "equal-in", PARTITIONS);
    let output = Topic::create(bootstrap, "equal-out", 4);
    let transactions = Transactions::new(PARTITIONS);
    let group = topics::unique("equal");
    let pipeline = Pipeline { plugins: vec![configuration::passthrough()], ..Pipeline::new("equal", &input, &output.name, &group) };
    let site = Site::new("equal", &pipeline.properties(), &["equal"]);
    let agents: Vec<Agent> = (0..AGENTS as u32).map(|slot| site.launch(slot)).collect();
    let has = || agents.iter().map(Agent::partitions).collect::<Vec<_>>();
    wait::until("every agent has as many partitions", Duration::from_secs(60), || has() == [PARTITIONS as usize / AGENTS; AGENTS]);
    load::fill(&input, &transactions, EVENTS, None);
    Group::new(&group, &input).wait_until_settled();
    let received: Vec<f64> = agents.iter().map(received).collect();
    for agent in agents {
        assert_eq!(agent.terminate(), 0);
    }
    let report = checker::check(&transactions, EVENTS, &output, &[]);
    println!("equal shares: {received:?}, {report}");
    assert_eq!(received, [EVENTS as f64 / AGENTS as f64; AGENTS]);
    report.assert_exact();
}
