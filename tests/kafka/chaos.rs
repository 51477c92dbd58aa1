//! The seed's pipeline while everything around it breaks: its agent is killed ten times, the broker twice, two more agents come and go.

use std::thread::sleep;
use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::broker::Broker;
use crate::harness::configuration::{self, FRAUD_CLASS, SEED};
use crate::harness::topics::{Group, Topic};
use crate::harness::transactions::{Transactions, planned};
use crate::harness::{checker, load, topics, turn, wait};

const KILLS: u32 = 10;
/// After which kills the broker is killed too, the second and third agents join, and they leave.
const BROKER_DIES: [u32; 2] = [3, 7];
const JOINS: [(u32, usize); 2] = [(1, 0), (4, 1)];
const LEAVES: [(u32, usize); 2] = [(6, 0), (9, 1)];

#[test]
fn killed_agents_a_restarted_broker_and_a_changing_group_lose_nothing() {
    let _turn = turn::alone();
    let events = planned(1_000_000);
    let broker = Broker::shared();
    let input = Topic::create(broker.bootstrap(), "chaos-in", 4);
    let output = Topic::create(broker.bootstrap(), "chaos-out", 4);
    let transactions = Transactions { malformed_one_in: Some(1000), ..Transactions::new(4) };
    let group_name = topics::unique("chaos");
    let properties = configuration::seed_without_zookeeper(broker.bootstrap(), &input, &output, &group_name);
    let site = Site::new("chaos", &properties, &[SEED]).with_plugin(FRAUD_CLASS, &configuration::fraud_score());

    let mut killed_while_moving = 0;
    std::thread::scope(|scope| {
        // Slow enough that there is always work when something breaks, until the last kill.
        let loading = scope.spawn(|| load::fill(&input, &transactions, events, Some(events / 150)));
        let group = Group::new(&group_name, &input);
        let mut agent = site.launch(0);
        let mut others: [Option<Agent>; 2] = [None, None];
        for kill in 0..KILLS {
            agent.wait_until_ready();
            let before = output.len();
            wait::until("the pipeline moves", Duration::from_secs(120), || output.len() > before);
            // Never at the same distance from the last start, yet the same in every run.
            sleep(Duration::from_millis(300 + u64::from(kill) * 377 % 1500));
            killed_while_moving += u32::from(group.total() < events);
            agent.kill();
            if BROKER_DIES.contains(&kill) {
                broker.kill();
                sleep(Duration::from_secs(1));
                broker.boot();
            }
            for (_, other) in JOINS.iter().filter(|(when, _)| *when == kill) {
                others[*other] = Some(site.launch(1 + *other as u32));
            }
            for (_, other) in LEAVES.iter().filter(|(when, _)| *when == kill) {
                let leaving = others[*other].take().expect("it joined before");
                assert_eq!(leaving.terminate(), 0, "agent {other} leaves in peace");
            }
            agent = site.launch(0);
        }
        loading.join().unwrap();
        group.wait_until_settled();
        assert_eq!(agent.terminate(), 0);
    });

    let (letters, torn) = site.dead_letters();
    let report = checker::check(&transactions, events, &output, &letters);
    println!("chaos: {report}; {killed_while_moving} of {KILLS} kills while events were under way, {torn} torn dead-letter lines");
    assert_eq!(killed_while_moving, KILLS, "a kill of an idle agent shows nothing");
    report.assert_nothing_lost();
}
