//! What the mirror knows of its rows' change times: the one side of a comparison with the
//! source.

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
    /// The related record that it leads to.
    pub(crate) leads_to: Option<i64>,
}

/// The rows with ids above `after`, in id order, `limit` of them at most, deleted ones
/// included. Where they lead is in the column `leads`; without one they lead nowhere.
///
/// # Errors
/// Any `db_*` kind.
pub(crate) async fn after(
    transaction: &Transaction<'_>,
    table: &str,
    leads: Option<&str>,
    after: i64,
    limit: usize,
) -> Result<Vec<Known>> {
    let doing = "reading the mirror's change times";
    // One row with a list a column: a row each costs both sides more than what is in it.
    let sql = format!(
        "select array_agg(odoo_id), array_agg(odoo_updated_at), array_agg(odoo_related_at),
                array_agg(is_live), array_agg(leads_to)
         from (select odoo_id, odoo_updated_at, odoo_related_at, deleted_at is null as is_live,
                      {leads} as leads_to
               from odoo.{table} where odoo_id > $1 order by odoo_id limit $2) portion",
        leads = leads.unwrap_or("null::bigint")
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&after, Type::INT8), (&limit, Type::INT8)];
    // Of a table that nobody has analyzed yet, as after a first fill, the planner takes the ids to be
    // scattered: it would read and sort the whole of it for each portion.
    let by_index = transaction.batch_execute("set local enable_sort = off");
    let asked = transaction.query_typed_one(&sql, &parameters);
    let (_, row) = try_join(by_index, asked).await.doing(doing)?;
    let mut known = read(&row).doing(doing)?;
    // They come in this order, but SQL does not promise it of an aggregate; then it costs nothing.
    known.sort_unstable_by_key(|known| known.id);
    Ok(known)
}

fn read(row: &Row) -> std::result::Result<Vec<Known>, tokio_postgres::Error> {
    // A list of nothing is null.
    let ids: Vec<i64> = row.try_get::<_, Option<_>>(0)?.unwrap_or_default();
    let changed: Vec<Option<Timestamp>> = row.try_get::<_, Option<_>>(1)?.unwrap_or_default();
    let related: Vec<Option<Timestamp>> = row.try_get::<_, Option<_>>(2)?.unwrap_or_default();
    let is_live: Vec<bool> = row.try_get::<_, Option<_>>(3)?.unwrap_or_default();
    let leads_to: Vec<Option<i64>> = row.try_get::<_, Option<_>>(4)?.unwrap_or_default();
    let times = changed.into_iter().zip(related);
    let known = ids
        .into_iter()
        .zip(times)
        .zip(is_live.into_iter().zip(leads_to));
    Ok(known
        .map(|((id, (changed, related)), (is_live, leads_to))| Known {
            id,
            changed,
            related,
            is_live,
            leads_to,
        })
        .collect())
}
