//! A round of a sync against a bare loop of the same reads, in turns, and what several of them come to.

use std::time::Duration;

use anyhow::Result;

use super::median;
use super::report::{Bar, Report, Unit, megabytes, ratio, seconds};

/// What one round measured.
pub(super) struct Round {
    pub(super) function: Duration,
    /// All that the function has to read.
    pub(super) floor: Duration,
    /// Without what it reads beside the rows themselves.
    pub(super) floor_of_rows: Duration,
    /// Of the function at its peak, in bytes.
    pub(super) memory: u64,
}

impl Round {
    /// Its row of a table: number, function, both floors, memory.
    pub(super) fn cells(&self, number: usize) -> Vec<String> {
        vec![
            format!("round {number}"),
            seconds(self.function),
            seconds(self.floor),
            seconds(self.floor_of_rows),
            format!("{:.1} MB", megabytes(self.memory)),
        ]
    }
}

/// Most that a function may hold, in megabytes.
const MOST_MEMORY: f64 = 48.0;

/// What rounds come to: the medians of their times, and the most memory of them all.
pub(super) struct Rounds {
    pub(super) function: Duration,
    floor: Duration,
    floor_of_rows: Duration,
    /// In bytes.
    pub(super) memory: u64,
}

impl Rounds {
    /// # Errors
    /// Where there is no round.
    pub(super) fn of<'a>(rounds: impl Iterator<Item = &'a Round> + Clone) -> Result<Self> {
        let middle = |time: fn(&Round) -> Duration| median(rounds.clone().map(time));
        Ok(Self {
            function: middle(|round| round.function)?,
            floor: middle(|round| round.floor)?,
            floor_of_rows: middle(|round| round.floor_of_rows)?,
            memory: rounds.clone().map(|round| round.memory).max().unwrap_or(0),
        })
    }

    /// Reports the most memory that the function held.
    pub(super) fn tell_memory(&self, report: &mut Report, name: String) {
        report.figure(
            name,
            megabytes(self.memory),
            Unit::Megabytes,
            Bar::AtMost(MOST_MEMORY),
        );
    }

    /// Reports how many times as long as either floor the function took. Only the first has a bar.
    pub(super) fn tell(
        &self,
        report: &mut Report,
        against_floor: String,
        most: f64,
        against_rows: String,
    ) {
        report.figure(
            against_floor,
            ratio(self.function, self.floor),
            Unit::Ratio,
            Bar::AtMost(most),
        );
        report.figure(
            against_rows,
            ratio(self.function, self.floor_of_rows),
            Unit::Ratio,
            Bar::None,
        );
    }
}
