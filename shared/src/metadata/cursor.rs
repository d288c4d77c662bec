//! The cursor in `sync_streams`: how far a stream's open window has come. Each page's
//! transaction moves it, which also tells an attempt from the one before it.
//!
//! Postgres may lose what it had confirmed: a crash with `synchronous_commit = off`, a fail-over to
//! a standby that lagged. Then the cursor stands before what the run knows to be done, and to go on
//! would lose that. So whatever builds on it names the [`Place`] where it left the cursor.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::streams::{Phase, number};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Doing;
use crate::specs::Stream;

/// Where a run has left the cursor of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) run_id: Uuid,
    pub(crate) phase: Phase,
    pub(crate) last_id: i64,
}

/// What a page's commit leaves behind, by which a second attempt knows of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The cursor moves over a page of the window, or over a part of the source that has been
    /// compared with `rows_here` live rows of the mirror.
    Window {
        phase: Phase,
        from_id: i64,
        to_id: i64,
        rows: u64,
        rows_to_do: u64,
        rows_here: u64,
    },
    /// A page outside the window's order leaves its mark.
    Beside { page: Uuid },
}

/// Takes a page's step. `false` where it has been taken already: the commit of an earlier
/// attempt went through although its answer did not arrive.
///
/// # Errors
/// `db_fault` where an earlier page's step is gone, and every other `db_*`.
pub(crate) async fn advance(
    transaction: &Transaction<'_>,
    data_type: &str,
    stream: &Stream,
    run_id: Uuid,
    step: Step,
) -> Result<bool> {
    let moved = match step {
        Step::Window {
            phase,
            from_id,
            to_id,
            rows,
            rows_to_do,
            rows_here,
        } => {
            transaction
                .execute_typed(
                    "with moved as (
                         update odoo.sync_streams
                         set last_id = $3, rows_done = rows_done + $4, rows_to_do = $5,
                             rows_here = rows_here + $7, updated_at = now()
                         where stream = $1 and last_id = $2 and run_id = $8
                             and window_phase = $9
                         returning stream
                     )
                     update odoo.sync_metadata set takeovers = 0
                     where data_type = $6 and exists (select from moved)",
                    &[
                        (&stream.name, Type::TEXT),
                        (&from_id, Type::INT8),
                        (&to_id, Type::INT8),
                        (&number(rows), Type::INT8),
                        (&number(rows_to_do), Type::INT8),
                        (&data_type, Type::TEXT),
                        (&number(rows_here), Type::INT8),
                        (&run_id, Type::UUID),
                        (&phase.word(), Type::TEXT),
                    ],
                )
                .await
        }
        Step::Beside { page } => {
            transaction
                .execute_typed(
                    "with marked as (
                         update odoo.sync_streams set beside_page = $2, updated_at = now()
                         where stream = $1 and beside_page is distinct from $2
                         returning stream
                     )
                     update odoo.sync_metadata set takeovers = 0
                     where data_type = $3 and exists (select from marked)",
                    &[
                        (&stream.name, Type::TEXT),
                        (&page, Type::UUID),
                        (&data_type, Type::TEXT),
                    ],
                )
                .await
        }
    };
    if moved.doing("moving the cursor")? == 1 {
        return Ok(true);
    }
    if let Step::Window { phase, to_id, .. } = step {
        let place = Place {
            run_id,
            phase,
            last_id: to_id,
        };
        check_taken(transaction, stream, place).await?;
    }
    Ok(false)
}

/// A cursor that stands before this page is not to be taken for a page that is in already: that
/// would lose it and every one after it.
async fn check_taken(transaction: &Transaction<'_>, stream: &Stream, to: Place) -> Result<()> {
    let doing = "looking where the cursor stands";
    let is_taken = transaction
        .query_typed_opt(
            "select last_id >= $2 and run_id = $3 and window_phase = $4
             from odoo.sync_streams where stream = $1 and run_id is not null",
            &[
                (&stream.name, Type::TEXT),
                (&to.last_id, Type::INT8),
                (&to.run_id, Type::UUID),
                (&to.phase.word(), Type::TEXT),
            ],
        )
        .await
        .doing(doing)?
        .map_or(Ok(false), |row| row.try_get(0))
        .doing(doing)?;
    if is_taken {
        return Ok(());
    }
    Err(lost(stream.name))
}

/// What a run of this stream, or of this data type, fails with that finds something gone.
pub(super) fn lost(of: &str) -> Error {
    Error::new(
        ErrorKind::DbFault,
        format!(
            "pages of {of} that Postgres had confirmed are gone: the next run reads them again"
        ),
    )
}
