//! A plugin's own counters in the metrics of a running agent.

use std::time::Duration;

use crate::harness::agent::{Agent, Site};
use crate::harness::api::Swap;
use crate::harness::{turn, wait};

use super::guest;

const PATIENCE: Duration = Duration::from_secs(60);
const PIPELINE: &str = "a";

/// The series of the counter `seen`: the version's digest, and the count.
fn series(agent: &Agent) -> Vec<(String, u64)> {
    let text = agent.get("/metrics").1;
    let lines = text.lines().filter(|line| line.starts_with("weir_plugin_counter_total{") && line.contains("counter=\"seen\""));
    let parts = lines.map(|line| {
        assert!(line.contains("pipeline=\"a\",component=\"i2\",source=\"s\"") && line.contains("name=\"conformance-rust\""), "{line}");
        let digest = line.split_once("digest=\"").unwrap().1.split_once('"').unwrap().0;
        (digest.to_owned(), line.rsplit_once(' ').unwrap().1.parse().unwrap())
    });
    parts.collect()
}

#[test]
fn what_a_plugin_counts_is_in_the_metrics_and_outlives_a_swap() {
    let _turn = turn::shared();
    let properties = format!(
        "a.sources = s\na.channels = c\na.sinks = k\n\
         a.sources.s.type = seq\n\
         a.sources.s.channels = c\n\
         a.sources.s.interceptors = i1 i2\n\
         a.sources.s.interceptors.i1.type = static\n\
         a.sources.s.interceptors.i1.key = do\n\
         a.sources.s.interceptors.i1.value = count\n\
         a.sources.s.interceptors.i2.type = wasm\n\
         a.sources.s.interceptors.i2.plugin = {}\n\
         a.sources.s.interceptors.i2.label = here\n\
         a.channels.c.type = memory\n\
         a.sinks.k.type = null\n\
         a.sinks.k.channel = c\n",
        guest("conformance-rust").display()
    );
    let agent = Site::new("counters", &properties, &[PIPELINE]).start();
    wait::until("the plugin counts", PATIENCE, || series(&agent).iter().any(|(_, count)| *count > 0));
    // The same plugin with a section nobody reads is another version.
    let mut component = std::fs::read(guest("conformance-rust")).unwrap();
    component.extend(b"\0\x02\x01x");
    let swap = Swap { component: &component, name: "next.wasm", untried: true, ..Swap::default() };
    agent.api().swap("a/i2", &swap).unwrap_or_else(|problem| panic!("{problem}"));
    wait::until("both versions have counted", PATIENCE, || series(&agent).len() == 2);
    let (mut before, mut after) = (series(&agent), series(&agent));
    wait::until("only the new one counts on", PATIENCE, || {
        (before, after) = (std::mem::take(&mut after), series(&agent));
        before.iter().zip(&after).filter(|(before, after)| before == after).count() == 1 && before != after
    });
    assert_eq!(agent.terminate(), 0);
}
