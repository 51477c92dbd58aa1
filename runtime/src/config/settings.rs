//! Settings of the agent, beside its pipelines: the `[agent]` table of a TOML file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::api;
use crate::interceptor::spec::{Limits, OnError, Swaps};
use crate::pipeline::dead_letter;
use crate::plugin::Signatures;

/// Settings of one process.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address of the API, `/metrics`, `/livez`, `/readyz` and `/version`. Default: chosen by the agent, on loopback.
    pub admin: Option<SocketAddr>,
    /// Who may use the admin address.
    pub api: api::Settings,
    /// Address of the Flume-shaped JSON `/metrics`. Default: none.
    pub flume_metrics: Option<SocketAddr>,
    /// Directory of compiled plugins. Default: chosen by the agent.
    pub cache: Option<PathBuf>,
    /// Directory of what must survive a restart: the versions of plugins, the audit log, dead letters. Default: systemd's `$STATE_DIRECTORY`,
    /// else `$XDG_STATE_HOME/weir`, else `~/.local/state/weir`.
    pub state: Option<PathBuf>,
    /// Longest time to bring open batches home when the agent is stopped. Default: 60 s.
    #[serde(with = "humantime_serde")]
    pub drain_limit: Duration,
    /// How often the configuration's files are looked at for changes; 0 is never. Default: 30 s, as in Flume.
    #[serde(with = "humantime_serde")]
    pub reload_interval: Duration,
    /// The plugin map: which plugin runs in place of which Java class. Relative files begin where the file with the map is.
    pub plugins: BTreeMap<String, PathBuf>,
    /// What a plugin may use, unless its interceptor says otherwise.
    pub limits: Limits,
    /// What becomes of an event that a plugin cannot judge, unless its interceptor says otherwise.
    pub on_error: OnError,
    /// How new versions of plugins are found, tried and watched, unless their interceptor says otherwise.
    pub swaps: Swaps,
    /// Whose signatures a plugin needs. Default: none are asked for.
    pub signatures: Signatures,
    /// Where refused events are parked, unless the pipeline says otherwise. Default: a file a pipeline in the state directory.
    pub dead_letters: Option<dead_letter::Spec>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            admin: None,
            api: api::Settings::default(),
            flume_metrics: None,
            cache: None,
            state: None,
            drain_limit: Duration::from_secs(60),
            reload_interval: Duration::from_secs(30),
            plugins: BTreeMap::new(),
            limits: Limits::default(),
            on_error: OnError::default(),
            swaps: Swaps::default(),
            signatures: Signatures::default(),
            dead_letters: None,
        }
    }
}

impl Settings {
    /// Where a pipeline's refused events go: as set, else `dead-letters/<pipeline>.jsonl` in the state directory.
    #[must_use]
    pub fn dead_letters(&self, pipeline: &str, environment: &dyn Fn(&str) -> Option<String>) -> dead_letter::Spec {
        let configured = self.dead_letters.clone();
        configured.unwrap_or_else(|| dead_letter::Spec::File(dead_letter_file(&self.state_in(environment), pipeline)))
    }

    /// The state directory.
    #[must_use]
    pub fn state_directory(&self) -> PathBuf {
        self.state_in(&|name| std::env::var(name).ok())
    }

    fn state_in(&self, environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
        self.state.clone().unwrap_or_else(|| default_state(environment))
    }

    /// Makes the relative files of the plugin map and of the API's TLS begin in `directory`.
    pub fn resolve_files(&mut self, directory: &Path) {
        self.api.resolve_files(directory);
        for file in self.plugins.values_mut() {
            *file = directory.join(&*file);
        }
    }
}

fn default_state(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    // systemd separates several directories by colons.
    let systemd = set("STATE_DIRECTORY").and_then(|list| list.split(':').next().map(PathBuf::from));
    systemd
        .or_else(|| set("XDG_STATE_HOME").map(|home| PathBuf::from(home).join("weir")))
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/state/weir")))
        .unwrap_or_else(|| PathBuf::from("weir-state"))
}

/// The file of a pipeline's refused events that have no other place.
#[must_use]
pub fn dead_letter_file(state: &Path, pipeline: &str) -> PathBuf {
    state.join("dead-letters").join(format!("{}.jsonl", file_name(pipeline)))
}

/// A component's name as a file's: a name is a piece of a key and may hold what a file name must not.
#[must_use]
pub fn file_name(name: &str) -> String {
    let safe = |character: char| if character.is_alphanumeric() || matches!(character, '-' | '_' | '.') { character } else { '_' };
    name.chars().map(safe).collect()
}

/// What an interceptor needs to know to find its plugin.
#[derive(Debug, Clone, Copy)]
pub struct Plugins<'a> {
    /// The plugin map, and the defaults of limits.
    pub settings: &'a Settings,
    /// Directory of the configuration file.
    pub directory: &'a Path,
}

impl Plugins<'_> {
    /// A `plugin = FILE`: relative to the configuration file's directory, or to the working directory when it is only there.
    #[must_use]
    pub fn find(&self, file: &str) -> PathBuf {
        let beside = self.directory.join(file);
        if !beside.exists() && Path::new(file).exists() { PathBuf::from(file) } else { beside }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(set: &'static [(&'static str, &'static str)]) -> dead_letter::Spec {
        let environment = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Settings::default().dead_letters("a/b", &environment)
    }

    #[test]
    fn dead_letters_go_to_the_state_directory() {
        let at = |path: &str| dead_letter::Spec::File(PathBuf::from(path));
        assert_eq!(file(&[("STATE_DIRECTORY", "/var/lib/weir:/x"), ("HOME", "/h")]), at("/var/lib/weir/dead-letters/a_b.jsonl"));
        assert_eq!(file(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]), at("/s/weir/dead-letters/a_b.jsonl"));
        assert_eq!(file(&[("HOME", "/h")]), at("/h/.local/state/weir/dead-letters/a_b.jsonl"));
    }
}
