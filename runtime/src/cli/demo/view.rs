//! The live view of `weir demo`, on stderr: a few lines drawn over themselves on a terminal, a plain line now and then elsewhere.
//!
//! The cursor is never hidden and no screen is taken over, so that the terminal is clean however the demo ends.

use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printable::one_line;

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(2);
/// Lines of latest scores.
const SCORES: usize = 5;

/// What the demo has done so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Since it began.
    pub elapsed: Duration,
    /// Events read a second, of late.
    pub read_per_second: f64,
    /// Events written a second, of late.
    pub written_per_second: f64,
    /// Events put into the input topic.
    pub in_total: u64,
    /// Events found in the output topic.
    pub out_total: u64,
    /// Of these, events that are in files.
    pub landed: u64,
    /// Files that are whole.
    pub files: u64,
    /// Events parked.
    pub dead_lettered: u64,
    /// Events by the plugin's verdict: approved.
    pub approved: u64,
    /// To be looked at.
    pub review: u64,
    /// Refused.
    pub refused: u64,
    /// The latest (transaction id, score, verdict), oldest first.
    pub last_scores: Vec<(String, f64, String)>,
    /// The plugin's name and version.
    pub plugin: String,
    /// What it runs against.
    pub broker: String,
}

/// The view. Dropped, it leaves the terminal as it found it.
#[derive(Debug)]
pub struct View {
    screen: Screen,
}

#[derive(Debug)]
enum Screen {
    Live { all: MultiProgress, lines: Vec<ProgressBar> },
    Plain { next: Duration },
    Finished,
}

impl View {
    /// A view that draws over itself, or prints plain lines where that makes no sense (stderr is no terminal).
    pub fn new(interactive: bool) -> View {
        let screen = if interactive { Screen::live(ProgressDrawTarget::stderr()) } else { Screen::Plain { next: Duration::ZERO } };
        View { screen }
    }

    /// Shows the latest numbers.
    pub fn update(&mut self, snapshot: &Snapshot) {
        match &mut self.screen {
            Screen::Live { lines, .. } => {
                for (line, text) in lines.iter().zip(snapshot.lines().into_iter().chain(std::iter::repeat(String::new()))) {
                    line.set_message(text);
                }
            }
            Screen::Plain { next } if snapshot.elapsed >= *next => {
                *next = snapshot.elapsed + PLAIN_EVERY;
                eprintln!("{}", snapshot.line());
            }
            Screen::Plain { .. } | Screen::Finished => {}
        }
    }

    /// Prints a line that stays, above the view.
    pub fn say(&self, line: &str) {
        match &self.screen {
            Screen::Live { all, .. } => all.suspend(|| eprintln!("{line}")),
            Screen::Plain { .. } | Screen::Finished => eprintln!("{line}"),
        }
    }

    /// Takes the view away.
    pub fn finish(&mut self) {
        if let Screen::Live { all, lines } = std::mem::replace(&mut self.screen, Screen::Finished) {
            // A terminal that is gone needs no clearing. From here on nothing draws any more.
            let _ = all.clear();
            all.set_draw_target(ProgressDrawTarget::hidden());
            lines.iter().for_each(ProgressBar::finish_and_clear);
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Screen {
    fn live(target: ProgressDrawTarget) -> Screen {
        let all = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{wide_msg}").expect("a valid template");
        let height = Snapshot::default().lines().len() + SCORES;
        let lines = (0..height).map(|_| all.add(ProgressBar::no_length().with_style(style.clone()))).collect();
        Screen::Live { all, lines }
    }
}

impl Snapshot {
    /// The view's lines: scores last, as their number varies.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("weir demo  {:>4} s   {}   {}", self.elapsed.as_secs(), one_line(&self.plugin), one_line(&self.broker)),
            format!("  read     {:>12}/s   {:>14} in all", rate(self.read_per_second), count(self.in_total)),
            format!(
                "  written  {:>12}/s   {:>14} in all   {} dead-lettered",
                rate(self.written_per_second),
                count(self.out_total),
                count(self.dead_lettered)
            ),
            format!("  landed   {:>14}     {:>14} whole files", count(self.landed), count(self.files)),
            format!("  approved {}   review {}   refused {}", count(self.approved), count(self.review), count(self.refused)),
            "  Ctrl-C ends it with a receipt".to_owned(),
        ];
        let latest = self.last_scores.len().saturating_sub(SCORES);
        for (id, score, verdict) in &self.last_scores[latest..] {
            lines.push(format!("    {:<24} {score:>6.3}  {}", one_line(id), one_line(verdict)));
        }
        lines
    }

    /// The same on one line.
    fn line(&self) -> String {
        format!(
            "{:>4} s: read {} ({}/s), written {} ({}/s), landed {}, approved {}, review {}, refused {}, dead-lettered {}",
            self.elapsed.as_secs(),
            self.in_total,
            rate(self.read_per_second),
            self.out_total,
            rate(self.written_per_second),
            self.landed,
            self.approved,
            self.review,
            self.refused,
            self.dead_lettered
        )
    }
}

fn count(number: u64) -> HumanCount {
    HumanCount(number)
}

fn rate(per_second: f64) -> HumanCount {
    // A negative or endless rate cannot be; as a number of events it is 0 or the most there is.
    HumanCount(per_second.round() as u64)
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike};

    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            elapsed: Duration::from_secs(3),
            read_per_second: 12_345.6,
            in_total: 40_000,
            refused: 7,
            last_scores: (0..9).map(|n| (format!("t-{n}"), 0.25, "approve".to_owned())).collect(),
            plugin: "fraud-score 0.1.0".into(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn the_live_view_shows_the_latest_and_leaves_nothing_behind() {
        let terminal = InMemoryTerm::new(24, 120);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()) as Box<dyn TermLike>);
        let mut view = View { screen: Screen::live(target) };
        view.update(&snapshot());
        view.update(&Snapshot { in_total: 41_000, ..snapshot() });
        if let Screen::Live { lines, .. } = &view.screen {
            lines.iter().for_each(ProgressBar::force_draw);
        }
        let shown = terminal.contents();
        for wanted in ["fraud-score 0.1.0", "12,346/s", "41,000", "refused 7", "t-8", "t-4"] {
            assert!(shown.contains(wanted), "{wanted} is not in\n{shown}");
        }
        assert!(!shown.contains("40,000") && !shown.contains("t-3"), "{shown}");
        drop(view);
        assert_eq!(terminal.contents(), "");
    }

    #[test]
    fn text_of_events_cannot_steer_the_terminal() {
        let scored = Snapshot { last_scores: vec![("\u{1b}[2Jx".into(), 1.0, "a\rb".into())], ..Snapshot::default() };
        assert!(scored.lines().iter().all(|line| !line.contains(char::is_control)));
    }

    #[test]
    fn plain_lines_come_now_and_then() {
        let mut view = View::new(false);
        view.update(&snapshot());
        assert!(matches!(view.screen, Screen::Plain { next } if next == Duration::from_secs(5)));
        view.update(&Snapshot { elapsed: Duration::from_secs(4), ..snapshot() });
        assert!(matches!(view.screen, Screen::Plain { next } if next == Duration::from_secs(5)));
        view.finish();
        view.update(&snapshot());
        assert!(matches!(view.screen, Screen::Finished));
    }
}
