//! `weir dlq replay`: letters go through their pipeline again, as many calls as that takes.

use std::process::ExitCode;

use super::Chosen;
use crate::cli::failure::Failure;
use crate::cli::session::Ask;
use crate::cli::show::amount::counted;
use crate::client::Client;
use crate::control::letters::{LetterChoice, LettersReplayed};
use crate::printable::escaped;

/// Arguments of `weir dlq replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose.
    pub pipeline: String,
    /// Which ones.
    #[command(flatten)]
    pub chosen: Chosen,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Replays them. The exit code is 1 when some were parked again, are still there, or never were.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| {
        let sum = replay(client, &args.pipeline, &args.chosen.choice()?).await?;
        args.ask.show_sum(&sum, |sum| render(sum, &args.pipeline))?;
        let is_done = sum.parked_again == 0 && sum.remaining == 0 && sum.missing.is_empty();
        if is_done { Ok(()) } else { Err(Failure::Findings) }
    })
}

/// One call takes a bounded number of letters. It goes on while they pass; letters that are parked again would come round for ever.
async fn replay(client: &Client, pipeline: &str, choice: &LetterChoice) -> Result<LettersReplayed, Failure> {
    let mut sum = LettersReplayed::default();
    loop {
        let replayed = match client.replay_letters(pipeline, choice).await {
            Ok(answer) => answer.value,
            Err(error) => {
                if sum.replayed > 0 {
                    eprintln!("weir: {} went through before this", counted(sum.replayed, "letter", "letters"));
                }
                return Err(error.into());
            }
        };
        sum.replayed += replayed.replayed;
        sum.parked_again += replayed.parked_again;
        sum.remaining = replayed.remaining;
        sum.missing.extend(replayed.missing);
        let goes_on = choice.all && replayed.remaining > 0 && replayed.replayed > 0 && sum.parked_again == 0;
        if !goes_on {
            return Ok(sum);
        }
    }
}

fn render(sum: &LettersReplayed, pipeline: &str) -> String {
    let pipeline = escaped(pipeline);
    let mut text = format!("replayed {}\n", counted(sum.replayed, "letter", "letters"));
    if sum.parked_again > 0 {
        text.push_str(&format!("parked again: {}, see weir dlq list {pipeline}\n", counted(sum.parked_again, "letter", "letters")));
    }
    if sum.remaining > 0 {
        text.push_str(&format!("not replayed yet: {}; say it again\n", counted(sum.remaining, "letter", "letters")));
    }
    text + &missing(&sum.missing)
}

/// Ids that were asked for in vain.
pub(super) fn missing(ids: &[String]) -> String {
    if ids.is_empty() { String::new() } else { format!("not there: {}\n", escaped(&ids.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::scripted;

    #[tokio::test]
    async fn all_letters_go_through_in_as_many_calls_as_it_takes() {
        let more = r#"{"replayed":1000,"parked_again":0,"remaining":20,"missing":[]}"#;
        let rest = r#"{"replayed":20,"parked_again":0,"remaining":0,"missing":[]}"#;
        let (client, _requests) = scripted(&[more, rest]).await;
        let choice = LetterChoice { all: true, ..LetterChoice::default() };
        let sum = replay(&client, "flume1", &choice).await.unwrap();
        assert_eq!(sum, LettersReplayed { replayed: 1_020, ..LettersReplayed::default() });
    }

    #[tokio::test]
    async fn letters_that_are_parked_again_do_not_come_round_for_ever() {
        for stuck in [
            r#"{"replayed":1000,"parked_again":7,"remaining":20,"missing":[]}"#,
            r#"{"replayed":0,"parked_again":0,"remaining":20,"missing":[]}"#,
        ] {
            let (client, requests) = scripted(&[stuck]).await;
            let choice = LetterChoice { all: true, ..LetterChoice::default() };
            let sum = replay(&client, "flume1", &choice).await.unwrap();
            assert_eq!((sum.remaining, requests.await.unwrap().len()), (20, 1));
        }
    }

    #[test]
    fn what_did_not_go_through_is_said() {
        let sum = LettersReplayed { replayed: 1_000, parked_again: 1, remaining: 20, missing: vec!["0:7".into(), "x\n".into()] };
        let expected = "\
replayed 1,000 letters
parked again: 1 letter, see weir dlq list flume1
not replayed yet: 20 letters; say it again
not there: 0:7, x\\n
";
        assert_eq!(render(&sum, "flume1"), expected);
        assert_eq!(render(&LettersReplayed { replayed: 1, ..LettersReplayed::default() }, "flume1"), "replayed 1 letter\n");
    }
}
