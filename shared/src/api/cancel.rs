//! Ends the run that is on. What it has committed stays and its watermarks are where they
//! were: it is a failed run that somebody wanted. It finds its token gone when it next opens a
//! transaction, and writes nothing more; where nobody is at work on it, it is over at once.

use std::cell::Cell;

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use crate::error::Result;
use crate::metadata::runs::EndedRun;
use crate::metadata::{batches, deletions, runs};
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;

const DOING: &str = "cancelling a run";

/// A run that was ended.
#[derive(Debug)]
pub(crate) struct Cancelled {
    pub(crate) run: EndedRun,
    /// The batch that waited for it, and has been told in its own row.
    pub(crate) batch_id: Option<Uuid>,
    /// Whether its lease was live: then its function tells the bus when it stops.
    pub(crate) was_live: bool,
}

/// Cancels the run that is on, or that its function left unfinished. What else was asked for
/// goes on waiting. `None` where no run is on.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn cancel(database: &mut Database, spec: &DataType) -> Result<Option<Cancelled>> {
    // What an earlier attempt has ended, whose commit may have gone through unheard.
    let earlier: Cell<Option<Found>> = Cell::new(None);
    database
        .transaction(DOING, async |transaction| {
            let found = match lock_row(transaction, spec.name).await? {
                Some(found) => {
                    end(transaction, spec.name, found.run_id).await?;
                    found
                }
                None => match earlier.get() {
                    Some(found) if runs::is_cancelled(transaction, found.run_id).await? => found,
                    _ => return Ok(None),
                },
            };
            earlier.set(Some(found));
            let run = runs::ended(transaction, spec.name, found.run_id).await?;
            Ok(run.map(|run| Cancelled {
                run,
                batch_id: found.batch_id,
                was_live: found.is_live,
            }))
        })
        .await
}

#[derive(Debug, Clone, Copy)]
struct Found {
    run_id: Uuid,
    is_live: bool,
    batch_id: Option<Uuid>,
}

impl Found {
    fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        Ok(Self {
            run_id: row.try_get(0)?,
            is_live: row.try_get(1)?,
            batch_id: row.try_get(2)?,
        })
    }
}

/// Waits for whoever has the row locked, which is a page's transaction at most.
async fn lock_row(transaction: &Transaction<'_>, data_type: &str) -> Result<Option<Found>> {
    transaction
        .query_typed_opt(
            "select run_id, coalesce(lease_expires_at > clock_timestamp(), false),
                    (select batch_id from odoo.sync_batches batch
                     where batch.run_id = metadata.run_id
                         and batch.data_type = metadata.data_type
                         and state in ('pending', 'requested')
                     limit 1)
             from odoo.sync_metadata metadata
             where data_type = $1 and run_id is not null
             for update of metadata",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(DOING)?
        .map(|row| Found::read(&row))
        .transpose()
        .doing(DOING)
}

async fn end(transaction: &Transaction<'_>, data_type: &str, run_id: Uuid) -> Result<()> {
    runs::cancel(transaction, run_id).await?;
    batches::end_with_run(transaction, run_id).await?;
    deletions::end(transaction, run_id).await?;
    transaction
        .execute_typed(
            "update odoo.sync_metadata metadata
             set sync_status = 'failed',
                 error_message = runs.error_code || ': ' || runs.error_message,
                 lease_token = null, lease_expires_at = null, run_id = null, run_mode = null,
                 slice = 0, takeovers = 0, updated_at = now()
             from odoo.sync_runs runs
             where metadata.data_type = $1 and runs.run_id = $2",
            &[(&data_type, Type::TEXT), (&run_id, Type::UUID)],
        )
        .await
        .doing(DOING)?;
    Ok(())
}
