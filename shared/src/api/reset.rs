//! Makes a data type's next run a full one: its streams are forgotten, with their
//! watermarks and what they were read from, and the mirror stays. A mirror that was filled
//! from another Odoo can be filled anew after it.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use crate::error::Result;
use crate::metadata::{batches, runs};
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;

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
    for statement in [
        "update odoo.sync_metadata
         set lease_token = null, lease_expires_at = null, run_id = null, run_mode = null,
             slice = 0, takeovers = 0, sync_status = 'pending', error_message = null,
             pending_mode = null, pending_reconcile = false, pending_confirm_deletes = false,
             updated_at = now()
         where data_type = $1",
        "delete from odoo.sync_streams where data_type = $1",
    ] {
        transaction
            .execute_typed(statement, &[(&data_type, Type::TEXT)])
            .await
            .doing(DOING)?;
    }
    Ok(())
}
