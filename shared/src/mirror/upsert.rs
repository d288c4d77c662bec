//! One statement a page: a set-based upsert that writes only what differs and counts
//! exactly what it did. Many rows that are all new take a quicker way in, a `copy`.
//!
//! Values are compared, never times: on Odoo 14 a template's new price leaves the
//! variant's time as it was. A row that Postgres refuses is found by halving the page
//! under savepoints; the rest of the page goes in.

use futures_util::future::join;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::batch::{Batch, ColumnType};
use super::copy::{Copy, Room};
use super::database::Doing;
use super::glance::Rows;
use super::sqlstate::{db_error, refuses_row};
use crate::error::{Error, Result};

/// What became of the rows of one page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) inserted: u64,
    pub(crate) updated: u64,
    pub(crate) unchanged: u64,
    /// Of the updated ones, those that were marked as deleted.
    pub(crate) revived: u64,
}

impl Written {
    fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.revived += other.revived;
    }
}

/// What came of writing a batch.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) written: Written,
    pub(crate) refused: Vec<Refused>,
    /// What stands between the written rows.
    pub(crate) rows: Rows,
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
    pub(crate) copy: Copy,
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
        let values = list(&|name, kind, _| format!("{name}{} as {name}", kind.cast()));
        let excluded = list(&|name, _, _| format!("excluded.{name}"));
        let current = list(&|name, _, _| format!("mirror.{name}"));
        let read = list(&|name, _, _| format!("incoming.{name}"));
        // Rows that are as they should be are left out before the insert: `on conflict` would lock
        // each of them, which is a write. `offset 0` makes the planner look them up one by one.
        let sql = format!(
            "with incoming as (
                 select odoo_id, {values}
                 from unnest($1::bigint[], {arrays}) as row (odoo_id, {names})
             ), differing as (
                 select incoming.odoo_id, {read}, mirror.deleted_at is not null as is_deleted_here
                 from incoming left join lateral (
                     select * from odoo.{table} here
                     where here.odoo_id = incoming.odoo_id
                     offset 0
                 ) mirror on true
                 where mirror.odoo_id is null
                     or ({current}, mirror.deleted_at)
                         is distinct from ({read}, null::timestamptz)
             ), written as (
                 insert into odoo.{table} as mirror (odoo_id, {names})
                 select odoo_id, {names} from differing
                 on conflict (odoo_id) do update
                     set ({names}, synced_at, deleted_at) = ({excluded}, now(), null)
                     where ({current}, mirror.deleted_at)
                         is distinct from ({excluded}, null::timestamptz)
                 -- xmax is 0 only in a row version that no update made
                 returning xmax = 0 as is_new
             )
             select count(*) filter (where is_new), count(*) filter (where not is_new),
                 (select count(*) from differing where is_deleted_here)
             from written"
        );
        Self {
            table,
            sql,
            copy: Copy::new(table, &names),
        }
    }

    /// Writes the batch but for the rows that Postgres refuses. `room` is what
    /// [`Copy::room`] found in this transaction.
    ///
    /// # Errors
    /// What Postgres said, if it was not about a row's value.
    pub(crate) async fn write(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
        room: Room,
    ) -> Result<Outcome> {
        if self.copy.suits(batch, room) && self.copy_or_roll_back(transaction, batch).await? {
            let written = Written {
                inserted: batch.len() as u64,
                ..Written::default()
            };
            return Ok(Outcome {
                written,
                refused: Vec::new(),
                rows: Rows::AllBetween,
            });
        }
        let (written, refused) = self.write_in_parts(transaction, batch).await?;
        Ok(Outcome {
            written,
            refused,
            rows: Rows::Some,
        })
    }

    /// Writes the whole batch, or what of it Postgres takes.
    async fn write_in_parts(
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
                        self.release(transaction).await?;
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

    async fn copy_or_roll_back(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> Result<bool> {
        let copy = self.copy.write(transaction, batch);
        let is_copied = self.after_savepoint(transaction, copy).await??;
        if !is_copied {
            self.roll_back(transaction).await?;
        }
        Ok(is_copied)
    }

    async fn write_or_roll_back(
        &self,
        transaction: &Transaction<'_>,
        batch: &Batch,
    ) -> Result<std::result::Result<Written, SqlState>> {
        let execute = self.execute(transaction, batch);
        match self.after_savepoint(transaction, execute).await? {
            // The last savepoint is left to the commit: a release is one more round trip.
            Ok(written) => Ok(Ok(written)),
            Err(error) if refuses_row(&error) => {
                self.roll_back(transaction).await?;
                Ok(Err(error
                    .code()
                    .cloned()
                    .unwrap_or(SqlState::DATA_EXCEPTION)))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Sends what `work` sends right after the savepoint, without waiting for that.
    async fn after_savepoint<T>(
        &self,
        transaction: &Transaction<'_>,
        work: impl Future<Output = T>,
    ) -> Result<T> {
        let savepoint = transaction.batch_execute("savepoint page");
        let (set, outcome) = join(savepoint, work).await;
        set.map_err(|error| self.failed(error))?;
        Ok(outcome)
    }

    async fn roll_back(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .batch_execute("rollback to savepoint page; release savepoint page")
            .await
            .map_err(|error| self.failed(error))
    }

    /// Ends a savepoint, so that the next one does not nest in it.
    async fn release(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .batch_execute("release savepoint page")
            .await
            .map_err(|error| self.failed(error))
    }

    fn failed(&self, error: tokio_postgres::Error) -> Error {
        db_error(&format!("writing a page of {}", self.table), error)
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
            revived: count(2)?,
        })
    }
}

/// Rows of the source that are known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownRows {
    /// Rows of the mirror that are not marked as deleted.
    pub(crate) live: u64,
    /// Rejects, open or dismissed, without such a row: the source has them and the mirror cannot.
    pub(crate) rejects: u64,
}

/// Counts the rows of the source that are known here.
pub(crate) async fn count_known(transaction: &Transaction<'_>, table: &str) -> Result<KnownRows> {
    let doing = "counting the mirror";
    let row = transaction
        .query_typed_one(
            &format!(
                "select (select count(*) from odoo.{table} where deleted_at is null),
                     (select count(distinct odoo_id) from odoo.sync_findings finding
                      where stream = $1 and severity = 'reject'
                        and (resolved_at is null or resolution = 'dismissed')
                        and not exists (select from odoo.{table} mirror
                            where mirror.odoo_id = finding.odoo_id
                              and mirror.deleted_at is null))"
            ),
            &[(&table, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    let count = |at| row.try_get(at).map(i64::unsigned_abs).doing(doing);
    Ok(KnownRows {
        live: count(0)?,
        rejects: count(1)?,
    })
}
