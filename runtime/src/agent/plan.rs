//! What a new configuration asks of a running agent: the changes, and nothing of how they are made.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::fleet::{Stage, View};
use crate::config::Settings;
use crate::config::difference::{self, PluginChange};
use crate::config::spec::PipelineSpec;
use crate::control::Target;
use crate::interceptor::spec;

/// One planned change.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// What it is about: a pipeline, `PIPELINE/INTERCEPTOR`, or a setting such as `agent.admin`.
    pub(super) path: String,
    /// What differs, by name; holds no value.
    pub(super) detail: String,
    pub(super) action: Action,
}

/// What it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Exchange a plugin between two batches; `pipeline` is what the pipeline's specification then is.
    Swap { target: Target, spec: Box<spec::Wasm>, pipeline: Arc<PipelineSpec> },
    /// Drain the pipeline and start this one.
    Restart(Arc<PipelineSpec>),
    /// Start a pipeline that does not run.
    Start(Arc<PipelineSpec>),
    /// Drain the pipeline and forget it.
    Stop,
    /// Take a setting over.
    Apply,
    /// Nothing: the setting counts from the agent's next start.
    NeedsRestart,
}

/// The changes of pipelines, by name. A pipeline that says what it said before is none, unless it had ended by itself: it gets another try.
pub(super) fn pipelines(standing: &[View], wanted: &[PipelineSpec]) -> Vec<Change> {
    let names: BTreeSet<&str> =
        standing.iter().map(|view| &view.spec.name).chain(wanted.iter().map(|spec| &spec.name)).map(String::as_str).collect();
    let change = |name: &str| {
        let present = standing.iter().find(|view| view.spec.name == name);
        let spec = wanted.iter().find(|spec| spec.name == name);
        match (present, spec) {
            (Some(present), Some(spec)) => differing(present, spec),
            (None, Some(spec)) => vec![of_pipeline(spec, "it is new".to_owned(), Action::Start)],
            (Some(_), None) => {
                vec![Change { path: name.to_owned(), detail: "it is no longer configured".to_owned(), action: Action::Stop }]
            }
            (None, None) => Vec::new(),
        }
    };
    names.into_iter().flat_map(change).collect()
}

fn differing(present: &View, spec: &PipelineSpec) -> Vec<Change> {
    if let Stage::Ended(why) = &present.stage {
        let why = if why.is_empty() { "it had ended".to_owned() } else { format!("it had ended: {why}") };
        return vec![of_pipeline(spec, why, Action::Start)];
    }
    if *present.spec == *spec {
        return Vec::new();
    }
    if present.in_place.is_some()
        && let Some(plugins) = difference::plugins(&present.spec, spec)
    {
        let pipeline = Arc::new(spec.clone());
        return plugins.into_iter().map(|plugin| swap(plugin, &pipeline)).collect();
    }
    vec![of_pipeline(spec, difference::pipelines(&present.spec, spec).join("; "), Action::Restart)]
}

fn of_pipeline(spec: &PipelineSpec, detail: String, action: fn(Arc<PipelineSpec>) -> Action) -> Change {
    Change { path: spec.name.clone(), detail, action: action(Arc::new(spec.clone())) }
}

fn swap(plugin: PluginChange, pipeline: &Arc<PipelineSpec>) -> Change {
    let target = target(pipeline, &plugin.source, &plugin.interceptor);
    let action = Action::Swap { target: target.clone(), spec: Box::new(plugin.spec), pipeline: pipeline.clone() };
    Change { path: target.to_string(), detail: plugin.names, action }
}

/// How an interceptor is addressed: with its source only where another source has an interceptor of its name.
pub(super) fn target(pipeline: &PipelineSpec, source: &str, interceptor: &str) -> Target {
    let named = pipeline.sources.iter().filter(|source| source.interceptors.iter().any(|step| step.name == interceptor)).count();
    let source = (named > 1).then(|| source.to_owned());
    Target { pipeline: pipeline.name.clone(), source, interceptor: interceptor.to_owned() }
}

