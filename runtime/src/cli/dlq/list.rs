//! `weir dlq list`: a line a letter, or a line a reason.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::{Filter, PAGE};
use crate::cli::failure::Failure;
use crate::cli::session::Ask;
use crate::cli::show::amount::{count, counted};
use crate::cli::show::event::origin;
use crate::cli::show::fit::{Room, fit, terminal_width};
use crate::cli::show::output::print;
use crate::cli::show::paint::Paint;
use crate::cli::show::table::Table;
use crate::cli::show::time::Clock;
use crate::cli::show::version::short;
use crate::client::Client;
use crate::control::letters::{Letter, LetterPage, LetterQuery};
use crate::printable::escaped;

/// Columns of a reason on a terminal.
const REASON: usize = 80;

/// Arguments of `weir dlq list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose.
    pub pipeline: String,
    /// Only some.
    #[command(flatten)]
    pub filter: Filter,
    /// At most so many. Default: 100, and with --group all.
    #[arg(short = 'n', value_name = "N")]
    pub most: Option<usize>,
    /// Count them by reason, stage and plugin.
    #[arg(long, conflicts_with = "json")]
    pub group: bool,
    /// Which agent, and who reads the answer.
    #[command(flatten)]
    pub ask: Ask,
}

/// Shows them.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    args.ask.pipeline(&args.pipeline).run(async |client| {
        if args.group {
            let mut groups = Groups::default();
            let page = pages(client, &args, args.most.unwrap_or(usize::MAX), |letters| groups.add(&letters)).await?;
            return print(&groups.render(&page, Paint::stdout(), terminal_width()));
        }
        let mut letters = Vec::new();
        let page = pages(client, &args, args.most.unwrap_or(100), |mut more| letters.append(&mut more)).await?;
        let page = LetterPage { letters, ..page };
        args.ask.show_sum(&page, |page| render(page, &args.pipeline, &Clock::local(), Paint::stdout(), terminal_width()))
    })
}

/// Asks for page after page until there are enough; the answer is the last page, without its letters.
async fn pages(client: &Client, args: &Args, most: usize, mut take: impl FnMut(Vec<Letter>)) -> Result<LetterPage, Failure> {
    let Filter { stage, reason, plugin } = args.filter.clone();
    let mut query = LetterQuery { stage, reason, plugin, ..LetterQuery::default() };
    let mut wanted = most;
    loop {
        query.limit = Some(wanted.min(PAGE));
        let mut page = client.letters(&args.pipeline, &query).await?.value;
        let letters = std::mem::take(&mut page.letters);
        wanted = wanted.saturating_sub(letters.len());
        take(letters);
        // An agent that does not go on must not keep us for ever.
        if wanted == 0 || page.next.is_none() || page.next == query.after {
            return Ok(page);
        }
        query.after = page.next;
    }
}

fn render(page: &LetterPage, pipeline: &str, clock: &Clock, paint: Paint, room: Room) -> String {
    let mut table = Table::new(&["ID", "PARKED", "STAGE", "PLUGIN", "ORIGIN", ">ATTEMPTS", "REASON"]);
    for letter in &page.letters {
        table.row([
            (&letter.id).into(),
            clock.ago(letter.time).into(),
            (&letter.stage).into(),
            letter.plugin.as_deref().map(short).unwrap_or_default().into(),
            origin(&letter.event).into(),
            (letter.attempt + 1).to_string().into(),
            fit(&escaped(&letter.reason), room.map(|_| REASON)).into(),
        ]);
    }
    let mut text = table.render(paint);
    text.push_str(&footer(page, page.letters.len() as u64));
    if page.next.is_some() {
        text.push_str("there are more: -n N shows them, --group counts them\n");
    }
    if let Some(letter) = page.letters.first() {
        text.push_str(&format!("one whole: weir dlq show {} {}\n", escaped(pipeline), escaped(&letter.id)));
    }
    text
}

/// How many, where, and what could not be read there.
fn footer(page: &LetterPage, letters: u64) -> String {
    let mut text = format!("{} in {}\n", counted(letters, "letter", "letters"), escaped(&page.place));
    if page.unreadable > 0 {
        text.push_str(&format!("not readable there, and left alone: {}\n", counted(page.unreadable, "entry", "entries")));
    }
    text
}

/// How many letters there are of each kind.
#[derive(Debug, Default)]
struct Groups {
    counts: BTreeMap<(String, String, String), u64>,
    all: u64,
}

impl Groups {
    fn add(&mut self, letters: &[Letter]) {
        for letter in letters {
            let plugin = letter.plugin.as_deref().map(short).unwrap_or_default();
            *self.counts.entry((letter.stage.clone(), plugin, letter.reason.clone())).or_default() += 1;
            self.all += 1;
        }
    }

