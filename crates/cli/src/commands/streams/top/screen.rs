//! The full-screen view: all shards above, the chosen one below.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row as Cells, Sparkline, Table, TableState};
use ratatui::{DefaultTerminal, Frame};

use super::lines::cells;
use super::view::{Order, Row, View, lasting, short};
use super::{Context, Looker};
use crate::seams::interrupted;

/// How often keys are looked for.
const KEYS_EVERY: Duration = Duration::from_millis(50);
/// Looks that the curve remembers.
const CURVE: usize = 512;
/// Rows that page keys move by.
const PAGE: usize = 10;
const HEADINGS: [&str; 9] = [
    "SHARD",
    "USED",
    "IN/S",
    "B IN/S",
    "OUT/S",
    "B OUT/S",
    "THROTTLED/S",
    "LAG",
    "HOTTEST KEY",
];
const WIDTHS: [Constraint; 9] = [
    Constraint::Length(20),
    Constraint::Length(7),
    Constraint::Length(8),
    Constraint::Length(8),
    Constraint::Length(8),
    Constraint::Length(8),
    Constraint::Length(11),
    Constraint::Length(16),
    Constraint::Fill(1),
];

/// What is on the screen.
struct Screen {
    name: String,
    view: Option<View>,
    order: Order,
    paused: bool,
    /// Bytes per second that came in, the newest first.
    curve: VecDeque<u64>,
    chosen: TableState,
    /// Why the last look failed.
    failed: Option<String>,
}

impl Screen {
    fn new(name: String) -> Self {
        Self {
            name,
            view: None,
            order: Order::Load,
            paused: false,
            curve: VecDeque::new(),
            chosen: TableState::default().with_selected(0),
            failed: None,
        }
    }

    fn show(&mut self, mut view: View) {
        view.sort(self.order);
        self.curve.push_front(whole(view.total.bytes_in));
        self.curve.truncate(CURVE);
        self.failed = None;
        self.view = Some(view);
    }