/// The changes of the agent's own settings. Those that are defaults of pipelines show in the pipelines they change.
pub(super) fn settings(present: &Settings, wanted: &Settings) -> Vec<Change> {
    // All are listed, so that none is forgotten.
    let Settings { admin, flume_metrics, cache, state, drain_limit, reload_interval, signatures, .. } = present;
    let Settings { plugins: _, limits: _, on_error: _, swaps: _, dead_letters: _, .. } = present;
    let named = [
        ("admin", *admin != wanted.admin, Action::NeedsRestart),
        ("flume_metrics", *flume_metrics != wanted.flume_metrics, Action::NeedsRestart),
        ("cache", *cache != wanted.cache, Action::NeedsRestart),
        ("state", *state != wanted.state, Action::NeedsRestart),
        ("signatures", *signatures != wanted.signatures, Action::NeedsRestart),
        ("drain_limit", *drain_limit != wanted.drain_limit, Action::Apply),
        ("reload_interval", *reload_interval != wanted.reload_interval, Action::Apply),
    ];
    let change = |(name, _, action): (&str, bool, Action)| {
        let detail = match action {
            Action::Apply => "taken over".to_owned(),
            _ => "counts from the agent's next start".to_owned(),
        };
        Change { path: format!("agent.{name}"), detail, action }
    };
    named.into_iter().filter(|(_, differs, _)| *differs).map(change).collect()
}

