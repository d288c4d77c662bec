//! One cheap question a page: is there anything to note about its rows, or anything noted that
//! may be over? Mostly there is not, and then the statements that record and resolve findings,
//! which cost more to plan than to run, need not be sent.

use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use super::database::Doing;
use crate::error::Result;

/// The question about one stream's rows, built once a run.
///
/// It counts where `exists` would do: for the sake of an early first row the planner
/// would read the whole table, and mostly there is no such row.
#[derive(Debug)]
pub(crate) struct Glance {
    by_range: String,
    /// The same row by row, for a range that holds others too; `None` where there is no rule.
    by_ids: Option<String>,
}

impl Glance {
    /// `is_broken` says of a `row` of the table whether it breaks any rule about itself;
    /// `None` where there is no such rule.
    pub(crate) fn new(table: &str, is_broken: Option<&str>) -> Self {
        let has_open = "select (select count(*) from odoo.sync_findings
              where stream = $1 and resolved_at is null and odoo_id between $2 and $3) > 0";
        let Some(is_broken) = is_broken else {
            return Self {
                by_range: has_open.to_owned(),
                by_ids: None,
            };
        };
        let or_any = |rows: &str| {
            format!("{has_open} or (select count(*) from {rows} where {is_broken}) > 0")
        };
        let live = format!(
            "(select * from odoo.{table}
              where odoo_id between $2 and $3 and deleted_at is null) row"
        );
        Self {
            by_range: or_any(&live),
            by_ids: Some(or_any(&rows_of_page(table, "$4"))),
        }
    }

    /// Whether findings about the rows with these ids are open or due.
    ///
    /// # Errors
    /// Any `db_*` kind.
    pub(crate) async fn finds_any(
        &self,
        transaction: &Transaction<'_>,
        stream: &str,
        ids: &[i64],
        rows: Rows,
    ) -> Result<bool> {
        let doing = "looking for findings";
        let (Some(smallest), Some(largest)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(false);
        };
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> = vec![
            (&stream, Type::TEXT),
            (smallest, Type::INT8),
            (largest, Type::INT8),
        ];
        let sql = match &self.by_ids {
            Some(by_ids) if rows == Rows::Some => {
                parameters.push((&ids, Type::INT8_ARRAY));
                by_ids
            }
            _ => &self.by_range,
        };
        let row = transaction.query_typed_one(sql, &parameters).await;
        row.doing(doing)?.try_get(0).doing(doing)
    }
}

/// What stands in the table between a page's smallest and largest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rows {
    /// The page's rows and no others.
    AllBetween,
    /// Maybe others too.
    Some,
}

/// The live rows with the ids of a parameter, as `row`. `offset 0` keeps the planner from
/// joining: it would rather read the whole table than look up a thousand rows.
pub(super) fn rows_of_page(table: &str, ids: &str) -> String {
    format!(
        "unnest({ids}::bigint[]) page (odoo_id)
         cross join lateral (
             select * from odoo.{table} live
             where live.odoo_id = page.odoo_id and live.deleted_at is null
             offset 0
         ) row"
    )
}
