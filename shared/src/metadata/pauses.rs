//! Which data types an operator keeps from being synced.

use tokio_postgres::Transaction;

use crate::error::Result;
use crate::mirror::database::{Doing, first_column};

/// The data types that are paused, by name.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn data_types(transaction: &Transaction<'_>) -> Result<Vec<String>> {
    let doing = "looking for paused data types";
    let sql = "select data_type::text from odoo.sync_metadata
         where paused_at is not null order by 1";
    let rows = transaction.query_typed(sql, &[]).await.doing(doing)?;
    first_column(&rows).doing(doing)
}
