//! The closed range of change times that one run reads. Pure arithmetic, no clock.
//!
//! Why a window reaches back at all: Odoo stamps a row with the time at which its
//! transaction *began*, so a row may appear later with an older time. Why it does not
//! always reach back by the whole overlap: once nothing newer has come for longer than
//! the overlap, every transaction that could still bring an older row is over, and a
//! quiet stream would list its last burst again and again.
//!
//! And why it reaches back to the start of the last run in any case, by the clock that Odoo has
//! now: that clock may have been ahead and been set back since. Then the watermark lies in the
//! future, and what changes until it is reached again bears older times.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::request::Mode;

/// What earlier successful runs of a stream left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Newest change time that they saw.
    pub(crate) watermark: Option<Timestamp>,
    /// Time, by Postgres's clock, between the first run that saw that watermark and the
    /// last successful one.
    pub(crate) idle: SignedDuration,
    /// When that last one began, by Postgres's clock.
    pub(crate) last_seen: Option<Timestamp>,
}

/// What Odoo shows at the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Newest change time in the source and in its related records.
    pub(crate) high: Option<Timestamp>,
    /// Odoo's own clock before the window was opened.
    pub(crate) clock: Timestamp,
    /// Postgres's clock when Odoo's was told, or a little later.
    pub(crate) at: Timestamp,
}

/// Rows that a run reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// All of them, whatever their change time.
    Everything,
    /// Those changed from the one to the other time, both included.
    Changed(Timestamp, Timestamp),
    /// None: nothing can have changed.
    Nothing,
    /// All of them are compared with the mirror, and those that differ are read; also those
    /// changed from this time on, which an incremental run would read: Odoo tells whole
    /// seconds, and what changed twice in one may look as it did before.
    Compared(Option<Timestamp>),
}

/// A run's range and the watermark that its success leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) range: Range,
    pub(crate) watermark: Option<Timestamp>,
}

/// Opens the window of a run.
pub(crate) fn open(mode: Mode, past: Past, observed: Observed, overlap: Duration) -> Window {
    // One row dated next year must not hide all that comes before it.
    let reached = observed.high.map(|high| high.min(observed.clock));
    Window {
        range: range(mode, past, observed, overlap),
        watermark: reached.max(past.watermark),
    }
}

fn range(mode: Mode, past: Past, observed: Observed, overlap: Duration) -> Range {
    let (Mode::Incremental | Mode::Reconcile, Some(watermark)) = (mode, past.watermark) else {
        return Range::Everything;
    };
    let low = low(watermark, past, observed, overlap);
    let changed = observed
        .high
        .filter(|high| low < end_of_second(*high))
        .map(|high| (low.min(high), high));
    match (mode, changed) {
        (Mode::Reconcile, changed) => Range::Compared(changed.map(|(low, _)| low)),
        (_, Some((low, high))) => Range::Changed(low, high),
        (_, None) => Range::Nothing,
    }
}

/// Where the second ends that Odoo names by its beginning: what changed last may have changed
/// just before.
fn end_of_second(told: Timestamp) -> Timestamp {
    told.checked_add(SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::MAX)
}

/// Whatever is older has been committed and seen by a run before this one.
fn low(watermark: Timestamp, past: Past, observed: Observed, overlap: Duration) -> Timestamp {
    let idle = past.idle.max(SignedDuration::ZERO);
    let back = SignedDuration::try_from(overlap).unwrap_or(SignedDuration::MAX);
    let quiet_since = moved(watermark, idle.saturating_sub(back));
    let Some(last_seen) = past.last_seen else {
        return quiet_since;
    };
    // Odoo's clock when the last run began, had it always gone as it does now. Where it was not
    // set back it then stood at watermark + idle or later, so that this is the same or a moment
    // before: a message is some time on its way.
    let ago = observed.at.duration_since(last_seen);
    quiet_since.min(moved(observed.clock, -ago.saturating_add(back)))
}

