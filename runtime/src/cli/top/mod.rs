//! `weir top`: an agent's figures, each second anew, on the whole terminal; elsewhere one plain frame. It only looks.

mod rates;
mod screen;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::failure::Failure;
use super::session::About;
use super::show::output::print;
use super::show::paint::Paint;
use super::show::time::Clock;
use crate::client::{Client, Connect, Error};
use crate::control::status::AgentStatus;
use crate::error_chain;
use rates::{Column, Rates};
use screen::{Next, Screen};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Longest that one look may take: figures that stand still are said to.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the thread that reads keys may take to notice that nobody wants them any more.
const NOTICE: Duration = Duration::from_millis(200);

/// Arguments of `weir top`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One plain frame, of what happens within a second; so it is also where there is no terminal.
    #[arg(long)]
    pub once: bool,
    /// Which agent.
    #[command(flatten)]
    pub connect: Connect,
}

/// Shows them until `q`.
#[must_use]
pub fn main(args: Args) -> ExitCode {
    let connect = Connect { timeout: args.connect.timeout.min(PATIENCE), ..args.connect };
    About::agent(&connect, false).run(async |client| {
        let is_plain = args.once || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal();
        if is_plain { once(client).await } else { live(client).await }
    })
}

async fn once(client: &Client) -> Result<(), Failure> {
    let before = client.status().await?.value;
    sleep(EVERY).await;
    let rates = Rates::between(Some(&before), client.status().await?.value);
    let pipelines = rates.pipelines(Column::Name, "").render(Paint::stdout());
    let interceptors = rates.interceptors(Column::Name, "", &Clock::at(rates.status.now)).render(Paint::stdout());
    print(&if pipelines.is_empty() { "no pipelines\n".to_owned() } else { format!("{pipelines}\n{interceptors}") })
}

async fn live(client: &Client) -> Result<(), Failure> {
    let first = Rates::between(None, client.status().await?.value);
    let mut screen = Screen::new(client.address().to_string(), first);
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal).into_iter();
    let (Some(Ok(mut terminate)), Some(Ok(mut interrupt)), Some(Ok(mut hangup))) = (ends.next(), ends.next(), ends.next()) else {
        return Err(Failure::Usage("signals cannot be listened to".to_owned()));
    };
    // From here on the terminal is ours; it is given back however this ends, a panic included.
    let _restored = Restored;
    let mut terminal = ratatui::try_init().map_err(Failure::output)?;
    let mut keys = keys();
    let mut look = Box::pin(look_again(client, Instant::now() + EVERY));
    loop {
        let clock = Clock::local();
        terminal.draw(|frame| screen.draw(&clock, frame.area(), frame.buffer_mut())).map_err(Failure::output)?;
        tokio::select! {
            looked = &mut look => {
                look = Box::pin(look_again(client, Instant::now() + EVERY));
                match looked {
                    Ok(status) => screen.take(status),
                    Err(Error::Refused(problem)) if matches!(problem.status, 401 | 403) => return Err(Error::Refused(problem).into()),
                    Err(error) => screen.lose(clock.now, &error_chain(&error)),
                }
            }
            event = keys.recv() => match event {
                Some(Event::Key(key)) if screen.key(key) == Next::End => return Ok(()),
                Some(_) => {}
                None => return Ok(()),
            },
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => return Ok(()),
        }
    }
}

async fn look_again(client: &Client, when: Instant) -> Result<AgentStatus, Error> {
    sleep_until(when).await;
    Ok(client.status().await?.value)
}

/// The terminal as it was.
struct Restored;

impl Drop for Restored {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Keys, and changes of the terminal's size, from a thread of their own: reading them blocks. They end with the terminal.
fn keys() -> mpsc::Receiver<Event> {
    let (sender, keys) = mpsc::channel(16);
    std::thread::spawn(move || {
        while !sender.is_closed() {
            match event::poll(NOTICE) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(_) => return,
            }
            let Ok(event) = event::read() else { return };
            if sender.blocking_send(event).is_err() {
                return;
            }
        }
    });
    keys
}
