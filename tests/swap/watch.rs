//! The watched file and directory: whatever way a new version arrives there, it is taken whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use weir::control::swap::VersionState;

use super::{PATIENCE, Scene, Setup, TARGET, until_judged_by};
use crate::harness::agent::Agent;
use crate::harness::api::Api;
use crate::harness::versions::Version;
use crate::harness::{cache, turn, wait};

/// A watcher that looks each second has looked more than once.
const LOOKS: Duration = Duration::from_secs(4);

/// Lines of the log that say an error about this.
fn errors(agent: &Agent, about: &str) -> usize {
    agent.log().lines().filter(|line| line.contains("ERROR") && line.contains(about)).count()
}

/// Every version there ever was is one of these.
#[track_caller]
fn assert_only(api: &Api, versions: &[&Version]) {
    for entry in api.history(TARGET).versions {
        assert!(versions.iter().any(|version| version.digest == entry.version.digest), "{entry:?}");
    }
}

#[test]
fn a_file_is_taken_when_it_is_whole_and_a_bad_one_leaves_the_last_good_version() {
    let _turn = turn::alone();
    let [one, two, three, four] = [1, 2, 3, 4].map(Version::good);
    let scene = Scene::new("file", &one, Setup { more: "PLUGIN.trial = 2s\n", ..Setup::default() });
    let agent = scene.site.start();
    let feed = scene.feed(2_000);
    scene.flows(1_000);
    let api = agent.api();

    // Renamed into its place.
    two.put(&scene.plugin);
    until_judged_by(&api, &two);
    assert_eq!(api.version(TARGET).by, "file");

    // Written over, in pieces, more slowly than anybody looks.
    let mut file = File::create(&scene.plugin).unwrap();
    for piece in three.component.chunks(three.component.len() / 6 + 1) {
        file.write_all(piece).unwrap();
        file.sync_all().unwrap();
        sleep(Duration::from_millis(700));
    }
    drop(file);
    until_judged_by(&api, &three);
    assert_only(&api, &[&one, &two, &three]);

    // Bad: said once, however often it is looked at.
    let errors_before = errors(&agent, "plugin.wasm");
    fs::write(scene.plugin.with_extension("bad"), &three.component[..three.component.len() / 2]).unwrap();
    fs::rename(scene.plugin.with_extension("bad"), &scene.plugin).unwrap();
    wait::until("the bad file is refused", PATIENCE, || errors(&agent, "plugin.wasm") > errors_before);
    sleep(LOOKS);
    assert_eq!(errors(&agent, "plugin.wasm"), errors_before + 1, "{}", agent.log_tail());
    assert_eq!(api.version(TARGET).digest, three.digest);
    scene.flows(1_000);
    wait::until("the trial is over", PATIENCE, || api.interceptor(TARGET).trial.is_none());

    // With the bad file in place the next agent runs what was good.
    assert_eq!(agent.terminate(), 0);
    let agent = scene.site.start();
    let api = agent.api();
    assert_eq!(api.version(TARGET).digest, three.digest);
    scene.flows(1_000);

    // Gone: nothing changes.
    fs::remove_file(&scene.plugin).unwrap();
    sleep(LOOKS);
    assert_eq!(api.version(TARGET).digest, three.digest);
    scene.flows(1_000);
    assert_eq!(agent.terminate(), 0);
    let agent = scene.site.start();
    let api = agent.api();
    assert_eq!(api.version(TARGET).digest, three.digest);

    // Back again, as a new one.
    four.put(&scene.plugin);
    until_judged_by(&api, &four);

    // One that is rolled back is not taken again from the file it is still in.
    let trapping = Version::new("traps-on-rare", 5);
    trapping.put(&scene.plugin);
    until_judged_by(&api, &trapping);
    api.rollback(TARGET, None).unwrap();
    sleep(LOOKS);
    assert_eq!(api.version(TARGET).digest, four.digest);
    let history = api.history(TARGET).versions;
    let tried: Vec<_> = history.iter().filter(|entry| entry.version.digest == trapping.digest).collect();
    assert_eq!(tried.len(), 1, "{history:#?}");
    assert_eq!(tried[0].state, VersionState::RolledBack);

    let events = feed.stop();
    let (checker, letters) = scene.finish(agent, events);
    println!("watched file: {}", checker.report());
    checker.report().assert_exact();
    assert!(letters.is_empty(), "{:?}", letters.first());
}

