//! Over any history of changes and runs: each change that is committed within the overlap is
//! read by the first run that begins after its commit and succeeds.
//!
//! Odoo stamps a change with the time at which its transaction began; nobody sees it before
//! its commit. Its clock may be ahead and be set back, some times. What a successful run keeps is
//! what `metadata::streams` keeps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::request::Mode;
use super::window::{Observed, Past, Range, open};

/// A moment of the history, in milliseconds.
type Moment = i64;

/// How far the history goes.
const END: Moment = 4_000_000;

#[derive(Debug, Clone)]
struct Change {
    begin: Moment,
    commit: Moment,
    /// The time that it bears in place of that at which it began.
    dated: Option<Moment>,
}

/// Odoo's clock is set back by so much.
#[derive(Debug, Clone)]
struct SetBack {
    when: Moment,
    by: Moment,
}

/// A run: when it starts, and how long each of its steps takes.
#[derive(Debug, Clone)]
struct Run {
    mode: Mode,
    start: Moment,
    /// From Postgres's clock to Odoo's newest change.
    asking: Moment,
    /// From there to Postgres's clock again.
    answering: Moment,
    /// From there to its listing of ids, which may be in a function that took the run over.
    listing: Moment,
    succeeds: bool,
}

#[derive(Debug, Clone)]
struct History {
    overlap: Moment,
    /// Postgres's clock less Odoo's.
    skew: Moment,
    set_back: Vec<SetBack>,
    changes: Vec<Change>,
    runs: Vec<Run>,
}

impl History {
    /// Odoo's clock. It is right once it has been set back for the last time.
    fn odoo(&self, moment: Moment) -> Moment {
        let to_come = self.set_back.iter().filter(|it| moment < it.when);
        moment + to_come.map(|it| it.by).sum::<Moment>()
    }

    fn stamp(&self, change: &Change) -> Moment {
        change.dated.unwrap_or_else(|| self.odoo(change.begin))
    }
}

fn any_history() -> impl Strategy<Value = History> {
    (
        prop_oneof![Just(0), 0..600_000_i64],
        -10_000_000..10_000_000_i64,
        // A row dated next year has every later window listed, and would hide what others lose.
        prop::bool::weighted(0.3),
        // Odoo tells whole seconds: several runs within one are a case of their own.
        prop_oneof![Just(20), Just(400_000_i64)],
        any_set_back(),
    )
        .prop_flat_map(|(overlap, skew, has_future, step, set_back)| {
            let changes = proptest::collection::vec(any_change(overlap, has_future), 0..40);
            let runs = proptest::collection::vec(any_run(step), 1..25);
            (changes, runs).prop_map(move |(changes, runs)| History {
                overlap,
                skew,
                set_back: set_back.clone(),
                changes,
                runs: one_after_the_other(runs),
            })
        })
}

/// Mostly none. By seconds, as a clock that is kept right, or by as much as an hour.
fn any_set_back() -> impl Strategy<Value = Vec<SetBack>> {
    let by = prop_oneof![0..5_000_i64, 0..END];
    let one = (any_moment(), by).prop_map(|(when, by)| SetBack { when, by });
    prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(one, 1..3)]
}

/// Anywhere in the history; often at the same few seconds, in which changes and runs meet.
fn any_moment() -> impl Strategy<Value = Moment> {
    let near = (0..3_i64, 0..1_500_i64).prop_map(|(burst, after)| burst * (END / 3) + after);
    prop_oneof![0..END, near]
}

fn any_change(overlap: Moment, has_future: bool) -> impl Strategy<Value = Change> {
    let takes = prop_oneof![Just(0), Just(overlap), 0..=overlap];
    let honest = (any_moment(), takes).prop_map(|(begin, takes)| Change {
        begin,
        commit: begin + takes,
        dated: None,
    });
    // Dated next year, as by an import; it is there from its commit on.
    let future = (END..1_000 * END, 0..END).prop_map(|(dated, commit)| Change {
        begin: commit,
        commit,
        dated: Some(dated),
    });
    prop_oneof![9 => honest, u32::from(has_future) => future]
}

fn any_run(longest: Moment) -> impl Strategy<Value = Run> {
    let step = || prop_oneof![Just(0), 0..longest.min(2_000), 0..longest];
    let mode = prop_oneof![
        8 => Just(Mode::Incremental),
        1 => Just(Mode::Full),
        1 => Just(Mode::Reconcile),
    ];
    (
        mode,
        any_moment(),
        step(),
        step(),
        step(),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(mode, start, asking, answering, listing, succeeds)| Run {
            mode,
            start,
            asking,
            answering,
            listing,
            succeeds,
        })
}

/// The lease keeps two runs of a data type from being on at a time.
fn one_after_the_other(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by_key(|run| run.start);
    let mut free_at = 0;
    for run in &mut runs {
        run.start = run.start.max(free_at);
        free_at = run.start + run.asking + run.answering + run.listing + 1;
    }
    runs
}

