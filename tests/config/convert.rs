//! `weir convert`: what it writes means what Flume's files mean, and the report says what became of each line.
//!
//! `converted/` has cases as triples: a Flume file, the native file that comes of it, and the report. `WEIR_BLESS=1` writes these anew.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use weir::cli::convert as command;
use weir::config::convert::{Conversion, Error, Options, Verdict, convert};
use weir::config::spec::AgentSpec;
use weir::config::{self, Brokers, Load, Problem};
use weir::interceptor;
use weir::pipeline::dead_letter;

use super::cases::{arguments, marked};

fn whole() -> Options<'static> {
    Options { directory: Path::new(""), comments: true, partial: false }
}

fn files(directory: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "properties"));
    files.sort();
    files
}

fn args(file: &Path) -> Load {
    arguments(file, &marked(&fs::read_to_string(file).unwrap(), "# args: "))
}

/// Components in the order of their names, and plugins by their whole paths: what a file in another directory means, too.
fn placeless(mut spec: AgentSpec) -> AgentSpec {
    spec.pipelines.sort_by(|one, other| one.name.cmp(&other.name));
    for pipeline in &mut spec.pipelines {
        pipeline.sources.sort_by(|one, other| one.name.cmp(&other.name));
        pipeline.channels.sort_by(|one, other| one.name.cmp(&other.name));
        pipeline.sinks.sort_by(|one, other| one.name.cmp(&other.name));
        pipeline.sink_groups.sort_by(|one, other| one.name.cmp(&other.name));
        for step in pipeline.sources.iter_mut().flat_map(|source| &mut source.interceptors) {
            if let interceptor::Spec::Wasm(wasm) = &mut step.kind {
                wasm.plugin = std::path::absolute(&wasm.plugin).unwrap();
            }
        }
    }
    spec
}

