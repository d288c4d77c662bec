//! The run that works for a part of a batch.
//!
//! Who takes the lease for a batch notes the run in the part, in the same transaction. So it is
//! known whose run one is, however often it was asked for, whoever goes on with it, and when
//! each of its events comes. None of this takes [`super::lock`]: no part changes its turn by it.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::settle::covers;
use crate::error::Result;
use crate::mirror::database::Doing;

/// What has come of a batch's request so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// The run that works for it, or the last one that did.
    pub(crate) run_id: Option<Uuid>,
    /// Whether there is nothing more to be done, whether or not the batch has heard of it.
    pub(crate) is_over: bool,
}

/// What has come of a batch's request for this data type; `None` where no batch has made it.
pub(crate) async fn asked(
    transaction: &Transaction<'_>,
    batch_id: Uuid,
    data_type: &str,
) -> Result<Option<Asked>> {
    let doing = "looking for a batch's run";
    let covers = covers();
    let row = transaction
        .query_typed_opt(
            &format!(
                "select batch.run_id,
                        batch.state in ('success', 'failed')
                        or coalesce(run.status <> 'in_progress' and {covers}, false)
                 from odoo.sync_batches batch
                 left join odoo.sync_runs run on run.run_id = batch.run_id
                 where batch.batch_id = $1 and batch.data_type = $2"
            ),
            &[(&batch_id, Type::UUID), (&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(Asked {
        run_id: row.try_get(0).doing(doing)?,
        is_over: row.try_get(1).doing(doing)?,
    }))
}

/// Notes that this run works for the batch from now on.
pub(crate) async fn assign(
    transaction: &Transaction<'_>,
    batch_id: Uuid,
    data_type: &str,
    run_id: Uuid,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_batches set run_id = $3
             where batch_id = $1 and data_type = $2 and state in ('pending', 'requested')",
            &[
                (&batch_id, Type::UUID),
                (&data_type, Type::TEXT),
                (&run_id, Type::UUID),
            ],
        )
        .await
        .doing("noting a batch's run")?;
    Ok(())
}

/// Fails what waits for a run that an operator has just ended: nobody works on it who could tell.
pub(crate) async fn end_with_run(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_batches batch
             set state = 'failed', finished_at = run.finished_at,
                 error_code = run.error_code, error_message = run.error_message
             from odoo.sync_runs run
             where batch.run_id = $1 and batch.state in ('pending', 'requested')
                 and run.run_id = $1 and run.status = 'failed'",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing("ending a batch's run")?;
    Ok(())
}
