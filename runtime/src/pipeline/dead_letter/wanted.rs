//! Which letters somebody asks for.

use std::collections::HashSet;

use super::address::Address;
use super::letter::Parked;
use crate::control::letters::{LetterChoice, LetterQuery};
use crate::control::{Refusal, RefusalKind};

/// A query or a choice, read.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) pipeline: String,
    pub(super) after: Option<Address>,
    /// `None`: whatever their names.
    pub(super) ids: Option<HashSet<Address>>,
    pub(super) stage: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) plugin: Option<String>,
}

impl Wanted {
    /// # Errors
    /// `after` is no letter's name.
    pub(super) fn query(pipeline: &str, query: &LetterQuery) -> Result<Wanted, Refusal> {
        let after = query.after.as_deref().map(str::parse).transpose().map_err(unprocessable)?;
        Ok(Wanted {
            pipeline: pipeline.to_owned(),
            after,
            ids: if query.ids.is_empty() { None } else { Some(names(&query.ids)) },
            stage: query.stage.clone(),
            reason: query.reason.clone(),
            plugin: query.plugin.clone(),
        })
    }

    /// # Errors
    /// It chooses nothing, or in two ways.
    pub(super) fn choice(pipeline: &str, choice: &LetterChoice) -> Result<Wanted, Refusal> {
        let filters = choice.stage.is_some() || choice.reason.is_some() || choice.plugin.is_some();
        match (choice.ids.is_empty(), choice.all) {
            (true, false) => Err(unprocessable("no letter is chosen: name their ids, or say `all`, with or without filters".to_owned())),
            (false, all) if all || filters => {
                Err(unprocessable("letters are chosen by their ids or by `all` and its filters, not by both".to_owned()))
            }
            (named, _) => Ok(Wanted {
                pipeline: pipeline.to_owned(),
                after: None,
                ids: if named { None } else { Some(names(&choice.ids)) },
                stage: choice.stage.clone(),
                reason: choice.reason.clone(),
                plugin: choice.plugin.clone(),
            }),
        }
    }

    /// Whether a letter is wanted, dropped or not.
    pub(super) fn takes(&self, address: Address, letter: &Parked) -> bool {
        let rejection = &letter.rejected.rejection;
        letter.pipeline == self.pipeline
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&address))
            && self.stage.as_ref().is_none_or(|stage| rejection.stage == *stage)
            && self.reason.as_ref().is_none_or(|part| rejection.reason.contains(part.as_str()))
            && self.plugin.as_ref().is_none_or(|start| rejection.plugin.as_ref().is_some_and(|digest| digest.starts_with(start.as_str())))
    }
}

/// What is no letter's name names none, and is missing in the answer.
fn names(ids: &[String]) -> HashSet<Address> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

fn unprocessable(detail: String) -> Refusal {
    Refusal::new(RefusalKind::Unprocessable, detail)
}