/// The native text, read from a file in `directory`.
fn read_native(text: &str, directory: &Path) -> config::Loaded {
    let file = directory.join("native.toml");
    fs::write(&file, text).unwrap();
    let loaded = config::load(&Load { conf_file: vec![file], ..Load::default() });
    loaded.unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn every_case_that_loads_means_the_same_in_its_native_form() {
    let mut converted = 0;
    for file in [files("config/cases"), files("config/converted"), files("../conf")].concat() {
        let mut args = args(&file);
        if file.starts_with("../conf") {
            args.plugin_map.push("../conf/plugin-map.toml".to_owned());
        }
        let Ok(loaded) = config::load(&args) else {
            assert!(matches!(convert(&args, whole()), Err(Error::Config(_))), "{} does not load and is converted", file.display());
            continue;
        };
        let directory = tempfile::tempdir().unwrap();
        for (place, comments) in [(Path::new(""), true), (directory.path(), true), (Path::new("../conf"), false)] {
            let conversion = convert(&args, Options { directory: place, comments, partial: false });
            let conversion = conversion.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            // Variables that the native form needs cannot be set in a test of many threads: it checks itself with them.
            if place != directory.path() || !conversion.report.variables.is_empty() {
                continue;
            }
            // Flume runs what nothing fills; the native form does without.
            if conversion.report.lines.iter().any(|line| line.why.iter().any(|why| why.starts_with("nothing fills the channel"))) {
                continue;
            }
            let native = read_native(&conversion.toml, place);
            assert_eq!(placeless(native.spec), placeless(loaded.spec.clone()), "{}\n{}", file.display(), conversion.toml);
            // What is as dangerous there as here is said of both.
            let said = |problem: &Problem| loaded.warnings.iter().any(|known| known.message == problem.message);
            assert!(native.warnings.iter().all(said), "{}: {:?}", file.display(), native.warnings);
        }
        converted += 1;
    }
    assert!(converted >= 15, "only {converted} cases load");
}

#[test]
fn every_line_of_a_file_is_in_the_report_once() {
    for file in [files("config/cases"), files("config/converted")].concat() {
        let Ok(conversion) = convert(&args(&file), Options { partial: true, ..whole() }) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<usize> = conversion.report.lines.iter().map(|line| line.line).collect();
        let properties = config::properties::parse(&text).properties;
        let all: Vec<usize> = properties.iter().map(|property| text[..property.key_span.start].matches('\n').count() + 1).collect();
        let agents_left_out = conversion.report.problems.iter().any(|problem| problem.message.ends_with("is not converted"));
        assert!(lines == all || agents_left_out, "{}: {lines:?} {all:?}", file.display());
    }
}

fn shown(conversion: &Conversion) -> String {
    let report = &conversion.report;
    let mut out = String::new();
    for line in &report.lines {
        writeln!(out, "{line}").unwrap();
    }
    for problem in &report.problems {
        writeln!(out, "{}", problem.line()).unwrap();
    }
    for variable in &report.variables {
        writeln!(out, "needs {} for {}", variable.name, variable.key).unwrap();
    }
    out
}

#[test]
fn the_converted_cases_come_out_as_they_are_kept() {
    let mut wrong = Vec::new();
    for file in files("config/converted") {
        let conversion =
            convert(&args(&file), Options { partial: true, ..whole() }).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for (extension, now) in [("toml", conversion.toml.clone()), ("report", shown(&conversion))] {
            let kept = file.with_added_extension(extension);
            if std::env::var_os("WEIR_BLESS").is_some() {
                fs::write(&kept, &now).unwrap();
            } else if fs::read_to_string(&kept).unwrap_or_default() != now {
                wrong.push(format!("--- {}\n{now}", kept.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nif that is right: WEIR_BLESS=1", wrong.join("\n"));
}

#[test]
fn a_secret_from_the_environment_is_never_written() {
    // Cargo sets this for every test: it stands for a secret.
    let secret = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let conversion = convert(&args(Path::new("config/converted/secrets.properties")), whole()).unwrap();
    assert!(!conversion.toml.contains(&secret) && !shown(&conversion).contains(&secret), "{}", conversion.toml);
    assert!(conversion.toml.contains("${env:CARGO_MANIFEST_DIR}"), "{}", conversion.toml);
    assert!(!conversion.toml.contains("from-command"), "{}", conversion.toml);
    assert!(!shown(&conversion).contains("hunter2") && !conversion.report.json().to_string().contains("hunter2"));
    assert!(conversion.has_secrets && conversion.toml.contains("hunter2"), "a secret that Flume's file holds is kept");
}

fn run(args: command::Args) -> String {
    format!("{:?}", command::main(args))
}

fn code(code: u8) -> String {
    format!("{:?}", ExitCode::from(code))
}

#[test]
fn the_exit_code_says_whether_something_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let output = |name: &str| Some(directory.path().join(name));
    let convert = |file: &str, output: Option<PathBuf>, partial: bool| {
        let file = PathBuf::from(file);
        run(command::Args { name: args(&file).name, files: vec![file], output, partial, ..command::Args::default() })
    };
    assert_eq!(convert("config/cases/header-set-by-static.properties", output("good.toml"), false), code(0));
    assert_eq!(convert("config/cases/unknown-keys.properties", output("lost.toml"), false), code(1));
    assert_eq!(convert("config/cases/known-types.properties", output("no.toml"), false), code(78));
    assert!(!directory.path().join("no.toml").exists());
    assert_eq!(convert("config/cases/known-types.properties", output("no.toml"), true), code(78));
    assert!(directory.path().join("no.toml").exists());
    assert_eq!(convert("config/cases/header-set-by-static.properties", output("good.toml"), false), code(64));
    assert_eq!(convert("config/cases/header-set-by-static.properties", output("good.properties"), false), code(64));
    assert_eq!(convert("config/cases/header-set-by-static.properties", output("nowhere/good.toml"), false), code(74));
    assert_eq!(convert("config/cases/native.toml", output("again.toml"), false), code(78));
}

#[test]
fn a_file_with_secrets_is_for_its_owner_only() {
    let directory = tempfile::tempdir().unwrap();
    let convert = |file: &str, name: &str| {
        let output = directory.path().join(name);
        run(command::Args { files: vec![PathBuf::from(file)], output: Some(output.clone()), ..command::Args::default() });
        fs::metadata(output).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(convert("config/cases/sasl.properties", "secret.toml"), 0o600);
    assert_ne!(convert("config/cases/header-set-by-static.properties", "plain.toml"), 0o600);
}

#[test]
fn settings_are_taken_over_with_their_references_and_files() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("weir.toml");
    let text = "[agent]\nadmin = '127.0.0.1:1'\ndrain_limit = '1s'\nplugins = { 'A$B' = 'a.wasm' }\n\
                api = { tokens = [{ name = 'ci', role = 'operate', token = 'weir-tests-${env:CARGO_MANIFEST_DIR}' }], tls = { certificate = 'c.pem', key = '/k.pem' } }\n\
                dead_letters = { topic = { topic = 'dead', brokers = 'b1:9092' } }\n";
    fs::write(&settings, text).unwrap();
    let load = Load {
        conf_file: vec![PathBuf::from("config/cases/header-set-by-static.properties")],
        settings: Some(settings),
        ..Load::default()
    };
    let conversion = convert(&load, whole()).unwrap();
    assert!(conversion.toml.contains("${env:CARGO_MANIFEST_DIR}"), "{}", conversion.toml);
    let elsewhere = tempfile::tempdir().unwrap();
    let native = read_native(&conversion.toml, elsewhere.path());
    let loaded = config::load(&load).unwrap();
    assert_eq!(native.settings.api, loaded.settings.api);
    assert_eq!(native.settings.admin, loaded.settings.admin);
    assert!(native.settings.plugins.is_empty());
    assert_eq!(placeless(native.spec), placeless(loaded.spec));
}

#[test]
fn the_seeds_pipeline_comes_out_as_it_was_written_by_hand() {
    let load = Load {
        conf_file: vec![PathBuf::from("../conf/flume1.properties")],
        plugin_map: vec!["../conf/plugin-map.toml".to_owned()],
        ..Load::default()
    };
    let conversion = convert(&load, Options { directory: Path::new("../conf"), comments: true, partial: false }).unwrap();
    assert!(conversion.toml.contains(r#"plugin = "../plugins/fraud-score/fraud-score.wasm""#), "{}", conversion.toml);
    assert_eq!(conversion.report.count(Verdict::Unsupported), 0, "{}", shown(&conversion));
    let by_hand = config::load(&Load { conf_file: vec![PathBuf::from("../conf/flume1.toml")], ..Load::default() }).unwrap();
    let directory = tempfile::tempdir_in("../conf").unwrap();
    let elsewhere = convert(&load, Options { directory: directory.path(), comments: false, partial: false }).unwrap();
    assert_eq!(placeless(read_native(&elsewhere.toml, directory.path()).spec), placeless(by_hand.spec));
}

/// A source, a channel and a sink that have nothing to do with other ones.
fn flow(name: &str) -> String {
    format!(
        "a.sources.r{name}.type = org.apache.flume.source.kafka.KafkaSource\n\
         a.sources.r{name}.kafka.bootstrap.servers = ${{env:CARGO_PKG_NAME}}:9092\n\
         a.sources.r{name}.kafka.topics = in{name}\n\
         a.sources.r{name}.batchSize = 500\n\
         a.sources.r{name}.channels = c{name}\n\
         a.channels.c{name}.type = memory\n\
         a.channels.c{name}.keep-alive = 1\n\
         a.sinks.k{name}.type = org.apache.flume.sink.kafka.KafkaSink\n\
         a.sinks.k{name}.channel = c{name}\n\
         a.sinks.k{name}.kafka.topic = out{name}\n\
         a.sinks.k{name}.brokerList = b1:9092\n"
    )
}

#[test]
fn a_flow_is_converted_as_it_would_be_alone() {
    let directory = tempfile::tempdir().unwrap();
    let converted = |flows: &[&str]| {
        let list = |letter: &str| flows.iter().map(|name| format!("{letter}{name}")).collect::<Vec<_>>().join(" ");
        let lists = format!("a.sources = {}\na.channels = {}\na.sinks = {}\n", list("r"), list("c"), list("k"));
        let file = directory.path().join("flows.properties");
        fs::write(&file, lists + &flows.iter().map(|name| flow(name)).collect::<String>()).unwrap();
        let options = Options { comments: false, ..whole() };
        convert(&Load { conf_file: vec![file], ..Load::default() }, options).unwrap()
    };
    let all = converted(&["1", "2", "3"]);
    let alone = converted(&["2"]);
    let about = |conversion: &Conversion| -> Vec<String> {
        let lines = conversion.report.lines.iter().filter(|line| line.key.split('.').nth(2).is_some_and(|name| name.ends_with('2')));
        lines.map(|line| format!("{}: {} {:?} {:?}", line.key, line.verdict.name(), line.native, line.why)).collect()
    };
    assert_eq!((about(&all), about(&all).len()), (about(&alone), 11));
    for section in alone.toml.split("\n\n") {
        assert!(all.toml.contains(section.trim()), "{section}\nis not in\n{}", all.toml);
    }
}

#[test]
fn a_dead_letter_topic_stays_in_its_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let (file, settings) = (directory.path().join("a.properties"), directory.path().join("weir.toml"));
    let two_sinks = flow("1").replace("k1", "z").replace("brokerList = b1:9092", "brokerList = first:9092");
    let second = "a.sinks.b.type = org.apache.flume.sink.kafka.KafkaSink\na.sinks.b.channel = c1\na.sinks.b.kafka.topic = out\na.sinks.b.brokerList = b2:9092\n";
    fs::write(&file, format!("a.sources = r1\na.channels = c1\na.sinks = z b\n{two_sinks}{second}")).unwrap();
    fs::write(&settings, "[agent]\ndead_letters = { topic = { topic = 'dead' } }\n").unwrap();
    let load = Load { conf_file: vec![file], settings: Some(settings), ..Load::default() };
    let native = read_native(&convert(&load, whole()).unwrap().toml, directory.path());
    let dead_letter::Spec::Topic(topic) = &native.spec.pipelines[0].dead_letters else { panic!("no topic") };
    assert_eq!(topic.brokers, Some(Brokers::List("first:9092".to_owned())));
}
