//! The account that a function gives of each request: one line of the log with the whole result, the
//! metrics, and what the bus is told beyond the `data` object.

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};
use serde_json::{Value, json};
use tracing::Span;

use crate::config::MetricsConfig;
use crate::error::{ErrorKind, Result};
use crate::metadata::claim::Slice;
use crate::specs::DataType;
use crate::sync::{Outcome, RunFailure, RunReport, Spent, Vitals};
use crate::telemetry;
use crate::telemetry::metrics::{self as names, write};

/// What an invocation has done for a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Work {
    /// What Odoo and Postgres have taken.
    pub(super) spent: Spent,
    /// The slice of a run that it was, if it got as far as that.
    pub(super) slice: Option<Slice>,
}

impl Work {
    /// What its lines are written in, so that each names the run.
    pub(super) fn span(&self, spec: &DataType) -> Span {
        self.slice.map_or_else(Span::none, |slice| {
            telemetry::of_run(spec, slice.run_id, slice.number)
        })
    }
}

/// What a process knows of a data type beside Postgres, for as long as it lives.
pub(super) struct Account {
    pub(super) spec: &'static DataType,
    /// The failure that no run has on record: Postgres was away, or the run could not begin.
    unrecorded: Option<ErrorKind>,
    freshness: Option<Age>,
    unverified: Option<Age>,
    /// Since when the data type is paused, as far as that is known.
    paused: Option<Age>,
}

/// A pause is an excuse for this long. Whoever made it knows why the mirror grows old, and is not to be woken; but one that is
/// forgotten is told by nothing else, since a data type that is not synced does not fail.
const FORGOTTEN: Duration = Duration::from_secs(24 * 60 * 60);

/// How old something was when that was last known, and when that was. By the wall clock: another one
/// may stand still while the process is frozen.
struct Age {
    known: Duration,
    at: SystemTime,
}

impl Age {
    fn known_now(age: Duration) -> Self {
        Self {
            known: age,
            at: SystemTime::now(),
        }
    }

    fn now(&self) -> Duration {
        self.known + self.at.elapsed().unwrap_or_default()
    }
}

impl Account {
    pub(super) fn new(spec: &'static DataType) -> Self {
        names::collector(spec);
        Self {
            spec,
            unrecorded: None,
            freshness: None,
            unverified: None,
            paused: None,
        }
    }

    /// The code with which the data type failed before this run, if it did.
    pub(super) fn failed_before(&self, report: Option<&RunReport>) -> Option<String> {
        match self.unrecorded {
            Some(kind) => Some(kind.code().to_owned()),
            None => report?.failed_before.clone(),
        }
    }

    /// Whether this run, which has succeeded, ends a failure.
    pub(super) fn recovers(&self, report: &RunReport) -> bool {
        self.unrecorded.is_some() || report.recovers
    }

    /// Remembers what is not on record.
    pub(super) fn remember(&mut self, outcome: &Result<Outcome, RunFailure>) {
        match outcome {
            Ok(Outcome::Finished(_)) => self.unrecorded = None,
            Ok(Outcome::HandedOver { .. } | Outcome::Repeated { .. }) => {}
            Err(failure) if !is_alarming(failure.error.kind()) => {}
            Err(RunFailure {
                report: Some(_), ..
            }) => self.unrecorded = None,
            Err(failure) => self.unrecorded = Some(failure.error.kind()),
        }
    }

    /// One line a run that is over, or that did not begin.
    pub(super) fn log(outcome: &Result<Outcome, RunFailure>, work: Work) {
        match outcome {
            Ok(Outcome::Finished(report)) => log_success(report, work.spent),
            Ok(Outcome::HandedOver { .. } | Outcome::Repeated { .. }) => {}
            Err(failure) => log_failure(failure, work),
        }
    }

