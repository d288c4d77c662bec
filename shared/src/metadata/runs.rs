//! `sync_runs`: one row a run, from its start to its end, with exact counts.
//!
//! Counts are added in the transaction that writes the page they count, so that they
//! survive a killed function and are never added twice.

mod by_hand;
mod report;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::mirror::database::Doing;
use crate::sync::request::{Mode, Trigger};
pub(crate) use by_hand::{cancel, end_by_reset, is_cancelled, is_ended_by_reset};
pub use report::{EndedRun, RowError, RunReport};
pub(crate) use report::{ended, report};

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
    let (status, code) = end(error);
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

/// Status and code of a run that ends so.
fn end(error: Option<&Error>) -> (&'static str, Option<&'static str>) {
    match error {
        None => ("success", None),
        Some(error) => ("failed", Some(error.kind().code())),
    }
}

/// Whether a run has ended in the way that [`finish`] puts down, and not in one that somebody else
/// has put down meanwhile.
pub(crate) async fn has_ended_so(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    error: Option<&Error>,
) -> Result<bool> {
    let (status, code) = end(error);
    let doing = "reading a run";
    transaction
        .query_typed_one(
            "select status = $2 and error_code is not distinct from $3
             from odoo.sync_runs where run_id = $1",
            &[
                (&run_id, Type::UUID),
                (&status, Type::TEXT),
                (&code, Type::TEXT),
            ],
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
