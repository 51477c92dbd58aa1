//! Options of the command line that decide what is read.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use weir::cli::validate;
use weir::config::{self, Error, Load, Loaded};
use weir::pipeline::dead_letter::{self, HeaderStyle};
use weir::source::Spec as Source;

const VALID: &str = "config/cases/header-set-by-static.properties";

fn load(args: Load) -> Result<Loaded, Error> {
    config::load(&args)
}

fn batch_size(loaded: &Loaded) -> usize {
    let Source::Kafka(source) = &loaded.spec.pipelines[0].sources[0].kind else { panic!("a Kafka source") };
    source.batch_size.get()
}

#[test]
fn a_later_file_overrides_an_earlier_one() {
    let directory = tempfile::tempdir().unwrap();
    let more = directory.path().join("more.properties");
    fs::write(&more, "a.sources.r.batchSize = 7\n").unwrap();
    let loaded = load(Load { conf_file: vec![PathBuf::from(VALID), more], ..Load::default() }).unwrap();
    assert_eq!(batch_size(&loaded), 7);
}

#[test]
fn a_file_that_is_not_here_is_looked_for_in_the_conf_directory() {
    let conf_file = vec![PathBuf::from("header-set-by-static.properties")];
    let found = load(Load { conf_file: conf_file.clone(), conf: Some(PathBuf::from("config/cases")), ..Load::default() });
    assert_eq!(batch_size(&found.unwrap()), 1000);
    let error = load(Load { conf_file, ..Load::default() }).unwrap_err();
    assert!(error.to_string().contains("cannot read header-set-by-static.properties"), "{error}");
}

#[test]
fn settings_stand_beside_a_flume_file_and_the_plugin_map_wins_over_them() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("weir.toml");
    let text = "[agent]\nadmin = '127.0.0.1:1'\ndrain_limit = '1s'\ndead_letters = { file = '/dl' }\nplugins = { 'A$B' = 'a.wasm', 'C$D' = 'c.wasm' }\napi = { tls = { certificate = 'c.pem', key = '/k.pem' } }\n";
    fs::write(&settings, text).unwrap();
    let plugin_map = vec!["A$B=mine.wasm".to_owned()];
    let loaded = load(Load { conf_file: vec![PathBuf::from(VALID)], settings: Some(settings), plugin_map, ..Load::default() }).unwrap();
    assert_eq!(loaded.settings.admin, Some("127.0.0.1:1".parse().unwrap()));
    assert_eq!(loaded.settings.plugins["A$B"], PathBuf::from("mine.wasm"));
    assert_eq!(loaded.settings.plugins["C$D"], directory.path().join("c.wasm"));
    let tls = loaded.settings.api.tls.unwrap();
    assert_eq!((tls.certificate, tls.key), (directory.path().join("c.pem"), PathBuf::from("/k.pem")));
    assert_eq!(loaded.spec.pipelines[0].dead_letters, dead_letter::Spec::File(PathBuf::from("/dl")));
}

#[test]
fn dead_letters_may_go_to_a_topic_with_the_headers_of_kafka_connect() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("weir.toml");
    let read = |style: &str| {
        fs::write(&settings, format!("[agent]\ndead_letters = {{ topic = {{ topic = 'dead'{style} }} }}\n")).unwrap();
        load(Load { conf_file: vec![PathBuf::from(VALID)], settings: Some(settings.clone()), ..Load::default() })
    };
    for (style, expected) in
        [("", HeaderStyle::Weir), (", header_style = 'weir'", HeaderStyle::Weir), (", header_style = 'connect'", HeaderStyle::Connect)]
    {
        let dead_letter::Spec::Topic(topic) = read(style).unwrap().spec.pipelines[0].dead_letters.clone() else { panic!("no topic") };
        assert_eq!((topic.topic.as_str(), topic.header_style), ("dead", expected));
    }
    let error = read(", header_style = 'kafka'").unwrap_err();
    assert!(error.problems.iter().any(|problem| format!("{problem:?}").contains("connect")), "names what there is: {error:?}");
}

#[test]
fn settings_with_pipelines_or_wrong_keys_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let settings = directory.path().join("weir.toml");
    fs::write(&settings, "[agent]\ndrian_limit = '1s'\n[pipelines]\n").unwrap();
    let error = load(Load { conf_file: vec![PathBuf::from(VALID)], settings: Some(settings), ..Load::default() }).unwrap_err();
    let help: Vec<&str> = error.problems.iter().flat_map(|problem| problem.help.iter().map(String::as_str)).collect();
    assert_eq!(help, ["a settings file may have: agent", "did you mean `drain_limit`?"]);
}

#[test]
fn files_that_cannot_be_joined_or_are_of_another_kind_are_refused() {
    let toml = PathBuf::from("config/cases/native.toml");
    let joined = load(Load { conf_file: vec![toml.clone(), PathBuf::from(VALID)], ..Load::default() }).unwrap_err();
    assert!(joined.to_string().contains("cannot be joined"), "{joined}");
    let other = load(Load { conf_file: vec![PathBuf::from("agent.yaml")], ..Load::default() }).unwrap_err();
    assert!(other.to_string().contains("properties file or a .toml file"), "{other}");
    let missing = load(Load { conf_file: vec![toml], name: vec!["pp".to_owned()], ..Load::default() }).unwrap_err();
    assert!(missing.to_string().contains("there is no pipeline `pp`"), "{missing}");
}

#[test]
fn validate_ends_with_78_on_errors_and_when_strict_on_warnings() {
    let code = |file: &str, strict: bool| {
        let load = Load { conf_file: vec![PathBuf::from(file)], strict, ..Load::default() };
        format!("{:?}", validate::main(validate::Args { load, json: false, quiet: true }))
    };
    let (good, bad) = (format!("{:?}", ExitCode::SUCCESS), format!("{:?}", ExitCode::from(78)));
    assert_eq!(code(VALID, true), good);
    assert_eq!(code("config/cases/header-trap.properties", false), good);
    assert_eq!(code("config/cases/header-trap.properties", true), bad);
    assert_eq!(code("config/cases/loop.properties", false), bad);
}
