//! What the function `api` answers with: routes and their parameters, and the one question
//! to Postgres behind each. Postgres builds the JSON, so that a column's type is that of
//! the table and nothing is copied twice. What is shown is named column by column: a
//! column that a later migration adds stays inside until somebody lets it out.

pub(crate) mod cancel;
pub(crate) mod dashboard;
pub(crate) mod findings;
pub(crate) mod findings_by_hand;
pub(crate) mod hooks;
pub(crate) mod operation;
pub(crate) mod pause;
pub(crate) mod query;
pub(crate) mod replay;
pub(crate) mod reset;
pub(crate) mod route;
pub(crate) mod runs;
pub(crate) mod status;

use serde_json::Value;
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use crate::error::Result;
use crate::mirror::database::{Database, Doing};

/// Times in UTC whatever the database's zone is; and who asks waits thirty seconds at most.
const SETTINGS: &str = "set local time zone 'UTC'; set local statement_timeout = '10s'";

/// The one JSON value that `sql` selects.
async fn read(
    database: &mut Database,
    doing: &str,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Value> {
    database
        .transaction(doing, async |transaction| {
            read_in(transaction, doing, sql, parameters).await
        })
        .await
}

/// As [`read`], within a transaction.
async fn read_in(
    transaction: &Transaction<'_>,
    doing: &str,
    sql: &str,
    parameters: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Value> {
    transaction.batch_execute(SETTINGS).await.doing(doing)?;
    transaction
        .query_typed_one(sql, parameters)
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}
