//! Stale runs: those that are on, by their row of `sync_metadata`, and that nobody works on.
//! Their function died, or the event for their next slice was lost. The next request for the
//! data type goes on in them.

use tokio_postgres::Transaction;

use crate::error::Result;
use crate::mirror::database::{Doing, first_column};

/// Condition on a row `metadata` of `sync_metadata`: the lease has run out, or a run that was
/// handed over has not been taken up for as long as a lease lasts.
pub(crate) const IS_STALE: &str = "metadata.sync_status = 'in_progress'
    and coalesce(metadata.lease_expires_at, metadata.updated_at + interval '60 seconds')
        <= clock_timestamp()";

/// The data types whose run is stale, by name.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn data_types(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    let doing = "looking for stale runs";
    let sql = format!(
        "select data_type::text from odoo.sync_metadata metadata where {IS_STALE} order by 1"
    );
    let rows = transaction.query_typed(&sql, &[]).await.doing(doing)?;
    first_column(&rows).doing(doing)
}
