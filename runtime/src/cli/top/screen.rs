//! What `weir top` shows, and how it answers to keys. Drawing is a function of this and the room there is.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget};

use super::rates::{COLUMNS, Column, Rates, rate};
use crate::cli::show::paint::Tone;
use crate::cli::show::table::Table;
use crate::cli::show::time::{Clock, span};
use crate::control::status::AgentStatus;
use crate::printable::{escaped, one_line};

/// What the keys do.
const HELP: [&str; 8] = [
    "1 to 9   sort by name, events in, events out, lag, fill, time per event, failures, discards, rejects",
    "/        show only what contains a text; Enter keeps it, Esc shows all again",
    "arrows   up and down, also Page Up and Page Down",
    "?        this help, and back",
    "q        end",
    "",
    "FILL is a pipeline's fullest channel. TIME/EVENT is what an interceptor took, waiting for a free instance included.",
    "PARKED went to the dead letters; FAILURES are calls of a plugin that trapped or broke a limit, in all.",
];

/// Its state.
#[derive(Debug, Default)]
pub(super) struct Screen {
    address: String,
    rates: Rates,
    column: Column,
    filter: String,
    is_typing: bool,
    shows_help: bool,
    scroll: u16,
    /// Since when the agent does not answer, and why.
    lost: Option<(u64, String)>,
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Stay,
    End,
}

impl Screen {
    /// Of an agent that was looked at twice, or once.
    pub(super) fn new(address: String, rates: Rates) -> Screen {
        Screen { address, rates, ..Screen::default() }
    }

    /// The agent as it is now.
    pub(super) fn take(&mut self, status: AgentStatus) {
        self.rates = Rates::between(Some(&self.rates.status), status);
        self.lost = None;
    }

    /// It does not answer; what is shown stays as it was.
    pub(super) fn lose(&mut self, now: u64, why: &str) {
        let since = self.lost.as_ref().map_or(now, |(since, _)| *since);
        self.lost = Some((since, one_line(why)));
    }

    /// Does what a key asks for.
    pub(super) fn key(&mut self, key: KeyEvent) -> Next {
        if key.kind == KeyEventKind::Release {
            return Next::Stay;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return if key.code == KeyCode::Char('c') { Next::End } else { Next::Stay };
        }
        if self.is_typing {
            self.typed(key.code);
            return Next::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Next::End,
            KeyCode::Char('?') => self.shows_help = !self.shows_help,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char(digit @ '1'..='9') => self.column = COLUMNS[digit as usize - '1' as usize].0,
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(20),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_add(20),
            KeyCode::Esc => {
                self.shows_help = false;
                self.filter.clear();
            }
            _ => {}
        }
        Next::Stay
    }

    fn typed(&mut self, code: KeyCode) {
        match code {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(character) => self.filter.push(character),
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            _ => {}
        }
    }

    /// Draws it.
    pub(super) fn draw(&self, clock: &Clock, area: Rect, buffer: &mut Buffer) {
        let [head, news, body, foot] =
            Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(area);
        Line::from(self.head()).style(style(Tone::Strong)).render(head, buffer);
        self.news(clock).render(news, buffer);
        let lines = if self.shows_help { HELP.map(Line::from).to_vec() } else { self.tables(clock) };
        // The last line can be brought to the top and no further.
        let scroll = self.scroll.min(u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_sub(1));
        Paragraph::new(lines).scroll((scroll, 0)).render(body, buffer);
        Line::from(self.foot()).style(style(Tone::Dim)).render(foot, buffer);
    }

    fn head(&self) -> String {
        let status = &self.rates.status;
        let (received, sent) = self.rates.totals();
        let up = span(status.now.saturating_sub(status.started));
        let (version, address) = (escaped(&status.version), escaped(&self.address));
        format!("weir {version}  {address}  up {up}  in {}/s  out {}/s", rate(received), rate(sent))
    }

    fn news(&self, clock: &Clock) -> Line<'_> {
        if let Some((since, why)) = &self.lost {
            let text = format!("no answer since {}, these figures stand still; trying again ({why})", clock.time(*since));
            return Line::from(text).style(style(Tone::Bad));
        }
        let text = if self.rates.status.draining { "the agent is ending: it takes in nothing more" } else { "" };
        Line::from(text).style(style(Tone::Warning))
    }

    fn tables(&self, clock: &Clock) -> Vec<Line<'static>> {
        let mut lines = styled(&self.rates.pipelines(self.column, &self.filter));
        let interceptors = styled(&self.rates.interceptors(self.column, &self.filter, clock));
        if !lines.is_empty() && !interceptors.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(interceptors);
        if lines.is_empty() {
            lines.push(Line::from(if self.filter.is_empty() { "no pipelines" } else { "nothing contains the filter" }));
        }
        lines
    }

    fn foot(&self) -> String {
        let column = COLUMNS.iter().find(|(column, _)| *column == self.column).map_or("", |(_, name)| name);
        let filter = match (self.is_typing, self.filter.is_empty()) {
            (true, _) => format!("filter: {}_", escaped(&self.filter)),
            (false, true) => "/ filter".to_owned(),
            (false, false) => format!("filter: {} (Esc: none)", escaped(&self.filter)),
        };
        format!("sorted by {column} (1-9)  {filter}  ? help  q end")
    }
}

