//! What `sync_streams` keeps of a comparison of the whole source with the mirror: its phases,
//! what it has met, and that it came to its end.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::streams::{Phase, number};
use crate::error::Result;
use crate::mirror::database::Doing;
use crate::specs::Stream;

/// Begins a phase: the cursor is at its start again. What a comparison has counted stays.
pub(crate) async fn enter(
    transaction: &Transaction<'_>,
    stream: &Stream,
    phase: Phase,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_streams
             set window_phase = $2, last_id = 0, rows_to_do = null,
                 rows_done = case when $2 = 'delete' then rows_done else 0 end,
                 updated_at = now()
             where stream = $1",
            &[(&stream.name, Type::TEXT), (&phase.word(), Type::TEXT)],
        )
        .await
        .doing("beginning a phase")?;
    Ok(())
}

/// What a comparison of the whole source with the mirror has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) source_rows: u64,
    /// Live rows here, as they were before the run.
    pub(crate) rows_here: u64,
}

/// Reads what a comparison that has come to its end has met.
pub(crate) async fn compared(transaction: &Transaction<'_>, stream: &Stream) -> Result<Compared> {
    let doing = "reading what has been compared";
    let row = transaction
        .query_typed_one(
            "select rows_done, greatest(rows_here - rows_new, 0)
             from odoo.sync_streams where stream = $1",
            &[(&stream.name, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let count = |at| row.try_get(at).map(i64::unsigned_abs).doing(doing);
    Ok(Compared {
        source_rows: count(0)?,
        rows_here: count(1)?,
    })
}

/// Marks a stream as compared with the whole source, and all of its phases as done.
pub(crate) async fn verified(
    transaction: &Transaction<'_>,
    stream: &Stream,
    rows_here: u64,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_streams
             set verified_at = now(), source_count = rows_done, mirror_count = $2,
                 count_mismatches = 0, window_done = true, updated_at = now()
             where stream = $1",
            &[(&stream.name, Type::TEXT), (&number(rows_here), Type::INT8)],
        )
        .await
        .doing("marking a stream as verified")?;
    Ok(())
}

/// Counts rows that a run has brought in before it compares. A wrong company's rows must not
/// make the share of those that it hides look small.
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
            "update odoo.sync_streams set rows_new = rows_new + $2
             where stream = $1 and window_phase = 'read'",
            &[(&stream.name, Type::TEXT), (&number(rows), Type::INT8)],
        )
        .await
        .doing("counting new rows")?;
    Ok(())
}
