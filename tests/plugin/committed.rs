//! The components that are committed as built are built from what lies beside them.
//!
//! `WEIR_BLESS=1` builds and records them anew. Beside each lies a record: the digest of every file it was built from, the digest of the
//! component, and the compiler, which is for people. The digests are compared, and what a fresh build makes of sample events with what the
//! committed one does. Not their bytes: the names of functions depend on where the repository lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use weir::batch::Batch;
use weir::event::Event;

use super::{Start, guest};
use crate::harness::cache::repository;

/// What every plugin is built from besides its own folder.
const SHARED: [&str; 6] = ["plugins/Cargo.toml", "plugins/Cargo.lock", "plugins/build.sh", "sdk/rust/src", "sdk/rust/Cargo.toml", "wit"];

#[test]
fn committed_components_are_built_from_what_lies_beside_them() {
    for name in ["fraud-score", "passthrough"] {
        let component = repository().join(format!("plugins/{name}/{name}.wasm"));
        let record = component.with_extension("wasm.source");
        if std::env::var_os("WEIR_BLESS").is_some() {
            fs::copy(guest(name), &component).unwrap();
            fs::write(&record, recorded(name, &fs::read(&component).unwrap())).unwrap();
        }
        let committed = fs::read(&component).unwrap();
        let record = fs::read_to_string(&record).unwrap();
        let now = recorded(name, &committed);
        let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).map(str::to_owned);
        for key in ["source ", "component "] {
            assert_eq!(line(&now, key), line(&record, key), "{name} is not built from its source as it is; WEIR_BLESS=1 builds it anew");
        }
        assert_eq!(answers(component), answers(guest(name)), "{name} does not do what its source says");
        assert!(committed.len() < 512 << 10, "{name} is meant to be small: {} bytes", committed.len());
    }
}

/// What a component makes of good, bad and odd events.
fn answers(component: PathBuf) -> String {
    let transaction = |number: usize| {
        let card = number % 7;
        let (mcc, home) = (["5411", "7995", "6051"][number % 3], ["SE", "NO"][number % 2]);
        format!(
            r#"{{"id":{number},"card":"{card}","amount":{number}.5,"currency":"EUR","merchant":"m","mcc":"{mcc}","country":"SE","home":"{home}","ts":1}}"#
        )
    };
    let mut events: Vec<Event> = (0..200).map(|number| Event::new(transaction(number * 11))).collect();
    events.extend(["", "[]", "{}", "null", "{\"id\":", "\u{0}"].map(Event::new));
    events.push(Event::default());
    let judged = Start::default().run_file(component).judge(Batch::from(events)).unwrap();
    let rejected: Vec<_> = judged.rejected.iter().map(|rejected| &rejected.rejection.reason).collect();
    format!("{:?}\n{rejected:?}\n{}", judged.batch.events, judged.discarded)
}

#[test]
fn every_guest_has_a_test() {
    let tests =
        ["plugin/fraud.rs", "plugin/hostile.rs"].map(|file| fs::read_to_string(repository().join("tests").join(file)).unwrap()).concat();
    let folders = ["plugins", "plugins/hostile"].map(|folder| fs::read_dir(repository().join(folder)).unwrap()).into_iter().flatten();
    // Those with a sample are run on it by `conformance/examples.rs`.
    let has = |path: &Path, file: &str| path.join(file).exists();
    let guests = folders.map(|entry| entry.unwrap().path()).filter(|path| has(path, "Cargo.toml") && !has(path, "sample.jsonl"));
    let names: Vec<String> = guests.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!(".run(\"{name}\")")), "no test runs {name}");
    }
}

/// The record of a component.
fn recorded(name: &str, component: &[u8]) -> String {
    let mut digest = Sha256::new();
    let own = [format!("plugins/{name}/src"), format!("plugins/{name}/Cargo.toml")];
    for path in SHARED.iter().map(|path| (*path).to_owned()).chain(own) {
        for file in files(&repository().join(&path)) {
            let relative = file.strip_prefix(repository()).unwrap();
            digest.update(relative.to_string_lossy().as_bytes());
            digest.update([0]);
            digest.update(Sha256::digest(fs::read(&file).unwrap()));
        }
    }
    format!("source {}\ncomponent {}\ncompiler {}\n", hex(&digest.finalize()), hex(&Sha256::digest(component)), compiler())
}

/// The compiler `build.sh` would use.
fn compiler() -> String {
    let has_std = |rustc: &str| {
        let printed = Command::new(rustc).args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]).output();
        printed.is_ok_and(|printed| Path::new(String::from_utf8_lossy(&printed.stdout).trim()).exists())
    };
    let rustc = if has_std("rustc") { "rustc" } else { "/usr/bin/rustc" };
    let version = Command::new(rustc).arg("--version").output().map(|printed| printed.stdout).unwrap_or_default();
    String::from_utf8_lossy(&version).trim().to_owned()
}

/// A file, or every file below a directory, in order.
fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.iter().flat_map(|entry| files(entry)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
