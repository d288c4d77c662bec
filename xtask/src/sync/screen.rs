//! What a person sees of a run: a bar on a terminal, a line every few seconds elsewhere. Both go
//! to standard error.

use std::cell::RefCell;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use shared::specs::DataType;
use shared::sync::Begun;
use uuid::Uuid;

use super::course::{Course, Phase, Position, Seen, Step};
use super::summary::spoken;

/// How often a line is written where there is no bar.
const PAUSE: Duration = Duration::from_secs(5);
/// Before anybody knows how many rows there are.
const WAITING: &str = "{msg}";
const BAR: &str = "{msg} {wide_bar} {human_pos}/{human_len}{prefix}";

/// Shows one command's runs, one after the other.
pub(super) struct Screen {
    spec: &'static DataType,
    bar: Option<ProgressBar>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    run: Option<Uuid>,
    course: Course,
    said: Option<Instant>,
}

impl Screen {
    /// A screen with nothing on it yet.
    pub(super) fn new(spec: &'static DataType) -> Self {
        let bar = stderr().is_terminal().then(|| {
            ProgressBar::new(0)
                .with_style(style(WAITING))
                .with_message(format!("{}: connecting", spec.name))
        });
        Self {
            spec,
            bar,
            state: RefCell::default(),
        }
    }

    /// Names the run, once.
    pub(super) fn begins(&self, run: Begun) {
        let mut state = self.state.borrow_mut();
        if state.run.replace(run.run_id) == Some(run.run_id) {
            return;
        }
        state.course = Course::default();
        state.said = Some(Instant::now());
        let (name, mode, id) = (self.spec.name, run.mode.word(), run.run_id);
        self.says(&if run.taken_over {
            format!("{name}: going on with the unfinished {mode} run {id}")
        } else {
            format!("{name}: {mode} run {id}")
        });
    }

    /// Shows where the run is.
    pub(super) fn shows(&self, seen: &[Seen]) {
        let mut state = self.state.borrow_mut();
        for step in state.course.see(seen, Instant::now()) {
            self.says(&ended(&step));
        }
        let position = state.course.position();
        if let Some(bar) = &self.bar {
            let pace = pace(&position);
            let is_known = position.all > 0;
            bar.set_style(style(if is_known { BAR } else { WAITING }));
            bar.set_length(position.all);
            bar.set_message(doing(&position));
            bar.set_prefix(if pace.is_empty() {
                pace
            } else {
                format!(", {pace}")
            });
            bar.set_position(position.done);
        } else if state.said.is_none_or(|said| said.elapsed() >= PAUSE) {
            state.said = Some(Instant::now());
            eprintln!("{}", line(&position));
        }
    }

    /// Writes a line beside the bar.
    pub(super) fn says(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn ends(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("both templates are right")
}

fn ended(step: &Step) -> String {
    let done = match step.phase {
        Phase::Read => "read",
        Phase::Compare => "compared",
    };
    format!("✓ {}: {} rows {done}", step.stream, HumanCount(step.done))
}

fn doing(position: &Position) -> String {
    match &position.step {
        Some(step) if step.phase == Phase::Read => format!("{}: reading", step.stream),
        Some(step) => format!("{}: comparing", step.stream),
        None if position.all == 0 => "looking for changes".to_owned(),
        None => "ending".to_owned(),
    }
}

fn pace(position: &Position) -> String {
    let rate = position.rate.map(|rate| {
        // Whole rows are enough, and a rate is no negative number.
        format!("{} rows/s", HumanCount(rate.round() as u64))
    });
    let left = position.left.map(|left| format!("{} left", spoken(left)));
    let parts: Vec<String> = rate.into_iter().chain(left).collect();
    parts.join(", ")
}

fn line(position: &Position) -> String {
    let (done, all) = (position.done, position.all);
    let percent = done * 100 / all.max(1);
    let mut parts = vec![format!(
        "{}, {} of {} rows ({percent} %)",
        doing(position),
        HumanCount(done),
        HumanCount(all)
    )];
    parts.extend(Some(pace(position)).filter(|pace| !pace.is_empty()));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_rows_rate_and_time_left() {
        let step = Step {
            stream: "products".to_owned(),
            phase: Phase::Read,
            is_over: false,
            done: 53_000,
            all: Some(120_000),
        };
        let position = Position {
            done: 53_000,
            all: 120_000,
            rate: Some(4118.4),
            left: Some(Duration::from_secs(200)),
            step: Some(step.clone()),
        };
        assert_eq!(
            line(&position),
            "products: reading, 53,000 of 120,000 rows (44 %), 4,118 rows/s, 3 min 20 s left"
        );
        let unknown = Position {
            rate: None,
            left: None,
            ..position
        };
        assert_eq!(
            line(&unknown),
            "products: reading, 53,000 of 120,000 rows (44 %)"
        );
        assert_eq!(ended(&step), "✓ products: 53,000 rows read");
    }
}
