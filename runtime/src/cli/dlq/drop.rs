//! `weir dlq drop`: letters are forgotten, which is for good, and so asks first.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use super::replay::missing;
use super::{Chosen, PAGE};
use crate::cli::failure::Failure;
use crate::cli::session::Ask;
use crate::cli::show::amount::counted;
use crate::client::Client;
use crate::control::letters::{LetterChoice, LetterQuery, LettersDropped};
use crate::printable::escaped;

/// Arguments of `weir dlq drop`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose.
    pub pipeline: String,
    /// Which ones.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Do not ask. Needed where there is no terminal to ask on.
    #[arg(short, long)]
    pub yes: bool,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Forgets them. The exit code is 1 when it was not wanted after all, or some were not there or still are.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| {
        let choice = args.chosen.choice()?;
        if !args.yes && !confirmed(client, &args.pipeline, &choice).await? {
            return Err(Failure::Findings);
        }
        let answer = client.drop_letters(&args.pipeline, &choice).await?;
        // One call takes a bounded number. What is left was perhaps parked since, and nobody said that it should go, too.
        let are_there_more = choice.all && !few(client, &args.pipeline, &choice, 1).await?.is_empty();
        args.ask.show(&answer, |dropped| render(dropped, are_there_more, &args.pipeline))?;
        if are_there_more || !answer.value.missing.is_empty() { Err(Failure::Findings) } else { Ok(()) }
    })
}

async fn confirmed(client: &Client, pipeline: &str, choice: &LetterChoice) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("dropped letters are gone for good: say --yes where nobody can be asked".to_owned()));
    }
    let letters = if choice.all { few(client, pipeline, choice, PAGE).await?.len() } else { choice.ids.len() };
    let or_more = if choice.all && letters == PAGE { " or more" } else { "" };
    let mut err = std::io::stderr().lock();
    let question = format!("drop {}{or_more} of {} for good? [y/N] ", counted(letters as u64, "letter", "letters"), escaped(pipeline));
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).map_err(Failure::output)?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| Failure::Usage(format!("no answer: {error}")))?;
    Ok(is_yes(&line))
}

fn is_yes(line: &str) -> bool {
    matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Ids of some letters that the choice's filters let through.
async fn few(client: &Client, pipeline: &str, choice: &LetterChoice, most: usize) -> Result<Vec<String>, Failure> {
    let LetterChoice { stage, reason, plugin, .. } = choice.clone();
    let query = LetterQuery { limit: Some(most), stage, reason, plugin, ..LetterQuery::default() };
    Ok(client.letters(pipeline, &query).await?.value.letters.into_iter().map(|letter| letter.id).collect())
}

fn render(dropped: &LettersDropped, are_there_more: bool, pipeline: &str) -> String {
    let mut text = format!("dropped {}\n", counted(dropped.dropped, "letter", "letters"));
    if are_there_more {
        text.push_str(&format!("there are more, or new ones: weir dlq list {}\n", escaped(pipeline)));
    }
    text + &missing(&dropped.missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        assert!(["y\n", "Y", " yes \n"].iter().all(|line| is_yes(line)));
        assert!(["", "\n", "n\n", "yess", "drop"].iter().all(|line| !is_yes(line)));
    }

    #[test]
    fn what_is_left_is_said() {
        let dropped = LettersDropped { dropped: 2, missing: vec!["0:7".into()] };
        assert_eq!(
            render(&dropped, true, "flume1"),
            "dropped 2 letters\nthere are more, or new ones: weir dlq list flume1\nnot there: 0:7\n"
        );
        assert_eq!(render(&dropped, false, "flume1"), "dropped 2 letters\nnot there: 0:7\n");
    }
}