fn at(moment: Moment) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + moment).expect("within a few years")
}

/// A time as Odoo tells it, in an answer and in its `Date` header: in whole seconds. It compares
/// what it keeps, to the microsecond.
fn told(moment: Moment) -> Timestamp {
    at(moment - moment.rem_euclid(1000))
}

/// A stream's row of `sync_streams`.
#[derive(Default)]
struct Row {
    watermark: Option<Timestamp>,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
}

impl Row {
    fn past(&self) -> Past {
        let idle = self.first_seen.zip(self.last_seen);
        Past {
            watermark: self.watermark,
            idle: idle.map_or(SignedDuration::ZERO, |(first, last)| {
                last.duration_since(first)
            }),
            last_seen: self.last_seen,
        }
    }
}

/// Runs one run on what has been committed; which changes it reads. `None`: it fails.
fn read(history: &History, run: &Run, row: &mut Row) -> Option<Vec<bool>> {
    let asked_at = run.start + run.asking;
    let seen_at = asked_at + run.answering;
    let listed_at = seen_at + run.listing;
    let committed = history
        .changes
        .iter()
        .filter(|change| change.commit <= asked_at);
    let observed = Observed {
        high: committed.map(|change| told(history.stamp(change))).max(),
        clock: told(history.odoo(asked_at)),
        at: at(asked_at + history.skew),
    };
    let overlap = Duration::from_millis(history.overlap.unsigned_abs());
    let window = open(run.mode, row.past(), observed, overlap);
    if !run.succeeds {
        return None;
    }
    let is_same = row.watermark == window.watermark;
    let seen_at = at(seen_at + history.skew);
    row.first_seen = row.first_seen.filter(|_| is_same).or(Some(seen_at));
    row.last_seen = Some(at(run.start + history.skew));
    row.watermark = window.watermark;

    let is_read = |change: &Change| {
        let stamp = at(history.stamp(change));
        change.commit <= listed_at
            && match window.range {
                // A change that no run has read yet differs from the mirror.
                Range::Everything | Range::Compared(_) => true,
                Range::Changed(low, high) => {
                    (low..high + SignedDuration::from_secs(1)).contains(&stamp)
                }
                Range::Nothing => false,
            }
    };
    Some(history.changes.iter().map(is_read).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_change_is_read_by_the_first_run_that_begins_after_its_commit(history in any_history()) {
        let mut row = Row::default();
        let mut is_read = vec![false; history.changes.len()];
        for run in &history.runs {
            let before = row.watermark;
            let Some(now) = read(&history, run, &mut row) else {
                prop_assert_eq!(row.watermark, before, "a failed run moved the watermark");
                continue;
            };
            prop_assert!(row.watermark >= before, "the watermark went back");
            for ((change, is_read), now) in history.changes.iter().zip(&mut is_read).zip(now) {
                *is_read |= now;
                prop_assert!(
                    *is_read || change.commit > run.start + run.asking,
                    "{:?} is not read by {:?}", change, run
                );
            }
        }
    }

    #[test]
    fn a_stream_without_news_is_listed_no_longer_than_the_overlap(
        overlap in 0..600_i64, high: i32, runs in proptest::collection::vec(1..400_i64, 1..20),
    ) {
        let high = Timestamp::from_second(high.into()).expect("within a century");
        let overlap_of = Duration::from_secs(overlap.unsigned_abs());
        let (mut row, mut clock) = (Row::default(), high);
        for pause in runs {
            let observed = Observed { high: Some(high), clock, at: clock };
            let window = open(Mode::Incremental, row.past(), observed, overlap_of);
            if row.past().idle > SignedDuration::from_secs(overlap) {
                prop_assert_eq!(window.range, Range::Nothing);
            } else {
                prop_assert_ne!(window.range, Range::Nothing);
            }
            row.first_seen = row.first_seen.or(Some(clock));
            row.last_seen = Some(clock);
            row.watermark = window.watermark;
            clock += SignedDuration::from_secs(pause);
        }
    }

    #[test]
    fn no_times_make_it_panic(
        watermark in any_time(), high in any_time(), clock in any_time(),
        postgres in any_time(), last_seen in any_time(), idle: i64, overlap: u64,
    ) {
        let past = Past {
            watermark: Some(watermark),
            idle: SignedDuration::from_secs(idle),
            last_seen: Some(last_seen),
        };
        let observed = Observed { high: Some(high), clock, at: postgres };
        let window = open(Mode::Incremental, past, observed, Duration::from_secs(overlap));
        prop_assert!(window.watermark >= Some(watermark));
        if let Range::Changed(low, to) = window.range {
            prop_assert!(low <= to && to == high);
        }
    }
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    let seconds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
    seconds.prop_map(|second| Timestamp::from_second(second).expect("in range"))
}
