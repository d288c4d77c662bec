//! What `sync_streams` keeps of a comparison of the whole source with the mirror: its phases,
//! what it has met, and that it came to its end.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::cursor::{Place, lost};
use super::streams::{Phase, number};
use crate::error::Result;
use crate::mirror::database::Doing;
use crate::specs::Stream;

/// Begins the phase that comes after the one which has got to this place: the cursor is at its
/// start again. What a comparison has counted stays.
///
/// # Errors
/// `db_fault` where the cursor is not there, and no earlier attempt has begun the phase; and every
/// other `db_*`.
pub(crate) async fn enter(
    transaction: &Transaction<'_>,
    stream: &Stream,
    reached: Place,
    phase: Phase,
) -> Result<()> {
    let begun = transaction
        .execute_typed(
            "update odoo.sync_streams
             set window_phase = $2, last_id = 0, rows_to_do = null,
                 rows_done = case when $2 = 'delete' then rows_done else 0 end,
                 updated_at = now()
             where stream = $1 and run_id = $3
                 and (window_phase = $2 or (window_phase = $4 and last_id = $5))",
            &[
                (&stream.name, Type::TEXT),
                (&phase.word(), Type::TEXT),
                (&reached.run_id, Type::UUID),
                (&reached.phase.word(), Type::TEXT),
                (&reached.last_id, Type::INT8),
            ],
        )
        .await
        .doing("beginning a phase")?;
    if begun == 0 {
        return Err(lost(stream.name));
    }
    Ok(())
}

/// What a comparison of the whole source with the mirror has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) source_rows: u64,
    /// Live rows here.
    pub(crate) rows_here: u64,
    /// How many of these have come since source and mirror last agreed.
    pub(crate) rows_new: u64,
}

/// Reads what a comparison that has come to its end has met.
///
/// # Errors
/// `db_fault` where its end is gone, and every other `db_*`.
pub(crate) async fn compared(
    transaction: &Transaction<'_>,
    stream: &Stream,
    run_id: Uuid,
) -> Result<Compared> {
    let doing = "reading what has been compared";
    let row = transaction
        .query_typed_opt(
            "select rows_done, rows_here, rows_new from odoo.sync_streams
             where stream = $1 and run_id = $2 and window_phase = 'delete'",
            &[(&stream.name, Type::TEXT), (&run_id, Type::UUID)],
        )
        .await
        .doing(doing)?
        .ok_or_else(|| lost(stream.name))?;
    let count = |at| row.try_get(at).map(i64::unsigned_abs).doing(doing);
    Ok(Compared {
        source_rows: count(0)?,
        rows_here: count(1)?,
        rows_new: count(2)?,
    })
}

/// Marks a stream as compared with the whole source, and all of its phases as done.
///
/// # Errors
/// `db_fault` where the end of its comparison is gone, and every other `db_*`.
pub(crate) async fn verified(
    transaction: &Transaction<'_>,
    stream: &Stream,
    run_id: Uuid,
    rows_here: u64,
) -> Result<()> {
    let marked = transaction
        .execute_typed(
            "update odoo.sync_streams
             set verified_at = now(), source_count = rows_done, mirror_count = $2,
                 count_mismatches = 0, delete_guard = null, window_done = true,
                 updated_at = now()
             where stream = $1 and run_id = $3 and window_phase = 'delete'",
            &[
                (&stream.name, Type::TEXT),
                (&number(rows_here), Type::INT8),
                (&run_id, Type::UUID),
            ],
        )
        .await
        .doing("marking a stream as verified")?;
    if marked == 0 {
        return Err(lost(stream.name));
    }
    Ok(())
}

/// Counts rows that have come in or come back, until source and mirror agree and a run has
/// succeeded. A wrong company's rows must not make the share of those that it hides look small,
/// also not when the run that brought them in was stopped and the next one meets them here.
pub(crate) async fn add_new(
    transaction: &Transaction<'_>,
    stream: &Stream,
    rows: u64,
) -> Result<()> {
    if rows == 0 {
        return Ok(());
    }
    transaction
        .execute_typed(
            // A comparison counts the live rows before it brings in what is missing.
            "update odoo.sync_streams
             set rows_new = rows_new + $2,
                 rows_here = rows_here + case window_phase when 'compare' then $2 else 0 end
             where stream = $1 and window_phase <> 'delete'",
            &[(&stream.name, Type::TEXT), (&number(rows), Type::INT8)],
        )
        .await
        .doing("counting new rows")?;
    Ok(())
}

/// Puts down why the delete guard stops a stream; `None` where it does not, or no longer.
pub(crate) async fn guarded(
    transaction: &Transaction<'_>,
    stream: &Stream,
    why: Option<&str>,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_streams set delete_guard = $2
             where stream = $1 and delete_guard is distinct from $2",
            &[(&stream.name, Type::TEXT), (&why, Type::TEXT)],
        )
        .await
        .doing("putting down what the delete guard says")?;
    Ok(())
}

/// Whether the delete guard has stopped any stream of a data type and nothing has lifted it.
pub(crate) async fn is_guarded(transaction: &Transaction<'_>, data_type: &str) -> Result<bool> {
    let doing = "looking what the delete guard said";
    transaction
        .query_typed_one(
            "select count(delete_guard) > 0 from odoo.sync_streams where data_type = $1",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}
