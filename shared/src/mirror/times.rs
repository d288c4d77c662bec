//! What the mirror knows of its rows' change times: the one side of a comparison with the
//! source.

use std::pin::pin;

use futures_util::TryStreamExt;
use futures_util::future::try_join;
use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Transaction};

use super::database::Doing;
use crate::error::Result;

/// A row of a mirror table by its change times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) id: i64,
    /// `odoo_updated_at`.
    pub(crate) changed: Option<Timestamp>,
    /// `odoo_related_at`.
    pub(crate) related: Option<Timestamp>,
    /// Not marked as deleted.
    pub(crate) is_live: bool,
}

/// The rows with ids above `after`, in id order, `limit` of them at most, deleted ones
/// included.
///
/// # Errors
/// Any `db_*` kind.
pub(crate) async fn after(
    transaction: &Transaction<'_>,
    table: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<Known>> {
    let doing = "reading the mirror's change times";
    let sql = format!(
        "select odoo_id, odoo_updated_at, odoo_related_at, deleted_at is null
         from odoo.{table} where odoo_id > $1 order by odoo_id limit $2"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&after, Type::INT8), (&limit, Type::INT8)];
    // Of a table that nobody has analyzed yet, as after a first fill, the planner takes the ids to be
    // scattered: it would read and sort the whole of it for each portion.
    let by_index = transaction.batch_execute("set local enable_sort = off");
    let asked = try_join(by_index, transaction.query_typed_raw(&sql, parameters));
    // A driver's row is many times as large as what is kept of it.
    let mut rows = pin!(asked.await.doing(doing)?.1);
    let mut known = Vec::new();
    while let Some(row) = rows.try_next().await.doing(doing)? {
        known.push(read(&row).doing(doing)?);
    }
    Ok(known)
}

fn read(row: &Row) -> std::result::Result<Known, tokio_postgres::Error> {
    Ok(Known {
        id: row.try_get(0)?,
        changed: row.try_get(1)?,
        related: row.try_get(2)?,
        is_live: row.try_get(3)?,
    })
}
