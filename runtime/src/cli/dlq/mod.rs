//! `weir dlq`: the dead letters of a pipeline, to be looked at, sent through again, or forgotten.

mod drop;
mod list;
mod replay;
mod show;

use std::process::ExitCode;

use clap::Subcommand;

use super::failure::Failure;
use crate::control::letters::LetterChoice;

/// Letters that the API shows on one page, at most.
const PAGE: usize = 1_000;

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// List them, the oldest first, or count them by reason.
    List(list::Args),
    /// Show one whole: reason, backtrace, headers, body.
    Show(show::Args),
    /// Send them through their pipeline again; those that pass leave the list.
    Replay(replay::Args),
    /// Forget them.
    Drop(drop::Args),
}

/// Does it.
#[must_use]
pub fn main(task: Task) -> ExitCode {
    match task {
        Task::List(args) => list::main(args),
        Task::Show(args) => show::main(args),
        Task::Replay(args) => replay::main(args),
        Task::Drop(args) => drop::main(args),
    }
}

/// Which letters, by what they say.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Filter {
    /// Only those a stage refused, such as `interceptor int-1`.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Only those whose reason contains this.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only those a plugin of this digest, or its beginning, refused.
    #[arg(long, value_name = "DIGEST")]
    pub plugin: Option<String>,
}

/// Which letters to do something with.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Chosen {
    /// These, by id.
    pub ids: Vec<String>,
    /// All that the filters let through; without a filter, all there are.
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Of all.
    #[command(flatten)]
    pub filter: Filter,
}

impl Chosen {
    /// As the API takes it; never everything by accident.
    fn choice(&self) -> Result<LetterChoice, Failure> {
        let Filter { stage, reason, plugin } = self.filter.clone();
        let is_filtered = stage.is_some() || reason.is_some() || plugin.is_some();
        if !self.ids.is_empty() && is_filtered {
            return Err(Failure::Usage("ids name letters by themselves: --stage, --reason and --plugin go with --all".to_owned()));
        }
        if self.ids.is_empty() && !self.all {
            return Err(Failure::Usage(
                "which letters? Give ids, or --all, with --stage, --reason or --plugin to narrow it down".to_owned(),
            ));
        }
        Ok(LetterChoice { ids: self.ids.clone(), all: self.all, stage, reason, plugin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_chosen_by_id_or_all_and_never_by_accident() {
        let filter = Filter { reason: Some("trap".into()), ..Filter::default() };
        let ids = vec!["0:1".to_owned()];
        assert!(Chosen { ids: ids.clone(), ..Chosen::default() }.choice().is_ok_and(|choice| !choice.all && choice.ids == ids));
        let all = Chosen { all: true, filter: filter.clone(), ..Chosen::default() }.choice().unwrap();
        assert_eq!((all.all, all.reason.as_deref()), (true, Some("trap")));
        for wrong in [Chosen::default(), Chosen { filter: filter.clone(), ..Chosen::default() }, Chosen { ids, filter, all: false }] {
            assert!(matches!(wrong.choice(), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }
}
