//! Runs that an operator ends: by a reset, or by cancelling them.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{ErrorKind, Result};
use crate::mirror::database::Doing;

/// The message of a run that a reset has ended, by which it is known: no other failure has this one.
const RESET: &str = "ended by a reset";

const CANCELLED: &str = "cancelled by an operator";

/// Ends a run whose lease a reset takes away. The code is the one that the run itself answers
/// with when it finds that.
pub(crate) async fn end_by_reset(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    end(transaction, run_id, ErrorKind::Busy, RESET).await
}

/// Whether a reset has ended this run.
pub(crate) async fn is_ended_by_reset(transaction: &Transaction<'_>, run_id: Uuid) -> Result<bool> {
    has_failed(transaction, run_id, "error_message", RESET).await
}

/// Ends a run as an operator asked for; its counts are those of what it has committed.
pub(crate) async fn cancel(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    end(transaction, run_id, ErrorKind::Cancelled, CANCELLED).await
}

/// Whether an operator has ended this run.
pub(crate) async fn is_cancelled(transaction: &Transaction<'_>, run_id: Uuid) -> Result<bool> {
    let code = ErrorKind::Cancelled.code();
    has_failed(transaction, run_id, "error_code", code).await
}

async fn end(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    kind: ErrorKind,
    message: &str,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_runs
             set status = 'failed', finished_at = clock_timestamp(), error_code = $2,
                 error_message = $3
             where run_id = $1 and status = 'in_progress'",
            &[
                (&run_id, Type::UUID),
                (&kind.code(), Type::TEXT),
                (&message, Type::TEXT),
            ],
        )
        .await
        .doing("ending a run by hand")?;
    Ok(())
}

/// Whether the run has failed and this column says so.
async fn has_failed(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    column: &'static str,
    value: &str,
) -> Result<bool> {
    let doing = "reading a run";
    transaction
        .query_typed_one(
            &format!(
                "select exists (select from odoo.sync_runs
                                where run_id = $1 and status = 'failed' and {column} = $2)"
            ),
            &[(&run_id, Type::UUID), (&value, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}