fn styled(table: &Table) -> Vec<Line<'static>> {
    let spans = |line: Vec<(Tone, String)>| line.into_iter().map(|(tone, text)| Span::styled(text, style(tone))).collect::<Vec<_>>();
    table.lines().into_iter().map(|line| Line::from(spans(line))).collect()
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Dim => Style::new().add_modifier(Modifier::DIM),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good => Style::new().fg(Color::Green),
        Tone::Warning => Style::new().fg(Color::Yellow),
        Tone::Bad => Style::new().fg(Color::Red),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cli::show::samples::{self, NOW};

    fn shown(screen: &Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let clock = Clock { now: NOW, zone: TimeZone::UTC };
        terminal.draw(|frame| screen.draw(&clock, frame.area(), frame.buffer_mut())).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned() + "\n";
        (0..height).map(row).collect()
    }

    fn screen() -> Screen {
        Screen::new("http://127.0.0.1:4141".into(), Rates::between(None, samples::agent()))
    }

    fn press(screen: &mut Screen, keys: &[KeyCode]) {
        for key in keys {
            assert_eq!(screen.key(KeyEvent::from(*key)), Next::Stay);
        }
    }

    #[test]
    fn a_screen_has_pipelines_and_interceptors() {
        let mut screen = screen();
        let mut status = samples::agent();
        status.now += 1_000;
        status.pipelines[0].sources[0].received_events += 12_345;
        screen.take(status);
        let expected = "\
weir 0.1.0  http://127.0.0.1:4141  up 3 h 12 min  in 12,345/s  out 0/s

PIPELINE  STATE      IN/S  OUT/S  LAG  OPEN  FILL  PARKED/S  PARKED
flume1    running  12,345      0   12     4  12 %         0       3

INTERCEPTOR   IN/S  TIME/EVENT  DISCARDS/S  REJECTS/S  FAILURES  MEMORY  PLUGIN              DIGEST        TRIAL
flume1/int-0     0           -           0          0         0          built-in timestamp
flume1/int-1     0           -           0          0         3    2 MB  fraud-score 0.2.0   77ab12cd34ef  14:02:11

sorted by name (1-9)  / filter  ? help  q end
";
        assert_eq!(shown(&screen, 130, 10), expected);
    }

    #[test]
    fn an_agent_that_went_away_leaves_its_last_figures_and_a_word() {
        let mut screen = screen();
        screen.lose(NOW, "connection\u{1b}[2J refused");
        screen.lose(NOW + 5_000, "connection refused");
        let text = shown(&screen, 120, 9);
        assert!(text.contains("no answer since 14:00:00, these figures stand still; trying again (connection refused)"), "{text}");
        assert!(text.contains("flume1/int-1"), "{text}");
        screen.take(samples::agent());
        assert!(!shown(&screen, 120, 9).contains("no answer"));
    }

    #[test]
    fn keys_sort_filter_help_and_end() {
        let mut screen = screen();
        press(&mut screen, &[KeyCode::Char('6')]);
        assert!(shown(&screen, 120, 9).contains("sorted by time per event"));
        press(&mut screen, &[KeyCode::Char('/'), KeyCode::Char('q'), KeyCode::Backspace, KeyCode::Char('f'), KeyCode::Char('r')]);
        let text = shown(&screen, 120, 9);
        assert!(text.contains("filter: fr_") && text.contains("int-1") && !text.contains("int-0"), "{text}");
        press(&mut screen, &[KeyCode::Char('x'), KeyCode::Enter]);
        let text = shown(&screen, 120, 9);
        assert!(text.contains("filter: frx (Esc: none)") && text.contains("nothing contains the filter"), "{text}");
        press(&mut screen, &[KeyCode::Esc, KeyCode::Char('?')]);
        assert!(shown(&screen, 120, 9).contains("1 to 9   sort by"));
        press(&mut screen, &[KeyCode::Char('?'), KeyCode::PageDown]);
        let text = shown(&screen, 120, 9);
        assert!(text.contains("flume1/int-1") && !text.contains("PIPELINE"), "{text}");
        assert_eq!(screen.key(KeyEvent::from(KeyCode::Char('q'))), Next::End);
        assert_eq!(screen.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Next::End);
    }

    #[test]
    fn no_room_is_no_reason_to_panic() {
        for (width, height) in [(1, 1), (3, 2), (200, 1), (0, 0)] {
            shown(&screen(), width, height);
        }
    }
}