    /// Writes the metrics of what was done. Ages are told whatever came of it, as long as they were
    /// ever known: nothing else would show that a run which fails or is turned away leaves the mirror as it was.
    pub(super) fn measure(
        &mut self,
        outcome: &Result<Outcome, RunFailure>,
        work: Work,
        vitals: Option<&Vitals>,
    ) {
        if let Some(vitals) = vitals {
            self.paused = vitals.paused.map(Age::known_now);
            self.freshness = vitals.freshness.map(Age::known_now);
            self.unverified = vitals.unverified.map(Age::known_now);
        }
        let extent = MetricsConfig::from_env();
        if extent == MetricsConfig::None {
            return;
        }
        let over = over(outcome);
        if extent == MetricsConfig::All {
            record_work(over, work.spent);
        }
        let failed = failed(outcome);
        if let Some(kind) = failed {
            counter!(names::RUNS_FAILED).increment(1);
            counter!(names::RUNS_FAILED, names::CODE => kind.code()).increment(1);
        }
        if let Some(vitals) = vitals {
            gauge!(names::FINDINGS_OPEN).set(vitals.findings.values().sum::<u64>() as f64);
        }
        let is_excused = is_excused(self.paused.as_ref());
        for (name, age) in [
            (names::FRESHNESS, &self.freshness),
            (names::UNVERIFIED, &self.unverified),
        ] {
            if is_excused {
                // To say nothing would be an alarm as well.
                gauge!(name).set(0.0);
            } else if let Some(age) = age {
                gauge!(name).set(age.now().as_secs_f64());
            }
        }
        write(
            self.spec,
            [
                ("timestamp", json!(jiff::Timestamp::now().to_string())),
                ("level", json!("INFO")),
                ("message", json!("metrics")),
                ("data_type", json!(self.spec.name)),
                ("run_id", run_id(outcome, work)),
                ("slice", json!(work.slice.map(|slice| slice.number))),
                ("mode", json!(over.map(|report| report.mode))),
                ("code", json!(failed.map(ErrorKind::code))),
                ("findings", json!(vitals.map(|it| &it.findings))),
            ],
        );
    }
}

/// Whether a pause is what the ages come from, and no forgotten one.
fn is_excused(paused: Option<&Age>) -> bool {
    paused.is_some_and(|since| since.now() < FORGOTTEN)
}

/// Whether a failure of this kind is for somebody to look at: to be busy, to be asked for what is not
/// allowed, or to be kept from running by an operator, is none.
pub(super) fn is_alarming(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::Busy | ErrorKind::BadRequest | ErrorKind::Cancelled | ErrorKind::Paused
    )
}

/// The run that is over, and has just been recorded as such.
fn over(outcome: &Result<Outcome, RunFailure>) -> Option<&RunReport> {
    match outcome {
        Ok(Outcome::Finished(report)) => Some(report),
        Ok(Outcome::HandedOver { .. } | Outcome::Repeated { .. }) => None,
        Err(failure) => failure.report.as_ref(),
    }
}

fn failed(outcome: &Result<Outcome, RunFailure>) -> Option<ErrorKind> {
    let kind = outcome.as_ref().err()?.error.kind();
    is_alarming(kind).then_some(kind)
}

/// The run that was worked on, else the one that the outcome is about; null where it is about none.
fn run_id(outcome: &Result<Outcome, RunFailure>, work: Work) -> Value {
    if let Some(slice) = work.slice {
        return json!(slice.run_id);
    }
    match outcome {
        Ok(Outcome::Finished(report) | Outcome::HandedOver { report, .. }) => json!(report.run_id),
        Ok(Outcome::Repeated { run_id, .. }) => json!(run_id),
        Err(failure) => match &failure.report {
            Some(report) => json!(report.run_id),
            None => json!(failure.running),
        },
    }
}

/// What no alarm looks at: what a run did, and what that took.
fn record_work(over: Option<&RunReport>, spent: Spent) {
    if let Some(report) = over {
        count_rows(report);
        histogram!(names::DURATION).record(report.duration as f64);
        counter!(names::RETRIES).increment(report.retries);
        counter!(names::SLICES).increment(report.slices.into());
    }
    if spent != Spent::default() {
        histogram!(names::ODOO_TIME).record(millis(spent.odoo) as f64);
        histogram!(names::POSTGRES_TIME).record(millis(spent.postgres) as f64);
    }
}

