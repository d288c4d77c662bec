//! What has truly happened to the parts of a batch, whatever was heard of it: events come twice,
//! late or never, and what a run has done stands in `sync_runs`.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{ErrorKind, Result};
use crate::mirror::database::Doing;

/// How long a request may be unheard of until it counts as lost. A function has 15 minutes at
/// most and is tried again after one and two: what is not heard of by then hung on something
/// before its run began, or its event was lost, or the process that was to send it died.
const PATIENCE: &str = "interval '20 minutes'";

/// Requests of one row until it is given up.
const MAX_ATTEMPTS: i32 = 3;

/// Whether run `run` reads all that the row `batch` asks: [`Mode::covers`](crate::sync::request::Mode) as SQL.
const READS_ALL: &str = "(batch.mode = 'incremental' or run.mode = batch.mode)";

/// Whether run `run` does all that the row `batch` asks. One whose deletions were not confirmed has done so
/// where it succeeded; where it failed, the delete guard may have stopped it, which the batch has lifted.
pub(super) fn covers() -> String {
    format!(
        "{READS_ALL}
         and (run.confirm_deletes or not batch.confirm_deletes or run.status = 'success')"
    )
}

/// Whether the run that is on is the batch's own, or reads what it asks and began after the batch:
/// then "busy" is no failure, since that run will end the batch's part; or, where its deletions are not
/// confirmed and the guard stops it, the one that was remembered.
pub(crate) async fn is_being_done(
    transaction: &Transaction<'_>,
    batch_id: Uuid,
    data_type: &str,
) -> Result<bool> {
    let doing = "looking for the run of a batch";
    transaction
        .query_typed_one(
            &format!(
                "select exists (
                     select from odoo.sync_batches batch
                     join odoo.sync_metadata metadata on metadata.data_type = batch.data_type
                     join odoo.sync_runs run on run.run_id = metadata.run_id
                     where batch.batch_id = $1 and batch.data_type = $2
                         and batch.state in ('pending', 'requested')
                         and (run.run_id = batch.run_id
                              or (run.started_at >= batch.created_at and {READS_ALL})))"
            ),
            &[(&batch_id, Type::UUID), (&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Whether this run, which is on, began after the batch and does all that it asks.
pub(crate) async fn is_done_by(
    transaction: &Transaction<'_>,
    batch_id: Uuid,
    data_type: &str,
    run_id: Uuid,
) -> Result<bool> {
    let doing = "comparing a run with a batch";
    let covers = covers();
    transaction
        .query_typed_one(
            &format!(
                "select exists (
                     select from odoo.sync_batches batch
                     join odoo.sync_runs run on run.run_id = $3
                     where batch.batch_id = $1 and batch.data_type = $2
                         and run.started_at >= batch.created_at and {covers})"
            ),
            &[
                (&batch_id, Type::UUID),
                (&data_type, Type::TEXT),
                (&run_id, Type::UUID),
            ],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Brings all batches up to what has truly happened.
pub(crate) async fn settle(transaction: &Transaction<'_>) -> Result<()> {
    adopt(transaction).await?;
    ask_again(transaction).await?;
    give_up(transaction).await
}

/// Ends what is open by a run that did all that was asked, or failed to and has no other behind it:
/// by the run that works for it, or by any that began after the batch and ended after the request.
/// The latter need not know of the batch: a schedule may have come first.
pub(crate) async fn adopt(transaction: &Transaction<'_>) -> Result<()> {
    let covers = covers();
    transaction
        .execute_typed(
            &format!(
                "with found as (
                     select distinct on (batch.batch_id, batch.data_type)
                         batch.batch_id, batch.data_type, run.run_id, run.status,
                         run.finished_at, run.error_code, run.error_message
                     from odoo.sync_batches batch
                     join odoo.sync_runs run
                         on run.run_id = batch.run_id
                         or (run.data_type = batch.data_type
                             and run.started_at >= batch.created_at
                             and run.finished_at >= batch.requested_at)
                     where batch.state in ('pending', 'requested') and run.status <> 'in_progress'
                         and {covers}
                         and (run.status = 'success'
                              or not exists (select from odoo.sync_metadata metadata
                                             where metadata.data_type = batch.data_type
                                                 and metadata.run_id is not null))
                     order by batch.batch_id, batch.data_type, run.status = 'success' desc,
                         run.finished_at
                 )
                 update odoo.sync_batches batch
                 set state = found.status, finished_at = found.finished_at,
                     run_id = found.run_id, error_code = found.error_code,
                     error_message = found.error_message
                 from found
                 where batch.batch_id = found.batch_id and batch.data_type = found.data_type"
            ),
            &[],
        )
        .await
        .doing("looking for the runs of a batch")?;
    Ok(())
}

/// Lets what was requested and got lost wait again. Where a run has been left unfinished, the next
/// request takes it over; where the first request comes late after all, one of the two finds the
/// run of the other and does nothing.
async fn ask_again(transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .execute_typed(
            &format!(
                "with {}
                 update odoo.sync_batches batch
                 set state = 'pending', requested_at = null, claim_id = null
                 from lost
                 where batch.batch_id = lost.batch_id and batch.data_type = lost.data_type
                     and batch.attempts < $1",
                lost()
            ),
            &[(&MAX_ATTEMPTS, Type::INT4)],
        )
        .await
        .doing("asking again for what is not heard of")?;
    Ok(())
}

/// Fails what was requested as often as may be and never heard of.
async fn give_up(transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .execute_typed(
            &format!(
                "with {}
                 update odoo.sync_batches batch
                 set state = 'failed', finished_at = clock_timestamp(), error_code = $1,
                     error_message =
                         'given up: its function was asked several times and has not told how it ended'
                 from lost
                 where batch.batch_id = lost.batch_id and batch.data_type = lost.data_type",
                lost()
            ),
            &[(&ErrorKind::Internal.code(), Type::TEXT)],
        )
        .await
        .doing("giving up what is not heard of")?;
    Ok(())
}

/// Selects what was requested long ago and has no run that is on, or one that nobody has worked
/// on for as long. No other run's times count: each one of a schedule would put the end off again.
fn lost() -> String {
    format!(
        "lost as (
             select batch.batch_id, batch.data_type
             from odoo.sync_batches batch
             left join odoo.sync_metadata metadata on metadata.data_type = batch.data_type
             where batch.state = 'requested'
                 and greatest(
                         batch.requested_at,
                         case when metadata.run_id is not null then
                             greatest(metadata.updated_at, metadata.lease_expires_at,
                                      (select max(stream.updated_at) from odoo.sync_streams stream
                                       where stream.run_id = metadata.run_id))
                         end
                     ) < clock_timestamp() - {PATIENCE})"
    )
}
