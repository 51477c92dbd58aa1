//! `weir tap`: events at an interceptor as they pass, before it, behind it, or what it did to them. It listens; nothing waits for it.

pub(in crate::cli) mod diff;
mod view;

use std::process::ExitCode;

use super::failure::Failure;
use super::session::About;
use super::show::amount::counted;
use super::show::fit::terminal_width;
use super::show::output::{print, print_json};
use super::show::paint::Paint;
use super::show::time::Clock;
use crate::client::Connect;
use crate::control::Target;
use crate::control::tap::{TapItem, TapRequest};
use view::{Side, View};

/// Arguments of `weir tap`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where: PIPELINE/INTERCEPTOR.
    #[arg(value_name = "PIPELINE/INTERCEPTOR")]
    pub target: Target,
    /// Show events as they come.
    #[arg(long, group = "side")]
    pub before: bool,
    /// Show what goes on in their place.
    #[arg(long, group = "side")]
    pub after: bool,
    /// Show what the interceptor did to them; this is what is shown by itself.
    #[arg(long, group = "side")]
    pub diff: bool,
    /// End after so many events.
    #[arg(short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Only events that it changed, discarded, rejected, or derived others from.
    #[arg(long)]
    pub changed: bool,
    /// Only events whose body or a header contains this.
    #[arg(long, value_name = "TEXT")]
    pub contains: Option<String>,
    /// Events a second at most; how many others there were is said. Default: 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Print the API's JSON, a line an item.
    #[arg(long)]
    pub json: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

/// Listens until it has heard enough. The exit code is 69 when the agent ends it first.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let side = match (args.before, args.after) {
        (true, _) => Side::Before,
        (_, true) => Side::After,
        _ => Side::Diff,
    };
    let request = TapRequest { limit: args.limit, rate: args.rate, changed: args.changed, contains: args.contains.clone() };
    About::target(&args.connect, &args.target, args.json).run(async |client| {
        let mut stream = client.tap(&args.target, &request).await?;
        let mut heard = 0;
        while args.limit.is_none_or(|limit| heard < limit) {
            let Some(item) = stream.next().await? else {
                return Err(Failure::Ended("the agent ended the tap; weir status shows whether it still runs".to_owned()));
            };
            if args.json {
                print_json(&item.json)?;
            }
            // A terminal may have another width, and a day another date, by the next event.
            let view = View { side, room: terminal_width(), paint: Paint::stdout(), clock: Clock::local() };
            let text = match item.value {
                TapItem::Event(event) => {
                    heard += 1;
                    view.event(&event)
                }
                TapItem::Swapped { from, to } => view.swapped(from.as_ref(), &to),
                TapItem::Dropped { events } => view.marker(&format!("{} not shown", counted(events, "event", "events"))),
                TapItem::Ended { detail } => return Err(Failure::Ended(format!("the tap of {} ended: {detail}", args.target))),
            };
            if !args.json {
                print(&text)?;
            }
        }
        Ok(())
    })
}
