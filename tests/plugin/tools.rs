//! The tools of a plugin's author: `weir plugin test`, `try` and `bench` as they are called, wrong turns included.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{binary, guest};
use crate::harness::bad_plugins;
use crate::harness::cache::repository;
use crate::harness::guests::target_directory;
use crate::harness::process::{Process, Signal};
use crate::harness::wait::until;

/// What a command said and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A directory with files, and commands in it.
struct Bench {
    directory: TempDir,
}

impl Bench {
    fn with(files: &[(&str, &str)]) -> Bench {
        let bench = Bench { directory: tempfile::tempdir().unwrap() };
        for (name, text) in files {
            bench.write(name, text);
        }
        bench
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn weir(&self, arguments: &[&str]) -> Said {
        self.feed(arguments, "")
    }

    fn feed(&self, arguments: &[&str], input: &str) -> Said {
        let mut command = Command::new(binary());
        command.arg("plugin").args(arguments).current_dir(self.directory.path());
        command.env("XDG_CACHE_HOME", target_directory().join("guests")).env_remove("CACHE_DIRECTORY");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

fn committed(name: &str) -> String {
    repository().join(format!("plugins/{name}/{name}.wasm")).display().to_string()
}

const TRANSACTION: &str =
    r#"{"id":1,"card":"c","amount":500,"currency":"EUR","merchant":"m","mcc":"5411","country":"SE","home":"SE","ts":1}"#;

fn sample() -> String {
    format!("{{\"body\":{{\"json\":{TRANSACTION}}},\"key\":\"c\",\"timestamp\":7}}\n\n{{\"body\":\"no transaction\"}}\n")
}

#[test]
fn what_becomes_of_events_is_printed_in_order_and_summed_up() {
    let bench = Bench::with(&[("sample.jsonl", &sample())]);
    let said = bench.weir(&["test", &committed("fraud-score"), "sample.jsonl"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(said.out.starts_with("{\"verdict\":\"kept\",\"body\":"), "{}", said.out);
    assert_eq!(lines[0]["body"], TRANSACTION);
    assert_eq!(lines[0]["headers"]["fraud.score"], "0.200");
    assert_eq!((&lines[0]["key"], &lines[0]["timestamp"]), (&"c".into(), &7.into()));
    assert_eq!((&lines[1]["verdict"], &lines[1]["body"]), (&"rejected".into(), &"no transaction".into()));
    assert!(lines[1]["reason"].is_string());
    assert!(said.err.contains("2 events in 1 batch: 1 kept, 0 discarded, 1 rejected\n"), "{}", said.err);
    assert!(said.err.contains("/event") && said.err.contains("memory"), "{}", said.err);
}

#[test]
fn a_setting_changes_what_is_judged_and_batches_are_as_large_as_they_are_told_to_be() {
    let bench = Bench::with(&[("sample.jsonl", &sample())]);
    let said = bench.weir(&["test", &committed("fraud-score"), "sample.jsonl", "--set", "amount_limit=500", "--batch", "1"]);
    assert!(said.out.contains("\"fraud.score\":\"0.400\""), "{}", said.out);
    assert!(said.err.contains("2 events in 2 batches"), "{}", said.err);
}

#[test]
fn an_expectation_is_written_met_and_missed() {
    let bench = Bench::with(&[("sample.jsonl", &sample())]);
    let plugin = committed("fraud-score");
    let test = |more: &[&str]| bench.weir(&[&["test", &plugin, "sample.jsonl", "--expect", "out.jsonl"], more].concat());
    let missing = test(&[]);
    assert_eq!(missing.code, Some(64));
    assert!(missing.err.starts_with("weir: out.jsonl is not there yet; --update writes it"), "{}", missing.err);
    let written = test(&["--update"]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""), "{}", written.err);
    assert!(written.err.contains("out.jsonl: 2 lines written"), "{}", written.err);
    assert!(test(&["--update"]).err.contains("out.jsonl: unchanged"));
    let met = test(&[]);
    assert_eq!((met.code, met.out.as_str()), (Some(0), ""));
    assert!(met.err.contains("out.jsonl: as expected"), "{}", met.err);
    let before = bench.read("out.jsonl");
    let missed = test(&["--set", "amount_limit=500"]);
    assert_eq!(missed.code, Some(1));
    assert!(missed.out.starts_with("line 1\n- {\"verdict\":\"kept\""), "{}", missed.out);
    assert!(missed.out.contains("    header fraud.score: \"0.200\" -> \"0.400\"\n"), "{}", missed.out);
    assert!(missed.err.contains("out.jsonl: 1 line not as expected"), "{}", missed.err);
    assert_eq!(bench.read("out.jsonl"), before, "nothing but --update writes it");
}

#[test]
fn an_event_the_plugin_traps_over_is_rejected_alone_with_its_backtrace() {
    let bench =
        Bench::with(&[("sample.jsonl", "{\"body\":\"fine\"}\n{\"body\":{\"json\":{\"poison\": true}}}\n{\"body\":\"fine, too\"}\n")]);
    let said = bench.weir(&["test", &guest("traps").display().to_string(), "sample.jsonl"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let verdicts: Vec<String> = said.out.lines().map(|line| line.split('"').nth(3).unwrap().to_owned()).collect();
    assert_eq!(verdicts, ["kept", "rejected", "kept"], "{}", said.out);
    assert!(said.err.contains("1 rejected (1 over which the plugin failed)"), "{}", said.err);
    assert!(said.err.contains("event 2: ") && said.err.contains("\n    0: "), "{}", said.err);
}

#[test]
fn what_is_wrong_with_events_is_told_with_its_line_and_key() {
    let plugin = committed("passthrough");
    for (text, reason) in [
        ("{\"body\":\"a\"}\n{\"body\":\n", "sample.jsonl:2: no JSON object: EOF while parsing a value at column 8"),
        ("{\"bdy\":\"a\"}\n", "sample.jsonl:1: `bdy` is unknown; did you mean `body`?"),
        ("{\"headers\":{\"a\":1}}\n", "sample.jsonl:1: headers.a: expected text, found a number"),
    ] {
        let bench = Bench::with(&[("sample.jsonl", text)]);
        let said = bench.weir(&["test", &plugin, "sample.jsonl"]);
        assert_eq!((said.code, said.out.as_str()), (Some(64), ""), "{text}");
        assert!(said.err.starts_with(&format!("weir: {reason}")), "{}", said.err);
    }
    let bench = Bench::with(&[("sample.jsonl", "{}"), ("out.jsonl", "{}")]);
    let said = bench.weir(&["test", &plugin, "none.jsonl"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.starts_with("weir: read none.jsonl: No such file"), "{}", said.err);
    let said = bench.weir(&["test", &plugin, "sample.jsonl", "--expect", "out.jsonl"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.starts_with("weir: out.jsonl:1: verdict: is missing"), "{}", said.err);
    assert_eq!(bench.weir(&["test", &plugin, "sample.jsonl", "--update"]).code, Some(64), "--update of what?");
}

#[test]
fn a_plugin_that_no_agent_would_take_is_refused_in_the_agents_words() {
    let bench = Bench::with(&[("sample.jsonl", "{}")]);
    for bad in bad_plugins::all().into_iter().filter(|bad| bad.name != "empty.wasm") {
        fs::write(bench.path(bad.name), &bad.file).unwrap();
        let said = bench.weir(&["test", bad.name, "sample.jsonl"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}: {}", bad.name, said.err);
        for words in bad.says {
            assert!(words.iter().any(|words| said.err.contains(words)), "{}: {}", bad.name, said.err);
        }
    }
    let said = bench.weir(&["try", "none.wasm"]);
    assert_eq!(said.code, Some(64));
    assert!(said.err.contains("none.wasm") && said.err.contains("No such file"), "{}", said.err);
}

#[test]
fn settings_that_do_not_fit_are_told_by_name() {
    let bench = Bench::with(&[("sample.jsonl", "{}")]);
    let test = |setting: &str| bench.weir(&["test", &committed("fraud-score"), "sample.jsonl", "--set", setting]);
    let unknown = test("amount_limt=5");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("`amount_limt` is unknown; did you mean `amount_limit`?"), "{}", unknown.err);
    let refused = test("amount_limit=much");
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("amount_limit"), "{}", refused.err);
    assert_eq!(test("amount_limit").code, Some(64));
}

#[test]
fn lines_of_standard_input_are_judged_and_what_is_no_event_is_told_and_left_out() {
    let bench = Bench::with(&[]);
    let plugin = committed("passthrough");
    let said = bench.feed(&["try", &plugin], "{\"body\":\"a\"}\nhello\n{\"body\":{\"base64\":\"/w==\"}}");
    assert_eq!(said.code, Some(64));
    let expected = "{\"verdict\":\"kept\",\"body\":\"a\"}\n{\"verdict\":\"kept\",\"body\":{\"base64\":\"/w==\"}}\n";
    assert_eq!(said.out, expected);
    assert!(said.err.starts_with("weir: stdin:2: no JSON object: "), "{}", said.err);
    let said = bench.feed(&["try", &plugin, "--text", "--batch", "2"], "hello\n\n{\"body\":1}\n");
    assert_eq!(said.code, Some(0), "{}", said.err);
    let bodies: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["body"].clone()).collect();
    assert_eq!(bodies, ["hello", "", "{\"body\":1}"]);
    assert!(said.err.contains("3 events in 2 batches: 3 kept"), "{}", said.err);
}

#[test]
fn costs_are_measured_beside_the_same_batches_without_the_plugin() {
    let bench = Bench::with(&[("sample.jsonl", &sample()), ("empty.jsonl", "\n")]);
    let plugin = committed("fraud-score");
    let said = bench.weir(&["bench", &plugin, "sample.jsonl", "--batches", "1,3", "--seconds", "1", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let figures: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let sizes: Vec<u64> = figures["batches"].as_array().unwrap().iter().map(|size| size["batch"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 3]);
    for size in figures["batches"].as_array().unwrap() {
        let median = |key: &str| size[key]["median"].as_f64().unwrap();
        assert!(median("cpu_ns_per_event") > median("cpu_ns_per_event_without"), "{size}");
    }
    assert!(figures["memory_bytes"].as_u64() > Some(0) && figures["failed_events"] == 0, "{figures}");
    let empty = bench.weir(&["bench", &plugin, "empty.jsonl"]);
    assert_eq!(empty.code, Some(64));
    assert!(empty.err.contains("no event to measure with"), "{}", empty.err);
}

#[test]
fn a_project_that_does_not_build_is_told_at_each_save_and_an_interrupt_ends_it_in_order() {
    let bench = Bench::with(&[("weir-plugin.toml", "name = \"x\"\nversion = \"0.1.0\"\n"), ("x.c", "not C\n")]);
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(binary());
    // Without any tool it builds nothing, whatever this machine has.
    command.args(["plugin", "dev"]).current_dir(bench.path("")).env("PATH", "");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(said.path()).unwrap());
    let mut dev = Process::start(command);
    let times = |words: &str| fs::read_to_string(said.path()).unwrap().matches(words).count();
    let patience = Duration::from_secs(60);
    until("the first build", patience, || times("not built; the plugin stays as it was") == 1 && times("watching .; Ctrl-C ends") == 1);
    bench.write("x.c", "not C, again\n");
    until("the second build", patience, || times("not built; the plugin stays as it was") == 2 && times("watching .; Ctrl-C ends") == 2);
    dev.signal(Signal::Interrupt);
    assert_eq!(dev.wait(patience), Some(0));
    assert!(times("ended") > 0);
}

#[test]
fn there_is_nothing_to_watch_where_there_is_no_project() {
    let bench = Bench::with(&[("notes.txt", "")]);
    for directory in [".", "none"] {
        let said = bench.weir(&["dev", directory]);
        assert_eq!((said.code, said.out.as_str()), (Some(64), ""), "{}", said.err);
        assert!(said.err.starts_with("weir: "), "{}", said.err);
    }
}
