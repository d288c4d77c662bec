//! A run as it is told: to its caller, to the bus, and to the log.

use serde::Serialize;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Doing;
use crate::sync::request::Mode;

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
    /// The code of the data type's run before this one, where that failed; `internal` where it did
    /// not, but Lambda has given an event up since. No part of the `data` object: the events
    /// say what it means for this one.
    #[serde(skip)]
    pub failed_before: Option<String>,
    /// Whether its success ends a failure: see [`ENDS_A_FAILURE`]. No part of the `data` object
    /// either.
    #[serde(skip)]
    pub recovers: bool,
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

/// Whether a success of this run is the first since a failure that asked for no more than it does: a sync every five
/// minutes does not make good what the nightly comparison failed at. Of each mode up to the run's own the last
/// outcome counts, be it of that mode or a success of a later one. `$3` are the modes in their order.
const ENDS_A_FAILURE: &str = "exists (
    select from unnest($3::text[]) with ordinality failed (mode, place)
    cross join lateral (
        select before.status from odoo.sync_runs before
        where before.data_type = run.data_type
          and before.started_at < run.started_at
          and (before.status = 'success' and array_position($3, before.mode::text) >= place
               or before.status = 'failed' and before.mode = failed.mode
                  and coalesce(before.error_code not in ('busy', 'cancelled'), true))
        order by before.started_at desc limit 1) last
    where place <= array_position($3, run.mode::text) and last.status = 'failed')";

/// A crash that was given up after the run before this one, and before this one ended.
const WAS_GIVEN_UP: &str = "coalesce(
    given_up_at <= coalesce(run.finished_at, clock_timestamp())
    and given_up_at > coalesce(before.finished_at, '-infinity'), false)";

/// The run as it stands.
pub(crate) async fn report(transaction: &Transaction<'_>, run_id: Uuid) -> Result<RunReport> {
    let doing = "reading a run";
    let row = transaction
        .query_typed_one(
            &format!(
                "select run.data_type, mode, status, records_inserted, records_updated,
                    records_unchanged, records_deleted, records_skipped,
                    (extract(epoch from coalesce(run.finished_at, clock_timestamp()) - started_at)
                        * 1000)::bigint,
                    retries, slices,
                    coalesce(before.error_code, case when {WAS_GIVEN_UP} then $2 end),
                    {ENDS_A_FAILURE} or {WAS_GIVEN_UP}
             from odoo.sync_runs run
             left join lateral (
                 select before.error_code, before.finished_at from odoo.sync_runs before
                 where before.data_type = run.data_type
                   and before.started_at < run.started_at
                   and before.status <> 'in_progress'
                   and coalesce(before.error_code not in ('busy', 'cancelled'), true)
                 order by before.started_at desc limit 1) before on true
             left join odoo.sync_metadata metadata on metadata.data_type = run.data_type
             where run.run_id = $1"
            ),
            &[
                (&run_id, Type::UUID),
                (&ErrorKind::Internal.code(), Type::TEXT),
                (&Mode::ALL.map(Mode::word).as_slice(), Type::TEXT_ARRAY),
            ],
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
            recovers: row.try_get(12)?,
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
