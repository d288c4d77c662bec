//! A holder that is gone in the middle of a copy, and still has the data type's row locked.
//!
//! Postgres ends a transaction that idles and a statement that takes too long, by the limits that
//! each transaction sets. Neither is looked at while a `copy` waits for its client's next bytes:
//! a client that vanished without a word, or was frozen just there, would keep the row, and with
//! it every later run, waiting for hours.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::Result;
use crate::mirror::database::Doing;

/// Ends the session that holds the data type's row, if its lease is over and it has waited for
/// its client in one transaction for as long as a lease lasts. Sessions of our own role only:
/// others are not ours to end, and not to be seen. Returns whether there was one.
///
/// # Errors
/// Every `db_*`.
pub(super) async fn end(transaction: &Transaction<'_>, data_type: &str) -> Result<bool> {
    let doing = "ending a session that is stuck";
    // `xmax` is who updated the row or locked it last.
    let ended = transaction
        .query_typed(
            "select pg_terminate_backend(activity.pid)
             from odoo.sync_metadata metadata
             join pg_locks locks on locks.locktype = 'transactionid' and locks.granted
                 and locks.transactionid = metadata.xmax
             join pg_stat_activity activity on activity.pid = locks.pid
             where metadata.data_type = $1
                 and metadata.lease_expires_at < clock_timestamp()
                 and activity.usename = current_user
                 and activity.state = 'active' and activity.wait_event = 'ClientRead'
                 and activity.xact_start < clock_timestamp() - interval '60 seconds'",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    Ok(!ended.is_empty())
}
