//! One statement a page: a set-based upsert that writes only what differs and counts
//! exactly what it did.
//!
//! Values are compared, never times: on Odoo 14 a template's new price leaves the
//! variant's time as it was. A row that Postgres refuses is found by halving the page
//! under savepoints; the rest of the page goes in.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::batch::{Batch, ColumnType};
use super::database::Doing;
use super::sqlstate::{db_error, refuses_row};
use crate::error::Result;

/// What became of the rows of one page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) unchanged: u64,
}

impl Written {
    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
    }
}

/// A row that Postgres refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) odoo_id: i64,
    pub(crate) reason: String,
}

/// The statement that writes a page into one table, built once a run.
#[derive(Debug)]
pub(crate) struct Upsert {
    table: &'static str,
    sql: String,
}

impl Upsert {
    /// `columns` are the table's columns beside `odoo_id`, `synced_at` and `deleted_at`,
    /// in the order of [`Batch::columns`].
    pub(crate) fn new(table: &'static str, columns: &[(&'static str, ColumnType)]) -> Self {
        let list = |form: &dyn Fn(&str, ColumnType, usize) -> String| {
            columns
                .iter()
                .enumerate()
                .map(|(index, (name, kind))| form(name, *kind, index))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let names = list(&|name, _, _| name.to_owned());
        let arrays = list(&|_, kind, index| format!("${}::{}", index + 2, kind.array_type()));
        let values = list(&|name, kind, _| format!("{name}{}", kind.cast()));
        let excluded = list(&|name, _, _| format!("excluded.{name}"));
        let current = list(&|name, _, _| format!("mirror.{name}"));
        let sql = format!(
            "with incoming as (
                 select * from unnest($1::bigint[], {arrays}) as row (odoo_id, {names})
             ), written as (
                 insert into odoo.{table} as mirror (odoo_id, {names})
                 select odoo_id, {values} from incoming
                 on conflict (odoo_id) do update
                     set ({names}, synced_at, deleted_at) = ({excluded}, now(), null)
                     where ({current}, mirror.deleted_at)
                         is distinct from ({excluded}, null::timestamptz)
                 -- xmax is 0 only in a row version that no update made
                 returning xmax = 0 as is_new
             )
             select count(*) filter (where is_new), count(*) filter (where not is_new)
             from written"
        );
        Self { table, sql }
    }

    /// Writes the batch; rows that Postgres refuses come back in the second part.
    ///
    /// # Errors
    /// What Postgres said, if it was not about a row's value.
    pub(crate) async fn write(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> Result<(Written, Vec<Refused>)> {
        let mut written = Written::default();
        let mut refused = Vec::new();
        if batch.len() == 0 {
            return Ok((written, refused));
        }
        // Halves wait here instead of on the call stack.
        let mut waiting = vec![(0, batch.len())];
        while let Some((from, to)) = waiting.pop() {
            let part;
            let rows = if (from, to) == (0, batch.len()) {
                batch
            } else {
                part = batch.slice(from, to);
                &part
            };
            match self.write_or_roll_back(transaction, rows).await? {
                Ok(counts) => {
                    written.add(counts);
                    if !waiting.is_empty() {
                        release(transaction, self.table).await?;
                    }
                }
                Err(state) if to - from == 1 => refused.push(Refused {
                    odoo_id: rows.ids[0],
                    reason: format!("Postgres refused the row (SQLSTATE {})", state.code()),
                }),
                Err(_) => {
                    let middle = from + (to - from) / 2;
                    waiting.push((middle, to));
                    waiting.push((from, middle));
                }
            }
        }
        Ok((written, refused))
    }

    async fn write_or_roll_back(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> Result<std::result::Result<Written, SqlState>> {
        let doing = || format!("writing a page of {}", self.table);
        let failed = |error| db_error(&doing(), error);
        transaction
            .batch_execute("savepoint page")
            .await
            .map_err(failed)?;
        match self.execute(transaction, batch).await {
            // The last savepoint is left to the commit: a release is one more round trip.
            Ok(written) => Ok(Ok(written)),
            Err(error) if refuses_row(&error) => {
                transaction
                    .batch_execute("rollback to savepoint page; release savepoint page")
                    .await
                    .map_err(failed)?;
                Ok(Err(error
                    .code()
                    .cloned()
                    .unwrap_or(SqlState::DATA_EXCEPTION)))
            }
            Err(error) => Err(db_error(&doing(), error)),
        }
    }

    async fn execute(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> std::result::Result<Written, tokio_postgres::Error> {
        let mut parameters: Vec<(&(dyn ToSql + Sync), Type)> =
            Vec::with_capacity(batch.columns.len() + 1);
        parameters.push((&batch.ids, Type::INT8_ARRAY));
        parameters.extend(batch.columns.iter().map(|values| values.parameter()));
        let row = transaction.query_typed_one(&self.sql, &parameters).await?;
        let count = |index| row.try_get::<_, i64>(index).map(i64::unsigned_abs);
        let (inserted, updated) = (count(0)?, count(1)?);
        Ok(Written {
            inserted,
            updated,
            unchanged: (batch.len() as u64).saturating_sub(inserted + updated),
        })
    }
}

/// How many rows of the source are known here: the live ones, and the open rejects, which
/// the source has and the mirror cannot have.
pub(crate) async fn count_known(transaction: &Transaction<'_>, table: &str) -> Result<u64> {
    let doing = "counting the mirror";
    let row = transaction
        .query_typed_one(
            &format!(
                "select (select count(*) from odoo.{table} where deleted_at is null)
                    + (select count(*) from odoo.sync_findings finding
                       where stream = $1 and severity = 'reject' and resolved_at is null
                         and not exists (select from odoo.{table} mirror
                             where mirror.odoo_id = finding.odoo_id
                               and mirror.deleted_at is null))"
            ),
            &[(&table, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let count: i64 = row.try_get(0).doing(doing)?;
    Ok(count.unsigned_abs())
}

/// Ends a savepoint, so that the next one does not nest in it.
async fn release(transaction: &Transaction<'_>, table: &str) -> Result<()> {
    transaction
        .batch_execute("release savepoint page")
        .await
        .map_err(|error| db_error(&format!("writing a page of {table}"), error))
}