/// The settings that are in force once a plan's [`Action::Apply`]s are done.
pub(super) fn in_force(present: &Settings, wanted: &Settings) -> Settings {
    Settings { drain_limit: wanted.drain_limit, reload_interval: wanted.reload_interval, ..present.clone() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::config::{self, Load};
    use crate::interceptor;

    const TWO_SOURCES: &str = r#"
        [pipelines.p.sources.left]
        channels = ["mem"]
        interceptors = [{ name = "both", wasm = { plugin = "a.wasm" } }, { name = "host", host = {} }]
        [pipelines.p.sources.left.kafka]
        brokers = "b:9092"
        topics = ["left"]
        group = "one"
        [pipelines.p.sources.right]
        channels = ["mem"]
        interceptors = [{ name = "both", wasm = { plugin = "a.wasm" } }, { name = "only", wasm = { plugin = "a.wasm", settings = { floor = "1" } } }]
        [pipelines.p.sources.right.kafka]
        brokers = "b:9092"
        topics = ["right"]
        [pipelines.p.channels.mem.memory]
        [pipelines.p.sinks.out]
        channel = "mem"
        [pipelines.p.sinks.out.kafka]
        brokers = "b:9092"
        topic = "out"
    "#;

    fn loaded(text: &str) -> config::Loaded {
        let directory = tempfile::tempdir().expect("folder");
        let file = directory.path().join("weir.toml");
        std::fs::write(&file, text).expect("write");
        let mut loaded = config::load(&Load { conf_file: vec![file], ..Load::default() }).expect("a good configuration");
        // Plugins are found beside the file, and each of these files is in a folder of its own.
        for step in loaded.spec.pipelines.iter_mut().flat_map(|spec| &mut spec.sources).flat_map(|source| &mut source.interceptors) {
            if let interceptor::Spec::Wasm(wasm) = &mut step.kind {
                wasm.plugin = wasm.plugin.file_name().map(PathBuf::from).unwrap_or_default();
            }
        }
        loaded
    }

    struct Never;

    impl super::super::builder::InPlace for Never {
        fn prepare<'a>(
            &'a self,
            _: &'a Target,
            _: &'a spec::Wasm,
        ) -> futures_util::future::BoxFuture<'a, Result<super::super::builder::Commit, String>> {
            Box::pin(async { Err("a plan is made without it".to_owned()) })
        }
    }

    fn standing(text: &str, stage: Stage, in_place: bool) -> Vec<View> {
        let view = |spec| View {
            spec: Arc::new(spec),
            in_place: in_place.then(|| Arc::new(Never) as _),
            controls: None,
            started: 0,
            stage: stage.clone(),
        };
        loaded(text).spec.pipelines.into_iter().map(view).collect()
    }

    /// What replacing a piece of the text changes: `verb path: detail`.
    fn planned(text: &str, replacements: &[(&str, &str)], in_place: bool) -> Vec<String> {
        let mut changed = text.to_owned();
        for (old, new) in replacements {
            assert!(changed.contains(old), "{old}");
            changed = changed.replace(old, new);
        }
        shown(&pipelines(&standing(text, Stage::Running, in_place), &loaded(&changed).spec.pipelines))
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        let verb = |action: &Action| match action {
            Action::Swap { .. } => "swap",
            Action::Restart(_) => "restart",
            Action::Start(_) => "start",
            Action::Stop => "stop",
            Action::Apply => "apply",
            Action::NeedsRestart => "keep",
        };
        changes.iter().map(|change| format!("{} {}: {}", verb(&change.action), change.path, change.detail)).collect()
    }

    #[test]
    fn what_says_the_same_is_no_change_wherever_it_stands() {
        assert_eq!(planned(TWO_SOURCES, &[], true), [""; 0]);
        let (head, sinks) = TWO_SOURCES.split_at(TWO_SOURCES.find("[pipelines.p.sinks.out]").expect("sinks"));
        let turned = format!("# a comment\n{sinks}\n{head}");
        assert_eq!(pipelines(&standing(TWO_SOURCES, Stage::Running, true), &loaded(&turned).spec.pipelines), []);
    }

    #[test]
    fn a_component_that_changed_restarts_its_pipeline_and_is_named() {
        for (old, new, detail) in [
            ("topic = \"out\"", "topic = \"elsewhere\"", "sink out: topic"),
            ("topic = \"out\"", "topic = \"out\"\nclient = { \"linger.ms\" = \"50\" }", "sink out: client.linger.ms"),
            ("group = \"one\"", "group = \"two\"\nbatch_size = 7", "source left: group, batch_size"),
            ("channels.mem.memory]", "channels.mem.memory]\ncapacity = 2000", "channel mem: capacity"),
            ("host = {}", "host = { use_ip = false }", "source left: interceptor host: settings"),
            ("host = {}", "timestamp = {}", "source left: interceptor host: type"),
            (", { name = \"host\", host = {} }", "", "source left: interceptor host: gone"),
            ("[pipelines.p.sinks.out]", "[pipelines.p.dead_letters]\nfile = \"/d\"\n[pipelines.p.sinks.out]", "dead letters"),
            ("sinks.out", "sinks.out2", "sink out2: new; sink out: gone"),
        ] {
            assert_eq!(planned(TWO_SOURCES, &[(old, new)], true), [format!("restart p: {detail}")]);
        }
    }

    #[test]
    fn a_chain_in_another_order_restarts_its_pipeline() {
        let (both, host) = ("{ name = \"both\", wasm = { plugin = \"a.wasm\" } }", "{ name = \"host\", host = {} }");
        let changed = planned(TWO_SOURCES, &[(&format!("{both}, {host}"), &format!("{host}, {both}"))], true);
        assert_eq!(changed, ["restart p: source left: interceptors in another order"]);
    }

    #[test]
    fn plugins_that_changed_are_exchanged_one_by_one_and_addressed_without_doubt() {
        let changed = planned(TWO_SOURCES, &[("a.wasm", "b.wasm")], true);
        assert_eq!(changed, ["swap p/left/both: plugin", "swap p/right/both: plugin", "swap p/only: plugin"]);
        let changed = planned(TWO_SOURCES, &[("floor = \"1\" }", "floor = \"2\", ceiling = \"9\" }, instances = 2")], true);
        assert_eq!(changed, ["swap p/only: instances, settings.floor, settings.ceiling"]);
    }

    #[test]
    fn a_plugin_that_changed_with_something_else_or_cannot_be_exchanged_restarts_its_pipeline() {
        let changed = planned(TWO_SOURCES, &[("floor = \"1\"", "floor = \"2\""), ("\"out\"\n", "\"elsewhere\"\n")], true);
        assert_eq!(changed, ["restart p: source right: interceptor only: settings.floor; sink out: topic"]);
        let changed = planned(TWO_SOURCES, &[("floor = \"1\"", "floor = \"2\"")], false);
        assert_eq!(changed, ["restart p: source right: interceptor only: settings.floor"]);
    }

    #[test]
    fn pipelines_come_and_go_and_an_ended_one_is_tried_again() {
        let other = TWO_SOURCES.replace("pipelines.p.", "pipelines.q.");
        let changed = pipelines(&standing(TWO_SOURCES, Stage::Running, true), &loaded(&other).spec.pipelines);
        assert_eq!(shown(&changed), ["stop p: it is no longer configured", "start q: it is new"]);
        let ended = standing(TWO_SOURCES, Stage::Ended("it halted".into()), true);
        assert_eq!(shown(&pipelines(&ended, &loaded(TWO_SOURCES).spec.pipelines)), ["start p: it had ended: it halted"]);
    }

    #[test]
    fn no_value_of_a_secret_is_told() {
        let mut old = loaded(TWO_SOURCES).spec.pipelines.remove(0);
        let mut new = old.clone();
        for (spec, password) in [(&mut old, "hunter2"), (&mut new, "hunter3")] {
            let crate::sink::Spec::Kafka(kafka) = &mut spec.sinks[0].kind else { panic!("a Kafka sink") };
            kafka.client.insert("sasl.password".to_owned(), password.to_owned());
        }
        let view = View { spec: Arc::new(old), in_place: None, controls: None, started: 0, stage: Stage::Running };
        assert_eq!(shown(&pipelines(&[view], &[new])), ["restart p: sink out: client.sasl.password"]);
    }
}