/// Before or after all that a timestamp can say is the first or the last that it can.
fn moved(time: Timestamp, by: SignedDuration) -> Timestamp {
    let outside = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    time.checked_add(by).unwrap_or(outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERLAP: Duration = Duration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    fn past(watermark: i64, idle: i64) -> Past {
        Past {
            watermark: Some(at(watermark)),
            idle: SignedDuration::from_secs(idle),
            last_seen: Some(at(watermark + idle)),
        }
    }

    fn observed(high: i64, clock: i64) -> Observed {
        Observed {
            high: Some(at(high)),
            clock: at(clock),
            at: at(clock),
        }
    }

    #[test]
    fn without_a_watermark_an_incremental_run_reads_everything() {
        let window = open(
            Mode::Incremental,
            Past::default(),
            observed(1000, 2000),
            OVERLAP,
        );
        assert_eq!(window.range, Range::Everything);
        assert_eq!(window.watermark, Some(at(1000)));
    }

    #[test]
    fn a_window_reaches_back_by_the_overlap_and_ends_with_the_newest_change() {
        let window = open(
            Mode::Incremental,
            past(1000, 0),
            observed(1500, 2000),
            OVERLAP,
        );
        assert_eq!(window.range, Range::Changed(at(700), at(1500)));
        assert_eq!(window.watermark, Some(at(1500)));
    }

    #[test]
    fn a_stream_that_has_been_quiet_for_longer_than_the_overlap_lists_nothing() {
        let quiet = open(
            Mode::Incremental,
            past(1000, 301),
            observed(1000, 2000),
            OVERLAP,
        );
        assert_eq!(quiet.range, Range::Nothing);
        let not_yet = open(
            Mode::Incremental,
            past(1000, 300),
            observed(1000, 2000),
            OVERLAP,
        );
        assert_eq!(not_yet.range, Range::Changed(at(1000), at(1000)));
    }

    #[test]
    fn a_second_is_listed_until_it_is_over() {
        let open = |millis| {
            let past = Past {
                watermark: Some(at(1000)),
                idle: SignedDuration::from_millis(millis),
                last_seen: None,
            };
            open(
                Mode::Incremental,
                past,
                observed(1000, 2000),
                Duration::ZERO,
            )
            .range
        };
        assert_eq!(open(999), Range::Changed(at(1000), at(1000)));
        assert_eq!(open(1000), Range::Nothing);
    }

    #[test]
    fn a_row_dated_next_year_does_not_move_the_watermark_past_odoo_s_clock() {
        let window = open(
            Mode::Incremental,
            past(1000, 0),
            observed(9_000_000, 2000),
            OVERLAP,
        );
        assert_eq!(window.range, Range::Changed(at(700), at(9_000_000)));
        assert_eq!(window.watermark, Some(at(2000)));
    }

    #[test]
    fn a_row_dated_next_year_makes_no_window_larger() {
        let past = past(2000, 0);
        let window = open(Mode::Incremental, past, observed(9_000_000, 2600), OVERLAP);
        assert_eq!(window.range, Range::Changed(at(1700), at(9_000_000)));
        assert_eq!(window.watermark, Some(at(2600)));
    }

    #[test]
    fn where_odoo_s_clock_was_set_back_a_window_begins_where_the_last_run_did() {
        // It was two hours ahead when a run began at 1000.
        let ahead = Past {
            last_seen: Some(at(1000)),
            ..past(8200, 0)
        };
        let window = open(Mode::Incremental, ahead, observed(8200, 1600), OVERLAP);
        assert_eq!(window.range, Range::Changed(at(700), at(8200)));
        assert_eq!(window.watermark, Some(at(8200)));
        // It catches up; nobody has seen a newer time meanwhile.
        let caught_up = Past {
            last_seen: Some(at(8000)),
            ..past(8200, 7000)
        };
        let window = open(Mode::Incremental, caught_up, observed(8300, 8600), OVERLAP);
        assert_eq!(window.range, Range::Changed(at(7700), at(8300)));
        assert_eq!(window.watermark, Some(at(8300)));
    }

    #[test]
    fn the_watermark_never_moves_back() {
        for high in [None, Some(at(10))] {
            let seen = Observed {
                high,
                clock: at(20),
                at: at(20),
            };
            for mode in [Mode::Incremental, Mode::Full] {
                let window = open(mode, past(1000, 0), seen, OVERLAP);
                assert_eq!(window.watermark, Some(at(1000)));
            }
        }
    }

    #[test]
    fn a_reconcile_compares_everything_and_reads_what_an_incremental_run_would() {
        let open = |past, seen| open(Mode::Reconcile, past, seen, OVERLAP);
        let window = open(past(1000, 0), observed(1500, 2000));
        assert_eq!(window.range, Range::Compared(Some(at(700))));
        assert_eq!(window.watermark, Some(at(1500)));
        let quiet = open(past(1000, 301), observed(1000, 2000));
        assert_eq!(quiet.range, Range::Compared(None));
        assert_eq!(quiet.watermark, Some(at(1000)));
        let first = open(Past::default(), observed(1000, 2000));
        assert_eq!(first.range, Range::Everything);
    }

    #[test]
    fn a_full_run_reads_everything_whatever_the_watermark() {
        let window = open(Mode::Full, past(1000, 0), observed(1500, 2000), OVERLAP);
        assert_eq!(window.range, Range::Everything);
    }
}