    /// Does what a key asks for; false where that is to end.
    fn press(&mut self, key: KeyEvent) -> bool {
        let rows = self.view.as_ref().map_or(0, |view| view.shards.len());
        let at = self.chosen.selected().unwrap_or(0);
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Char('c') if control => return false,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('s') => {
                self.order = self.order.next();
                if let Some(view) = &mut self.view {
                    view.sort(self.order);
                }
            }
            KeyCode::Down | KeyCode::Char('j') => self.choose(at + 1, rows),
            KeyCode::Up | KeyCode::Char('k') => self.choose(at.saturating_sub(1), rows),
            KeyCode::PageDown => self.choose(at + PAGE, rows),
            KeyCode::PageUp => self.choose(at.saturating_sub(PAGE), rows),
            KeyCode::Home => self.choose(0, rows),
            KeyCode::End => self.choose(rows, rows),
            _ => {}
        }
        true
    }

    fn choose(&mut self, row: usize, rows: usize) {
        self.chosen.select(Some(row.min(rows.saturating_sub(1))));
    }

    fn draw(&mut self, frame: &mut Frame<'_>) {
        let [head, curve, shards, detail, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(4),
            Constraint::Min(4),
            Constraint::Length(8),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(self.head(), head);
        let newest = self.curve.iter().copied();
        let title = format!(
            " B/s in, peak {} ",
            short(self.curve.iter().max().map_or(0.0, |peak| of(*peak)))
        );
        let spark = Sparkline::default()
            .block(Block::bordered().title(title).border_style(Color::DarkGray))
            .data(newest.collect::<Vec<u64>>())
            .direction(ratatui::widgets::RenderDirection::RightToLeft)
            .style(Color::Cyan);
        frame.render_widget(spark, curve);
        self.draw_shards(frame, shards);
        frame.render_widget(self.detail(), detail);
        frame.render_widget(self.foot(), foot);
    }

    fn head(&self) -> Paragraph<'_> {
        let Some(view) = &self.view else {
            return Paragraph::new(format!("{}: measuring", self.name));
        };
        let total = view.total;
        Paragraph::new(vec![
            Line::from(vec![
                Span::from(&*view.stream).bold(),
                Span::from(format!(
                    "  {}  {}  {} open shards",
                    view.status, view.mode, view.open_shards
                )),
            ]),
            Line::from(format!(
                "in {}/s {}B/s   out {}/s {}B/s   throttled {}/s",
                short(total.records_in),
                short(total.bytes_in),
                short(total.records_out),
                short(total.bytes_out),
                short(total.throttled)
            )),
        ])
    }

    fn draw_shards(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let rows = self.view.iter().flat_map(|view| &view.shards).map(|row| {
            let style = style(row);
            Cells::new(cells(row).into_iter().map(Cell::from)).style(style)
        });
        let table = Table::new(rows, WIDTHS)
            .header(Cells::new(HEADINGS).style(Modifier::BOLD))
            .row_highlight_style(Modifier::REVERSED)
            .block(Block::new());
        frame.render_stateful_widget(table, area, &mut self.chosen);
    }

    /// Keys and readers of the chosen shard.
    fn detail(&self) -> Paragraph<'_> {
        let shards = self.view.as_ref().map(|view| &view.shards);
        let row = shards.and_then(|shards| shards.get(self.chosen.selected().unwrap_or(0)));
        let block = Block::bordered().border_style(Color::DarkGray);
        let Some(row) = row else {
            return Paragraph::new("Nothing was put or read yet since this view began.").block(block);
        };
        let mut lines = Vec::new();
        let none = (None, None);
        let mut keys = row.hot.iter();
        let mut readers = row.readers.iter();
        loop {
            let pair = (keys.next(), readers.next());
            if pair == none {
                break;
            }
            let key = pair.0.map_or(String::new(), |(key, share)| {
                format!("{:>4.0} % {} {key}", 100.0 * share, bar(*share))
            });
            let reader = pair.1.map_or(String::new(), |reader| {
                format!(
                    "{}: {} records, {} behind; read {} ago",
                    reader.name,
                    reader.records_behind,
                    lasting(reader.millis_behind),
                    lasting(reader.seen_millis_ago)
                )
            });
            lines.push(Line::from(format!("{key:<50} {reader}")));
        }
        let title = format!(" {}: hottest keys of the last seconds, and readers ", row.shard);
        Paragraph::new(lines).block(block.title(title))
    }

    fn foot(&self) -> Line<'_> {
        if let Some(failed) = &self.failed {
            return Line::from(format!("{failed}; trying again")).red();
        }
        let paused = if self.paused { "  PAUSED" } else { "" };
        Line::from(format!(
            "q ends  s sorts (by {})  space pauses  \u{2191}\u{2193} choose{paused}",
            self.order.name()
        ))
        .dark_gray()
    }
}

/// Shards that are hot stand out, those that are closed step back.
fn style(row: &Row) -> Style {
    let color = match row.usage {
        _ if row.closed => Color::DarkGray,
        usage if usage >= 0.8 || row.rates.throttled > 0.0 => Color::Red,
        usage if usage >= 0.5 => Color::Yellow,
        _ => Color::Reset,
    };
    Style::from(color)
}

fn bar(share: f64) -> String {
    const WIDTH: usize = 12;
    let full = (1..=WIDTH)
        .filter(|step| of(*step as u64) <= share * of(WIDTH as u64) + 0.5)
        .count();
    format!("{}{}", "\u{2588}".repeat(full), "\u{2591}".repeat(WIDTH - full))
}

#[expect(clippy::cast_precision_loss, reason = "what is drawn need not be exact")]
const fn of(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate that is not negative; what is drawn need not be exact"
)]
const fn whole(rate: f64) -> u64 {
    rate as u64
}