    fn render(&self, page: &LetterPage, paint: Paint, room: Room) -> String {
        let mut groups: Vec<_> = self.counts.iter().collect();
        groups.sort_by_key(|(_, letters)| std::cmp::Reverse(**letters));
        let mut table = Table::new(&[">LETTERS", "STAGE", "PLUGIN", "REASON"]);
        for ((stage, plugin, reason), letters) in groups {
            let reason = fit(&escaped(reason), room.map(|_| REASON));
            table.row([count(*letters).into(), stage.into(), plugin.into(), reason.into()]);
        }
        table.render(paint) + &footer(page, self.all)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::cli::show::samples::NOW;
    use crate::client::tests::scripted;
    use crate::control::tap::{EventView, Text};

    pub(in super::super) fn letter(id: &str, reason: &str) -> Letter {
        let event = EventView {
            topic: Some("txns".into()),
            partition: Some(3),
            offset: Some(1234),
            key: Some(Text::Plain("card-1".into())),
            headers: vec![(Text::Plain("kind".into()), Some(Text::Plain("pos".into())))],
            body: Some(Text::Plain(r#"{"amount":12}"#.into())),
            ..EventView::default()
        };
        Letter {
            id: id.into(),
            time: NOW - 180_000,
            stage: "interceptor int-1".into(),
            reason: reason.into(),
            backtrace: Some("0: score\n1: main\u{1b}[31m".into()),
            plugin: Some("77ab12cd34ef77ab".into()),
            attempt: 0,
            event,
        }
    }

    fn page(ids: &[&str], next: Option<&str>) -> String {
        let letters = ids.iter().map(|id| letter(id, "trap")).collect();
        let page = LetterPage { place: "dead.jsonl".into(), letters, next: next.map(str::to_owned), unreadable: 0 };
        serde_json::to_string(&page).unwrap()
    }

    async fn ids(client: &Client, most: usize) -> (Vec<String>, LetterPage) {
        let filter = Filter { stage: Some("sink k1".into()), ..Filter::default() };
        let ask = Ask { json: false, connect: crate::client::tests::connect(String::new()) };
        let args = Args { pipeline: "flume1".into(), filter, most: None, group: false, ask };
        let mut ids = Vec::new();
        let last = pages(client, &args, most, |letters| ids.extend(letters.into_iter().map(|letter| letter.id))).await.unwrap();
        (ids, last)
    }

    #[tokio::test]
    async fn pages_are_asked_for_until_there_are_enough() {
        let (client, requests) = scripted(&[&page(&["1", "2"], Some("2")), &page(&["3"], Some("3"))]).await;
        let (found, last) = ids(&client, 3).await;
        assert_eq!((found, last.next.as_deref()), (["1", "2", "3"].map(str::to_owned).to_vec(), Some("3")));
        let requests = requests.await.unwrap();
        assert!(requests[0].starts_with("GET /api/v1/pipelines/flume1/dead-letters?limit=3&stage=sink%20k1 "), "{}", requests[0]);
        assert!(requests[1].contains("?after=2&limit=1&stage="), "{}", requests[1]);
    }

    #[tokio::test]
    async fn an_agent_that_does_not_go_on_is_not_asked_for_ever() {
        let (client, requests) = scripted(&[&page(&["1"], Some("1")), &page(&[], Some("1"))]).await;
        assert_eq!(ids(&client, 5_000).await.0, ["1"]);
        assert!(requests.await.unwrap()[0].contains("?limit=1000&"));
    }

    #[test]
    fn letters_are_listed_with_where_they_come_from() {
        let letters = vec![letter("0:1", "no amount"), letter("0:2", "trap:\nunreachable")];
        let page = LetterPage { place: "topic flume.dead".into(), letters, next: Some("0:2".into()), unreadable: 1 };
        let expected = "\
ID   PARKED     STAGE              PLUGIN        ORIGIN       ATTEMPTS  REASON
0:1  3 min ago  interceptor int-1  77ab12cd34ef  txns/3/1234         1  no amount
0:2  3 min ago  interceptor int-1  77ab12cd34ef  txns/3/1234         1  trap:\\nunreachable
2 letters in topic flume.dead
not readable there, and left alone: 1 entry
there are more: -n N shows them, --group counts them
one whole: weir dlq show flume1 0:1
";
        assert_eq!(render(&page, "flume1", &Clock { now: NOW, zone: TimeZone::UTC }, Paint::OFF, None), expected);
    }

    #[test]
    fn letters_are_counted_by_reason_the_commonest_first() {
        let mut groups = Groups::default();
        groups.add(&[letter("0:1", "no amount"), letter("0:2", "trap"), letter("0:3", "trap")]);
        let page = LetterPage { place: "dead.jsonl".into(), ..LetterPage::default() };
        let expected = "\
LETTERS  STAGE              PLUGIN        REASON
      2  interceptor int-1  77ab12cd34ef  trap
      1  interceptor int-1  77ab12cd34ef  no amount
3 letters in dead.jsonl
";
        assert_eq!(groups.render(&page, Paint::OFF, None), expected);
        assert_eq!(Groups::default().render(&page, Paint::OFF, None), "0 letters in dead.jsonl\n");
    }
}
