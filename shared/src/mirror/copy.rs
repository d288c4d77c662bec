//! The quick way in for rows that the mirror does not have: `copy` straight into the table.
//!
//! `copy` writes many rows into a block at once and plans nothing, which costs Postgres half of
//! what the upsert does. It knows no `on conflict`, so it is for pages whose ids all lie above
//! those of the table.
//!
//! The driver ends every `copy` with two `Sync` messages. One that Postgres refused before it had read
//! the first would be answered twice, and the connection be one answer behind (rust-postgres, issue 789).
//! The binary form begins with a header that Postgres waits for, and on its way there it reads, and
//! passes over, that first `Sync`: whatever it refuses later is answered once.

use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::Transaction;

use super::batch::Batch;
use super::database::Doing;
use super::rows;
use super::sqlstate::{db_error, refuses_row};
use crate::error::Result;

/// Rows from which on a `copy` is worth its two more round trips.
const FEWEST_ROWS: usize = 20;

/// The statements that copy rows into one table, built once a run.
#[derive(Debug)]
pub(crate) struct Copy {
    table: &'static str,
    look: String,
    sql: String,
}

/// Where rows can be copied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nowhere: row level security lets this role insert, but not copy.
    None,
    /// Above the table's largest id; anywhere in an empty one.
    Above(Option<i64>),
}

impl Room {
    fn has(self, id: i64) -> bool {
        match self {
            Self::None => false,
            Self::Above(largest) => largest.is_none_or(|largest| id > largest),
        }
    }
}

impl Copy {
    /// `names` are the table's columns beside `odoo_id`, separated by commas, in the order of
    /// [`Batch::columns`].
    pub(crate) fn new(table: &'static str, names: &str) -> Self {
        Self {
            table,
            // The columns are named so that one that is missing is noticed here, where the
            // connection survives it.
            look: format!(
                "select max(odoo_id), row_security_active('odoo.{table}')
                 from (select odoo_id, {names} from odoo.{table}) row"
            ),
            sql: format!("copy odoo.{table} (odoo_id, {names}) from stdin (format binary)"),
        }
    }

    /// Looks where rows can be copied to.
    ///
    /// # Errors
    /// Any `db_*` kind.
    pub(crate) async fn room(&self, transaction: &Transaction<'_>) -> Result<Room> {
        let doing = || format!("looking for the largest id of {}", self.table);
        let row = transaction.query_typed_one(&self.look, &[]).await;
        let row = row.doing(&doing())?;
        match row.try_get(1).doing(&doing())? {
            true => Ok(Room::None),
            false => Ok(Room::Above(row.try_get(0).doing(&doing())?)),
        }
    }

    /// Whether to copy a batch.
    pub(crate) fn suits(&self, batch: &Batch, room: Room) -> bool {
        batch.len() >= FEWEST_ROWS && batch.ids.iter().all(|id| room.has(*id))
    }

    /// Copies the batch. `false` where that cannot be done with these rows and the upsert has to
    /// find out why: then the transaction is to be rolled back to where it was.
    ///
    /// # Errors
    /// What Postgres said, if it was about something else.
    pub(crate) async fn write(&self, transaction: &Transaction<'_>, batch: &Batch) -> Result<bool> {
        let Some(rows) = rows::binary(batch) else {
            return Ok(false);
        };
        let Err(error) = self.send(transaction, rows).await else {
            return Ok(true);
        };
        if refuses_row(&error) {
            return Ok(false);
        }
        Err(db_error(
            &format!("copying a page of {}", self.table),
            error,
        ))
    }

    /// `copy` needs a statement with a name. It lives for this one call: it is closed before
    /// the transaction ends, so that a pooler hands the connection on without it.
    async fn send(
        &self,
        transaction: &Transaction<'_>,
        rows: Bytes,
    ) -> Result<(), tokio_postgres::Error> {
        let mut sink = pin!(transaction.copy_in(&self.sql).await?);
        sink.send(rows).await?;
        sink.finish().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_many_rows_above_all_others_are_copied() {
        let rows = FEWEST_ROWS as i64;
        let batch = |ids: Vec<i64>| Batch {
            ids,
            columns: Vec::new(),
        };
        let copy = Copy::new("products", "name");
        let suits = |ids: std::ops::Range<i64>, room| copy.suits(&batch(ids.collect()), room);
        assert!(suits(11..11 + rows, Room::Above(Some(10))));
        assert!(suits(1..1 + rows, Room::Above(None)));
        assert!(!suits(10..10 + rows, Room::Above(Some(10))));
        assert!(!suits(12..11 + rows, Room::Above(Some(10))));
        assert!(!suits(11..11 + rows, Room::None));
    }
}
