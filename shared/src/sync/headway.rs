//! How fast a stream goes and how far it has come, for the log.

use std::time::Instant;

use crate::metadata::cursor::Step;

/// A phase of a stream under way.
pub(crate) struct Headway {
    /// When this invocation began with it.
    since: Instant,
    /// Rows that this invocation has dealt with.
    rows: u64,
    /// Rows of the window that are behind, those of earlier slices included.
    behind: u64,
}

/// Where a step has led.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reached {
    /// Rows a second in this invocation.
    pub(crate) rate: f64,
    /// Rows of the window to come.
    pub(crate) to_do: Option<u64>,
    /// Percent of the window's rows that are behind. None, as `to_do`, for a page outside its order.
    pub(crate) progress: Option<f64>,
}

impl Headway {
    /// Where so many rows of the window were dealt with before.
    pub(crate) fn after(behind: u64) -> Self {
        Self {
            since: Instant::now(),
            rows: 0,
            behind,
        }
    }

    /// Goes on by a step; `beside` is how many rows it has, where it is none of the window's.
    pub(crate) fn step(&mut self, step: Step, beside: usize) -> Reached {
        let to_do = match step {
            Step::Window {
                rows, rows_to_do, ..
            } => {
                self.rows += rows;
                self.behind += rows;
                Some(rows_to_do)
            }
            Step::Beside { .. } => {
                self.rows += beside as u64;
                None
            }
        };
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        Reached {
            rate: to_tenth(self.rows as f64 / seconds),
            to_do,
            progress: to_do.map(|to_do| percent(self.behind, to_do)),
        }
    }
}

fn percent(behind: u64, to_do: u64) -> f64 {
    let all = (behind + to_do).max(1);
    to_tenth(behind as f64 * 100.0 / all as f64)
}

fn to_tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::streams::Phase;
    use uuid::Uuid;

    fn page(rows: u64, rows_to_do: u64) -> Step {
        Step::Window {
            phase: Phase::Read,
            from_id: 0,
            to_id: 0,
            rows,
            rows_to_do,
            rows_here: 0,
        }
    }

    #[test]
    fn progress_counts_what_earlier_slices_did_and_ends_at_all() {
        let mut headway = Headway::after(500);
        assert_eq!(headway.step(page(250, 250), 0).progress, Some(75.0));
        let beside = Step::Beside { page: Uuid::nil() };
        assert_eq!(headway.step(beside, 3).progress, None);
        let end = headway.step(page(250, 0), 0);
        assert_eq!((end.to_do, end.progress), (Some(0), Some(100.0)));
        assert!(end.rate > 0.0);
    }
}