/// Fills the terminal until a key ends it, and leaves it as it was.
pub(super) async fn run(context: &Context, looker: Looker, interval: Duration) -> Result<()> {
    let mut terminal = ratatui::try_init().context("the terminal cannot be drawn on; use --count")?;
    let screen = Screen::new(looker.name.clone());
    let result = watch(context, looker, interval, (&mut terminal, screen)).await;
    ratatui::restore();
    result
}

async fn watch(
    context: &Context,
    mut looker: Looker,
    interval: Duration,
    (terminal, mut screen): (&mut DefaultTerminal, Screen),
) -> Result<()> {
    let clock = context.client.clock();
    let mut due = clock.monotonic() + interval;
    loop {
        terminal.draw(|frame| screen.draw(frame))?;
        tokio::select! {
            () = clock.sleep(KEYS_EVERY) => {}
            () = interrupted() => return Ok(()),
        }
        while event::poll(Duration::ZERO)? {
            match event::read()? {
                Event::Key(key) if key.kind == KeyEventKind::Press && !screen.press(key) => return Ok(()),
                _ => {}
            }
        }
        if clock.monotonic() < due || screen.paused {
            continue;
        }
        match looker.look().await {
            Ok(view) => screen.show(view),
            Err(error) if error.is_passing() => screen.failed = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        due = clock.monotonic() + interval;
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::view::{Rates, Reader};
    use super::*;

    fn row(shard: &str, usage: f64) -> Row {
        Row {
            shard: shard.to_owned(),
            closed: false,
            rates: Rates {
                bytes_in: usage * 1_048_576.0,
                ..Rates::default()
            },
            usage,
            hot: vec![(format!("key-of-{shard}"), 0.5)],
            readers: vec![Reader {
                name: "GetRecords".to_owned(),
                records_behind: 12,
                millis_behind: 1500,
                seen_millis_ago: 20,
            }],
        }
    }

    fn screen() -> Screen {
        let mut screen = Screen::new("orders".to_owned());
        screen.show(View {
            stream: "orders".to_owned(),
            status: "ACTIVE".to_owned(),
            mode: "ON_DEMAND".to_owned(),
            open_shards: 2,
            total: Rates {
                bytes_in: 1_300_000.0,
                ..Rates::default()
            },
            shards: vec![row("shardId-000000000001", 0.9), row("shardId-000000000000", 0.3)],
        });
        screen
    }

    fn drawn(screen: &mut Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(120, 24)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn shards_keys_and_readers_are_on_the_screen() {
        let text = drawn(&mut screen());
        for wanted in [
            "orders  ACTIVE  ON_DEMAND  2 open shards",
            "in 0/s 1.3 MB/s",
            "shardId-000000000001 90 %",
            "1.5 s (12)",
            "50 % key-of-shardId-000000",
            "GetRecords: 12 records, 1.5 s behind; read 20 ms ago",
        ] {
            assert!(text.contains(wanted), "{wanted} is not in\n{text}");
        }
    }

    #[test]
    fn keys_choose_sort_pause_and_end() {
        let mut screen = screen();
        let press = |screen: &mut Screen, code| screen.press(KeyEvent::from(code));
        assert!(press(&mut screen, KeyCode::Down));
        assert!(drawn(&mut screen).contains(" shardId-000000000000: hottest keys"));
        press(&mut screen, KeyCode::Down);
        assert_eq!(screen.chosen.selected(), Some(1), "the last one stays chosen");
        press(&mut screen, KeyCode::Char('s'));
        press(&mut screen, KeyCode::Char('s'));
        assert_eq!(screen.order, Order::Name);
        press(&mut screen, KeyCode::Char(' '));
        assert!(drawn(&mut screen).contains("PAUSED"));
        assert!(!press(&mut screen, KeyCode::Char('q')));
    }

    #[test]
    fn nothing_that_is_too_small_or_empty_breaks_it() {
        let mut empty = Screen::new("orders".to_owned());
        assert!(drawn(&mut empty).contains("orders: measuring"));
        for (width, height) in [(1, 1), (10, 3), (80, 8)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| screen().draw(frame)).unwrap();
        }
    }
}
