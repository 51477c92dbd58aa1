//! One table of cases, `cases.toml`, which the conformance plugin of every language must pass alike, through the library and with the agent's
//! own isolation of guilty events. What came of it is `sdk/CONFORMANCE.md`; `WEIR_BLESS=1` writes that file anew.

mod case;
mod examples;
mod run;
mod table;

use std::path::PathBuf;
use std::sync::OnceLock;

use weir::plugin::{Host, Options};

use crate::harness::agent::binary;
use crate::harness::guests::target_directory;
use crate::harness::languages::LANGUAGES;
use case::Case;
use run::Plugin;

/// One host for all languages, as in an agent.
fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let cache = target_directory().join("guests/code");
        Host::new(Options { cache: Some(cache), compiler: Some(binary().to_owned()), ..Options::default() }).unwrap()
    })
}

#[test]
fn every_case_passes_in_every_language() {
    let cases = Case::all();
    let columns: Vec<Vec<Result<(), String>>> = LANGUAGES
        .iter()
        .map(|language| {
            let name = format!("conformance-{}", language.name);
            let built: Result<PathBuf, anyhow::Error> = language.component(&name);
            if let Err(error) = &built {
                eprintln!("{error:#}");
            }
            let unbuilt = |_: &anyhow::Error| "it was not built, see above".to_owned();
            let run = |case: &Case| Plugin { name: &name, file: built.as_ref().map_err(unbuilt)? }.passes(case);
            cases.iter().map(run).collect()
        })
        .collect();
    let failures: Vec<String> = LANGUAGES
        .iter()
        .zip(&columns)
        .flat_map(|(language, column)| cases.iter().zip(column).map(move |(case, result)| (language, case, result)))
        .filter_map(|(language, case, result)| Some(format!("{}: {}: {}", language.title, case.name, result.as_ref().err()?)))
        .collect();
    let published = table::is_published(&cases, &columns);
    assert!(failures.is_empty(), "{} cases fail\n{}", failures.len(), failures.join("\n"));
    assert!(published, "{} is not what this run makes of the cases; WEIR_BLESS=1 writes it anew", table::FILE);
}