fn count_rows(report: &RunReport) {
    for (name, rows) in [
        (names::ROWS_INSERTED, report.records_inserted),
        (names::ROWS_UPDATED, report.records_updated),
        (names::ROWS_UNCHANGED, report.records_unchanged),
        (names::ROWS_DELETED, report.records_deleted),
        (names::ROWS_SKIPPED, report.records_skipped),
    ] {
        counter!(name).increment(rows);
    }
}

/// The run's own span names it, as it does where it was cancelled.
fn log_success(report: &RunReport, spent: Spent) {
    tracing::info!(
        mode = report.mode.word(),
        status = report.status,
        processed = report.records_processed,
        inserted = report.records_inserted,
        updated = report.records_updated,
        unchanged = report.records_unchanged,
        deleted = report.records_deleted,
        skipped = report.records_skipped,
        milliseconds = report.duration,
        odoo_ms = millis(spent.odoo),
        postgres_ms = millis(spent.postgres),
        retries = report.retries,
        slices = report.slices,
        "run succeeded"
    );
}

/// No failure, so no error: somebody wanted it.
fn log_cancelled(report: &RunReport, spent: Spent) {
    tracing::warn!(
        mode = report.mode.word(),
        status = report.status,
        code = ErrorKind::Cancelled.code(),
        processed = report.records_processed,
        inserted = report.records_inserted,
        updated = report.records_updated,
        unchanged = report.records_unchanged,
        deleted = report.records_deleted,
        skipped = report.records_skipped,
        milliseconds = report.duration,
        odoo_ms = millis(spent.odoo),
        postgres_ms = millis(spent.postgres),
        retries = report.retries,
        slices = report.slices,
        "run cancelled"
    );
}

/// One line a failure, whatever its cause. Where no run was worked on there is no span that names one: then it is
/// the run that stood in the way, or that is on record as failed.
pub(super) fn log_failure(failure: &RunFailure, work: Work) {
    let error = &failure.error;
    let (code, cause, remedy) = (error.kind().code(), error.chain(), error.kind().remedy());
    let report = failure.report.as_ref();
    let spent = work.spent;
    if let (ErrorKind::Cancelled, Some(report)) = (error.kind(), report) {
        log_cancelled(report, spent);
        return;
    }
    let run_id = report.map(|report| report.run_id).or(failure.running);
    let run_id = run_id.filter(|_| work.slice.is_none());
    let run_id = run_id.map(|id| id.to_string());
    if !is_alarming(error.kind()) {
        tracing::warn!(run_id, code, cause, "sync refused");
        return;
    }
    tracing::error!(
        run_id,
        mode = report.map(|it| it.mode.word()),
        status = report.map(|it| it.status.as_str()),
        code,
        cause,
        remedy,
        processed = report.map(|it| it.records_processed),
        inserted = report.map(|it| it.records_inserted),
        updated = report.map(|it| it.records_updated),
        unchanged = report.map(|it| it.records_unchanged),
        deleted = report.map(|it| it.records_deleted),
        skipped = report.map(|it| it.records_skipped),
        milliseconds = report.map(|it| it.duration),
        odoo_ms = millis(spent.odoo),
        postgres_ms = millis(spent.postgres),
        retries = report.map(|it| it.retries),
        slices = report.map(|it| it.slices),
        "sync failed"
    );
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::specs::PRODUCTS;

    fn failure(kind: ErrorKind) -> RunFailure {
        Error::new(kind, "a reason").into()
    }

    #[test]
    fn a_failure_that_no_run_has_on_record_is_remembered_until_one_succeeds() {
        let mut account = Account {
            spec: &PRODUCTS,
            unrecorded: None,
            freshness: None,
            unverified: None,
            paused: None,
        };
        assert_eq!(account.failed_before(None), None);
        for kind in [
            ErrorKind::DbUnreachable,
            ErrorKind::Busy,
            ErrorKind::BadRequest,
            ErrorKind::Cancelled,
            ErrorKind::Paused,
        ] {
            account.remember(&Err(failure(kind)));
        }
        assert_eq!(
            account.failed_before(None).as_deref(),
            Some("db_unreachable")
        );
        let report = RunReport::default();
        account.remember(&Ok(Outcome::Finished(report)));
        assert_eq!(account.failed_before(None), None);
    }
}
