//! `sync_runs`: one row a run, from its start to its end, with exact counts.
//!
//! Counts are added in the transaction that writes the page they count, so that they
//! survive a killed function and are never added twice.

use serde::Serialize;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Doing;
use crate::sync::request::{Mode, Trigger};

/// A run that starts.
pub(crate) struct NewRun {
    pub(crate) id: Uuid,
    pub(crate) data_type: &'static str,
    pub(crate) mode: Mode,
    pub(crate) trigger: Trigger,
    pub(crate) confirm_deletes: bool,
}

/// Rows by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) unchanged: u64,
    pub(crate) deleted: u64,
    pub(crate) skipped: u64,
}

/// A run's result: the `data` object of answers and events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// The run.
    pub run_id: Uuid,
    /// Its data type.
    pub data_type: String,
    /// How it read.
    pub mode: Mode,
    /// `in_progress`, `success` or `failed`.
    pub status: String,
    /// All rows that it handled, whatever became of them.
    pub records_processed: u64,
    /// Rows new in the mirror.
    pub records_inserted: u64,
    /// Rows that differed.
    pub records_updated: u64,
    /// Rows that were read and did not differ.
    pub records_unchanged: u64,
    /// Rows that Odoo no longer has.
    pub records_deleted: u64,
    /// Rows that could not be mirrored.
    pub records_skipped: u64,
    /// Milliseconds from its start.
    pub duration: u64,
    /// Requests and transactions that were tried again.
    pub retries: u64,
    /// Invocations that worked on it.
    pub slices: u32,
    /// The first ten rejects.
    pub errors: Vec<RowError>,
    /// The code of the data type's run before this one, where that failed. No part of the `data`
    /// object: the events say what it means for this one.
    #[serde(skip)]
    pub failed_before: Option<String>,
}

/// A run that is over, as it is on record.
#[derive(Debug)]
pub struct EndedRun {
    /// Its result.
    pub report: RunReport,
    /// Why it failed.
    pub error: Option<Error>,
}

/// One row that could not be mirrored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowError {
    /// Its id in Odoo.
    pub odoo_id: i64,
    /// Its stream.
    pub stream: String,
    /// What is wrong with it; never its values.
    pub reason: String,
}

pub(crate) async fn insert(transaction: &Transaction<'_>, run: &NewRun) -> Result<()> {
    transaction
        .execute_typed(
            "insert into odoo.sync_runs
                 (run_id, data_type, mode, triggered_by, status, confirm_deletes)
             values ($1, $2, $3, $4, 'in_progress', $5)",
            &[
                (&run.id, Type::UUID),
                (&run.data_type, Type::TEXT),
                (&run.mode.word(), Type::TEXT),
                (&run.trigger.word(), Type::TEXT),
                (&run.confirm_deletes, Type::BOOL),
            ],
        )
        .await
        .doing("starting a run")?;
    Ok(())
}

/// Notes that another invocation works on the run, and whether deletions are confirmed by now.
pub(crate) async fn add_slice(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    confirm_deletes: bool,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set slices = slices + 1, confirm_deletes = confirm_deletes or $2
             where run_id = $1",
            &[(&run_id, Type::UUID), (&confirm_deletes, Type::BOOL)],
        )
        .await
        .doing("taking over a run")?;
    Ok(())
}

/// Adds what became of a page's rows.
pub(crate) async fn add_counts(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    counts: Counts,
) -> Result<()> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set records_inserted = records_inserted + $2,
                 records_updated = records_updated + $3,
                 records_unchanged = records_unchanged + $4,
                 records_deleted = records_deleted + $5,
                 records_skipped = records_skipped + $6
             where run_id = $1",
            &[
                (&run_id, Type::UUID),
                (&number(counts.inserted), Type::INT8),
                (&number(counts.updated), Type::INT8),
                (&number(counts.unchanged), Type::INT8),
                (&number(counts.deleted), Type::INT8),
                (&number(counts.skipped), Type::INT8),
            ],
        )
        .await
        .doing("counting a page")?;
    Ok(())
}

/// Ends a run: `success` without an error, else `failed` with its code and message.
pub(crate) async fn finish(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    retries: u64,
    error: Option<&Error>,
) -> Result<()> {
    let status = if error.is_none() { "success" } else { "failed" };
    let code = error.map(|error| error.kind().code());
    let message = error.map(ToString::to_string);
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set status = $2, finished_at = clock_timestamp(), retries = retries + $3,
                 error_code = $4, error_message = $5
             where run_id = $1",
            &[
                (&run_id, Type::UUID),
                (&status, Type::TEXT),
                (&i64::try_from(retries).unwrap_or(i64::MAX), Type::INT8),
                (&code, Type::TEXT),
                (&message, Type::TEXT),
            ],
        )
        .await
        .doing("ending a run")?;
    Ok(())
}

/// Whether a run has ended.
pub(crate) async fn is_over(transaction: &Transaction<'_>, run_id: Uuid) -> Result<bool> {
    let doing = "reading a run";
    transaction
        .query_typed_one(
            "select status <> 'in_progress' from odoo.sync_runs where run_id = $1",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Adds what a slice that hands over had to try again.
pub(crate) async fn add_retries(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    retries: u64,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs set retries = retries + $2 where run_id = $1",
            &[
                (&run_id, Type::UUID),
                (&i64::try_from(retries).unwrap_or(i64::MAX), Type::INT8),
            ],
        )
        .await
        .doing("handing a run over")?;
    Ok(())
}

/// The message of a run that a reset has ended, by which it is known: no other failure has this one.
const RESET: &str = "ended by a reset";

/// Ends a run whose lease a reset takes away. The code is the one that the run itself answers
/// with when it finds that.
pub(crate) async fn end_by_reset(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set status = 'failed', finished_at = clock_timestamp(), error_code = $2,
                 error_message = $3
             where run_id = $1 and status = 'in_progress'",
            &[
                (&run_id, Type::UUID),
                (&ErrorKind::Busy.code(), Type::TEXT),
                (&RESET, Type::TEXT),
            ],
        )
        .await
        .doing("ending a run")?;
    Ok(())
}

