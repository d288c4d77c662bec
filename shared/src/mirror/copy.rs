//! The quick way in for rows that the mirror does not have: `copy` straight into the table.
//!
//! `copy` writes many rows into a block at once and plans nothing, which costs Postgres half of
//! what the upsert does. It knows no `on conflict`, so it is for pages whose ids all lie above
//! those of the table. Its text form takes a number's digits as Odoo sent them, as the upsert's
//! cast does.
//!
//! The driver does not always survive a `copy` that fails: it ends every one with two `Sync`
//! messages, and where Postgres refuses before it has read the first, the second is answered in
//! place of the next statement (rust-postgres, issue 789). So after a failure the connection is
//! probed, and given up where it is out of step.

use std::fmt::Write as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::SinkExt;
use jiff::Timestamp;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::batch::{Batch, Values};
use super::database::Doing;
use super::sqlstate::{db_error, refuses_row};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Rows from which on a `copy` is worth its two more round trips.
const FEWEST_ROWS: usize = 20;

/// Bytes a value, for what is reserved in advance.
const TYPICAL_VALUE: usize = 12;

/// The statements that copy rows into one table, built once a run.
#[derive(Debug)]
pub(crate) struct Copy {
    table: &'static str,
    look: String,
    sql: String,
    /// Whether no copy of this run has put a connection out of step.
    works: AtomicBool,
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
            sql: format!("copy odoo.{table} (odoo_id, {names}) from stdin"),
            works: AtomicBool::new(true),
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
        batch.len() >= FEWEST_ROWS
            && self.works.load(Ordering::Relaxed)
            && batch.ids.iter().all(|id| room.has(*id))
    }

    /// Copies the batch. `false` where that cannot be done with these rows and the upsert has to
    /// find out why: then the transaction is to be rolled back to where it was.
    ///
    /// # Errors
    /// What Postgres said, if it was about something else.
    pub(crate) async fn write(&self, transaction: &Transaction<'_>, batch: &Batch) -> Result<bool> {
        let Some(rows) = text(batch) else {
            return Ok(false);
        };
        let Err(error) = self.send(transaction, rows).await else {
            return Ok(true);
        };
        if !is_in_step(transaction).await {
            self.works.store(false, Ordering::Relaxed);
            return Err(out_of_step());
        }
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

/// After a failed statement every other one is refused, until the transaction is rolled back.
/// Any other answer is not the one to this question.
async fn is_in_step(transaction: &Transaction<'_>) -> bool {
    match transaction.batch_execute("select").await {
        Ok(()) => false,
        Err(error) => error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION),
    }
}

/// The connection is lost to us, so the transaction is tried again on another one.
fn out_of_step() -> Error {
    let message = "Postgres refused to copy rows, and the connection was given up";
    Error::new(ErrorKind::DbUnreachable, message).with_retry(Retry::Backoff)
}

/// The rows in the text form of `copy`. `None` where a value has another form there.
fn text(batch: &Batch) -> Option<Bytes> {
    let mut out = String::with_capacity(batch.len() * (batch.columns.len() + 1) * TYPICAL_VALUE);
    for (row, id) in batch.ids.iter().enumerate() {
        push(&mut out, *id);
        for values in &batch.columns {
            out.push('\t');
            push_value(&mut out, values, row)?;
        }
        out.push('\n');
    }
    Some(Bytes::from(out))
}

fn push_value(out: &mut String, values: &Values, row: usize) -> Option<()> {
    const NULL: &str = r"\N";
    match values {
        Values::Text(values) => match values.get(row) {
            Some(value) => push_escaped(out, value),
            None => out.push_str(NULL),
        },
        Values::Json(values) => push_escaped(out, values.get(row).unwrap_or(NULL)),
        Values::Numeric(values) => out.push_str(values.get(row).unwrap_or(NULL)),
        Values::Boolean(values) => out.push_str(match values[row] {
            Some(true) => "t",
            Some(false) => "f",
            None => NULL,
        }),
        Values::Id(values) => match values[row] {
            Some(value) => push(out, value),
            None => out.push_str(NULL),
        },
        Values::Timestamp(values) => match values[row] {
            Some(value) => push_time(out, value)?,
            None => out.push_str(NULL),
        },
    }
    Some(())
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a String takes any text");
}

/// Postgres writes years before the first in a form of its own. What is below a microsecond is
/// cut off, as in the upsert's arrays; Postgres would round it.
fn push_time(out: &mut String, time: Timestamp) -> Option<()> {
    const FIRST: i64 = -62_135_596_800; // 0001-01-01T00:00:00Z
    if time.as_second() < FIRST {
        return None;
    }
    match time.subsec_nanosecond() % 1000 {
        0 => push(out, time),
        _ => push(out, format_args!("{time:.6}")),
    }
    Some(())
}

/// What stands for itself is copied in runs: escapes are rare.
fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = first_escaped(rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => r"\\",
            b'\t' => r"\t",
            b'\n' => r"\n",
            _ => r"\r",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn first_escaped(text: &[u8]) -> Option<usize> {
    let of_three = memchr::memchr3(b'\\', b'\t', b'\n', text);
    let before = &text[..of_three.unwrap_or(text.len())];
    memchr::memchr(b'\r', before).or(of_three)
}

#[cfg(test)]
mod tests {
    use super::super::texts::Texts;
    use super::*;

    fn batch(columns: Vec<Values>) -> Batch {
        Batch {
            ids: vec![7],
            columns,
        }
    }

    fn texts<'a>(all: impl IntoIterator<Item = Option<&'a str>>) -> Texts {
        all.into_iter().collect()
    }

    fn line(columns: Vec<Values>) -> Option<String> {
        let bytes = text(&batch(columns))?;
        Some(String::from_utf8(bytes.to_vec()).expect("text"))
    }

    #[test]
    fn each_kind_has_its_form() {
        let time: Timestamp = "2025-06-30T12:00:00Z".parse().expect("a time");
        let line = line(vec![
            Values::Text(texts([Some("Ä")])),
            Values::Boolean(vec![Some(true)]),
            Values::Id(vec![Some(-3)]),
            Values::Numeric(texts([Some("1e+16")])),
            Values::Timestamp(vec![Some(time)]),
            Values::Json(texts([Some(r#"{"a":"\n"}"#)])),
        ]);
        let expected = "7\tÄ\tt\t-3\t1e+16\t2025-06-30T12:00:00Z\t{\"a\":\"\\\\n\"}\n";
        assert_eq!(line.as_deref(), Some(expected));
    }

    #[test]
    fn null_is_told_from_text_that_looks_like_it() {
        let line = line(vec![
            Values::Text(texts([None])),
            Values::Text(texts([Some(r"\N")])),
            Values::Text(texts([Some("")])),
        ]);
        assert_eq!(line.as_deref(), Some("7\t\\N\t\\\\N\t\n"));
    }

    #[test]
    fn what_separates_rows_and_columns_is_escaped() {
        let line = line(vec![Values::Text(texts([Some("a\tb\nc\rd\\.")]))]);
        assert_eq!(line.as_deref(), Some("7\ta\\tb\\nc\\rd\\\\.\n"));
    }

    #[test]
    fn a_time_before_the_first_year_is_left_to_the_upsert() {
        assert_eq!(
            line(vec![Values::Timestamp(vec![Some(Timestamp::MIN)])]),
            None
        );
    }

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
