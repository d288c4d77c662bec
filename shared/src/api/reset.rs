//! Makes a data type's next run a full one: its streams are forgotten, with their
//! watermarks and what they were read from, and the mirror stays. A mirror that was filled
//! from another Odoo can be filled anew after it.
//!
//! What the delete guard judges by stays with the rows that it is about: a reset must be no way
//! around it for rows that a wrong company hides.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use crate::error::Result;
use crate::metadata::{batches, runs};
use crate::mirror::database::{Database, Doing};
use crate::specs::{DataType, Stream};

const DOING: &str = "resetting a data type";

/// What came of a reset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reset {
    /// It is done.
    Done {
        /// The unfinished run that it ended: one that was on, or one whose holder is gone.
        ended: Option<Uuid>,
    },
    /// A run is on and nothing was changed.
    Busy {
        /// That run.
        run_id: Option<Uuid>,
    },
}

/// Resets a data type, and with `force` takes the lease of a running run away. That run
/// finds its token gone when it next opens a transaction, and stops without another write; a
/// batch that waits for it is told at once.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn reset(database: &mut Database, spec: &DataType, force: bool) -> Result<Reset> {
    database
        .transaction(DOING, async |transaction| {
            let Some(found) = lock_row(transaction, spec.name).await? else {
                return Ok(Reset::Done { ended: None });
            };
            if found.is_on && !force {
                return Ok(Reset::Busy {
                    run_id: found.run_id,
                });
            }
            if let Some(run_id) = found.run_id {
                runs::end_by_reset(transaction, run_id).await?;
                batches::end_with_run(transaction, run_id).await?;
            }
            forget(transaction, spec.name).await?;
            forget_streams(transaction, spec).await?;
            Ok(Reset::Done {
                ended: found.run_id,
            })
        })
        .await
}

struct Found {
    is_on: bool,
    run_id: Option<Uuid>,
}

impl Found {
    fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        Ok(Self {
            is_on: row.try_get(0)?,
            run_id: row.try_get(1)?,
        })
    }
}

/// A run is on while its lease is live, and while it waits for its next slice: then it has
/// no lease and goes on all the same. Waits for whoever has the row locked, which is a
/// page's transaction at most. `None` where the data type was never synced.
async fn lock_row(transaction: &Transaction<'_>, data_type: &str) -> Result<Option<Found>> {
    transaction
        .query_typed_opt(
            "select run_id is not null
                    and (lease_token is null
                         or coalesce(lease_expires_at > clock_timestamp(), false)),
                    run_id
             from odoo.sync_metadata
             where data_type = $1
             for update",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(DOING)?
        .map(|row| Found::read(&row))
        .transpose()
        .doing(DOING)
}

/// When the last run succeeded stays on record: the mirror is as fresh as it was.
async fn forget(transaction: &Transaction<'_>, data_type: &str) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set lease_token = null, lease_expires_at = null, run_id = null, run_mode = null,
                 slice = 0, takeovers = 0, sync_status = 'pending', error_message = null,
                 pending_mode = null, pending_reconcile = false, pending_confirm_deletes = false,
                 updated_at = now()
             where data_type = $1",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(DOING)?;
    Ok(())
}

/// Begins the streams' rows anew, with what the delete guard has to know: how many of the rows here
/// are no measure, and that it holds deletions back. Where neither is so, or no live row is here,
/// none is left.
async fn forget_streams(transaction: &Transaction<'_>, spec: &DataType) -> Result<()> {
    let mut filled = Vec::new();
    for stream in spec.streams {
        if has_rows(transaction, stream).await? {
            filled.push(stream.name);
        }
    }
    transaction
        .execute_typed(
            "with forgotten as (
                 delete from odoo.sync_streams where data_type = $1
                 returning data_type, stream, rows_new, delete_guard
             )
             insert into odoo.sync_streams (data_type, stream, rows_new, delete_guard)
             select data_type, stream, rows_new, delete_guard from forgotten
             where stream = any($2) and (rows_new > 0 or delete_guard is not null)",
            &[(&spec.name, Type::TEXT), (&filled, Type::TEXT_ARRAY)],
        )
        .await
        .doing(DOING)?;
    Ok(())
}

async fn has_rows(transaction: &Transaction<'_>, stream: &Stream) -> Result<bool> {
    let sql = format!(
        "select exists (select from odoo.{} where deleted_at is null)",
        stream.name
    );
    transaction
        .query_typed_one(&sql, &[])
        .await
        .doing(DOING)?
        .try_get(0)
        .doing(DOING)
}