/// What the kubelet does: `plugin.wasm` points into `..data`, and `..data` to a directory of the moment.
fn publish(volume: &Path, moment: &str, version: &Version) {
    let directory = volume.join(format!("..{moment}"));
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("plugin.wasm"), &version.component).unwrap();
    let old = fs::read_link(volume.join("..data")).ok();
    let draft = volume.join("..data_tmp");
    symlink(format!("..{moment}"), &draft).unwrap();
    fs::rename(draft, volume.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(volume.join(old)).unwrap();
    }
}

#[test]
fn a_config_map_that_is_flipped_is_a_new_version() {
    let _turn = turn::shared();
    let volume = cache::scratch("volume");
    let versions = [1, 2, 3].map(Version::good);
    publish(&volume, "2026_11_01", &versions[0]);
    symlink("..data/plugin.wasm", volume.join("plugin.wasm")).unwrap();
    let setup = Setup { plugin: Some(volume.join("plugin.wasm")), more: "PLUGIN.trial = 1s\n", ..Setup::default() };
    let scene = Scene::new("volume", &versions[0], setup);
    let agent = scene.site.start();
    let feed = scene.feed(1_000);
    scene.flows(500);
    let api = agent.api();
    for (moment, version) in [("2026_11_02", &versions[1]), ("2026_11_03", &versions[2])] {
        publish(&volume, moment, version);
        until_judged_by(&api, version);
        scene.flows(500);
    }
    assert_only(&api, &versions.each_ref());
    assert_eq!(errors(&agent, "plugin"), 0, "{}", agent.log_tail());
    let events = feed.stop();
    let (checker, _) = scene.finish(agent, events);
    println!("flipped volume: {}", checker.report());
    checker.report().assert_exact();
}

#[test]
fn of_a_directory_the_newest_component_judges() {
    let _turn = turn::shared();
    let directory = cache::scratch("directory");
    let [one, two, three, old] = [1, 2, 3, 4].map(Version::good);
    one.put(&directory.join("score-1.wasm"));
    let setup = Setup { plugin: Some(directory.clone()), more: "PLUGIN.trial = 1s\n", ..Setup::default() };
    let scene = Scene::new("directory", &one, setup);
    let agent = scene.site.start();
    let feed = scene.feed(1_000);
    scene.flows(500);
    let api = agent.api();
    two.put(&directory.join("score-2.wasm"));
    until_judged_by(&api, &two);
    // An old build that somebody copies with its date is not the newest; nor is what is no component, or hidden.
    let file = directory.join("score-0.wasm");
    fs::write(directory.join("score-0.draft"), &old.component).unwrap();
    let draft = File::options().write(true).open(directory.join("score-0.draft")).unwrap();
    draft.set_modified(SystemTime::now() - Duration::from_secs(86_400)).unwrap();
    fs::rename(directory.join("score-0.draft"), file).unwrap();
    fs::write(directory.join("README.txt"), "not a plugin").unwrap();
    fs::write(directory.join(".score-9.wasm"), b"half a co").unwrap();
    sleep(LOOKS);
    assert_eq!(api.version(TARGET).digest, two.digest);
    // A bad newest one leaves the one before.
    fs::write(directory.join("score-3.wasm"), b"\0asm and no more").unwrap();
    wait::until("the bad file is refused", PATIENCE, || errors(&agent, "score-3.wasm") > 0);
    assert_eq!(api.version(TARGET).digest, two.digest);
    three.put(&directory.join("score-3.wasm"));
    until_judged_by(&api, &three);
    assert_only(&api, &[&one, &two, &three]);
    let events = feed.stop();
    let (checker, _) = scene.finish(agent, events);
    println!("directory: {}", checker.report());
    checker.report().assert_exact();
}
