//! Which tables schema `odoo` has, asked of the database itself: a table that a later
//! migration adds is in the next backup without a line here.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use super::quoted;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Doing;
use crate::mirror::migrate::HISTORY;

const DOING: &str = "looking for the tables of schema odoo";

/// Computed columns are left out: they come by themselves.
const TABLES: &str = "
    select c.relname::text, array_agg(a.attname::text order by a.attnum)
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = to_regnamespace('odoo') and c.relkind in ('r', 'p')
      and not c.relispartition and c.oid is distinct from to_regclass($1)
      and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname
    order by c.relname";

/// The sequences that give a table's columns their numbers.
const SEQUENCES: &str = "
    select a.attname::text, pg_get_serial_sequence($1, a.attname)
    from pg_attribute a
    where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped
      and pg_get_serial_sequence($1, a.attname) is not null";

/// A table and its columns, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

impl Table {
    /// As it may stand in a statement.
    pub(super) fn qualified(&self) -> String {
        qualified(&self.name)
    }
}

/// A table of schema `odoo` as it may stand in a statement.
pub(super) fn qualified(table: &str) -> String {
    format!("odoo.{}", quoted(table))
}

/// All tables but the history of migrations, by name.
pub(super) async fn tables(transaction: &Transaction<'_>) -> Result<Vec<Table>> {
    let found = transaction
        .query_typed(TABLES, &[(&HISTORY, Type::TEXT)])
        .await;
    let rows = found.doing(DOING)?;
    let table = |row: &tokio_postgres::Row| {
        Ok(Table {
            name: row.try_get(0).doing(DOING)?,
            columns: row.try_get(1).doing(DOING)?,
        })
    };
    rows.iter().map(table).collect()
}

/// The newest migration that has been applied; `None` in a database without any.
pub(super) async fn migration_version(transaction: &Transaction<'_>) -> Result<Option<i32>> {
    let doing = "reading the history of migrations";
    let has_history = "select to_regclass($1) is not null";
    let row = transaction
        .query_typed_one(has_history, &[(&HISTORY, Type::TEXT)])
        .await;
    if !row.doing(doing)?.try_get(0).doing(doing)? {
        return Ok(None);
    }
    let newest = format!("select max(version)::integer from {HISTORY}");
    let row = transaction.query_typed_one(&newest, &[]).await;
    row.doing(doing)?.try_get(0).doing(doing)
}

/// As [`migration_version`], where a backup is to be taken.
///
/// # Errors
/// [`ErrorKind::DbSchema`] where the tables have no history, so that nobody could say later what made them.
pub(super) async fn required_version(transaction: &Transaction<'_>) -> Result<i32> {
    migration_version(transaction).await?.ok_or_else(|| {
        let message = format!("{HISTORY} does not say which migrations have been applied");
        Error::new(ErrorKind::DbSchema, message)
    })
}

/// Lets each sequence go on behind the largest number that its column holds.
pub(super) async fn set_sequences(
    transaction: &Transaction<'_>,
    table: &Table,
    doing: &str,
) -> Result<()> {
    let name = table.qualified();
    let found = transaction
        .query_typed(SEQUENCES, &[(&name, Type::TEXT)])
        .await;
    for row in found.doing(doing)? {
        let (column, sequence): (String, String) =
            (row.try_get(0).doing(doing)?, row.try_get(1).doing(doing)?);
        let column = quoted(&column);
        let set = format!(
            "select setval($1::text::regclass, coalesce(max({column}), 1), max({column}) is not null)
             from {name}"
        );
        let set = transaction
            .query_typed(&set, &[(&sequence, Type::TEXT)])
            .await;
        set.doing(doing)?;
    }
    Ok(())
}