/// Whether a reset has ended this run.
pub(crate) async fn is_ended_by_reset(transaction: &Transaction<'_>, run_id: Uuid) -> Result<bool> {
    let doing = "reading a run";
    transaction
        .query_typed_one(
            "select exists (select from odoo.sync_runs
                            where run_id = $1 and status = 'failed' and error_message = $2)",
            &[(&run_id, Type::UUID), (&RESET, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Ends a run as an operator asked for; its counts are those of what it has committed.
pub(crate) async fn cancel(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set status = 'failed', finished_at = clock_timestamp(), error_code = $2,
                 error_message = 'cancelled by an operator'
             where run_id = $1 and status = 'in_progress'",
            &[
                (&run_id, Type::UUID),
                (&ErrorKind::Cancelled.code(), Type::TEXT),
            ],
        )
        .await
        .doing("cancelling a run")?;
    Ok(())
}

/// Whether an operator has ended this run.
pub(crate) async fn is_cancelled(transaction: &Transaction<'_>, run_id: Uuid) -> Result<bool> {
    let doing = "reading a run";
    transaction
        .query_typed_one(
            "select exists (select from odoo.sync_runs
                            where run_id = $1 and status = 'failed' and error_code = $2)",
            &[
                (&run_id, Type::UUID),
                (&ErrorKind::Cancelled.code(), Type::TEXT),
            ],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Ends a run that got no further.
pub(crate) async fn give_up(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set status = 'failed', finished_at = clock_timestamp(), error_code = 'internal',
                 error_message = 'given up: no row came in by several invocations in a row; '
                     || 'the function dies at the same place each time, or its time is too '
                     || 'short for a page of SYNC_BATCH_SIZE rows'
             where run_id = $1",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing("giving a run up")?;
    Ok(())
}

/// The run as it stands.
pub(crate) async fn report(transaction: &Transaction<'_>, run_id: Uuid) -> Result<RunReport> {
    let doing = "reading a run";
    let row = transaction
        .query_typed_one(
            "select data_type, mode, status, records_inserted, records_updated,
                    records_unchanged, records_deleted, records_skipped,
                    (extract(epoch from coalesce(finished_at, clock_timestamp()) - started_at)
                        * 1000)::bigint,
                    retries, slices,
                    (select before.error_code from odoo.sync_runs before
                     where before.data_type = run.data_type
                       and before.started_at < run.started_at
                       and before.status <> 'in_progress'
                       and coalesce(before.error_code not in ('busy', 'cancelled'), true)
                     order by before.started_at desc limit 1)
             from odoo.sync_runs run where run_id = $1",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing(doing)?;
    let count = |index| row.try_get::<_, i64>(index).map(i64::unsigned_abs);
    let read = || {
        Ok(RunReport {
            run_id,
            data_type: row.try_get(0)?,
            mode: Mode::from_word(row.try_get(1)?).unwrap_or_default(),
            status: row.try_get(2)?,
            records_processed: (3..=7).map(count).sum::<std::result::Result<u64, _>>()?,
            records_inserted: count(3)?,
            records_updated: count(4)?,
            records_unchanged: count(5)?,
            records_deleted: count(6)?,
            records_skipped: count(7)?,
            duration: count(8)?,
            retries: count(9)?,
            slices: row.try_get::<_, i32>(10)?.unsigned_abs(),
            errors: Vec::new(),
            failed_before: row.try_get(11)?,
        })
    };
    let report: std::result::Result<RunReport, tokio_postgres::Error> = read();
    Ok(RunReport {
        errors: row_errors(transaction, run_id).await?,
        ..report.doing(doing)?
    })
}

/// The run, where there is one of this data type and it is over.
pub(crate) async fn ended(
    transaction: &Transaction<'_>,
    data_type: &str,
    run_id: Uuid,
) -> Result<Option<EndedRun>> {
    let doing = "reading a run's end";
    let row = transaction
        .query_typed_opt(
            "select error_code, error_message from odoo.sync_runs
             where run_id = $1 and data_type = $2 and status <> 'in_progress'",
            &[(&run_id, Type::UUID), (&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let Some(row) = row else {
        return Ok(None);
    };
    let code: Option<&str> = row.try_get(0).doing(doing)?;
    let message: Option<&str> = row.try_get(1).doing(doing)?;
    Ok(Some(EndedRun {
        report: report(transaction, run_id).await?,
        error: code.map(|code| {
            let kind = ErrorKind::from_code(code).unwrap_or(ErrorKind::Internal);
            Error::new(kind, message.unwrap_or_default())
        }),
    }))
}

async fn row_errors(transaction: &Transaction<'_>, run_id: Uuid) -> Result<Vec<RowError>> {
    let doing = "reading a run's rejects";
    transaction
        .query_typed(
            "select odoo_id, stream, reason from odoo.sync_findings
             where run_id = $1 and severity = 'reject' and resolved_at is null
             order by id limit 10",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing(doing)?
        .iter()
        .map(|row| {
            Ok(RowError {
                odoo_id: row.try_get(0)?,
                stream: row.try_get(1)?,
                reason: row.try_get(2)?,
            })
        })
        .collect::<std::result::Result<_, tokio_postgres::Error>>()
        .doing(doing)
}
