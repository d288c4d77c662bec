//! Brings schema `odoo` to the state that `migrations/*.sql` describe.
//!
//! refinery decides what is to be applied and keeps the history; this module gives it a
//! connection that a transaction pooler can carry. refinery's own driver prepares named
//! statements and opens one transaction after another, and a session-level lock would be
//! taken and released on different sessions. So everything happens in one transaction,
//! under a lock that ends with it, in statements that need no preparation: migrations
//! wait for each other, and a failed one leaves nothing behind.

use std::error::Error as _;

use refinery::error::Kind;
use refinery::{Runner, Target};
use refinery_core::AsyncMigrate;
use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::types::Type;
use tokio_postgres::{IsolationLevel, SimpleQueryMessage, SimpleQueryRow, Transaction};

use super::connect::{Connection, connect};
use super::exposure::Kept;
use super::sqlstate::{classify, db_error};
use crate::config::PostgresConfig;
use crate::error::{Error, ErrorKind, Result};

#[allow(unreachable_pub)] // written by the macro
mod embedded {
    refinery::embed_migrations!("../migrations");
}

const DOING: &str = "migrating schema odoo";
/// Where refinery keeps what has been applied.
pub(crate) const HISTORY: &str = "odoo.schema_history";

/// Each migration does so for its own tables. This is for the history, which refinery makes,
/// and for a table that somebody forgot: grants that an operator made for all tables to come
/// would open it.
const CLOSE_EVERY_TABLE: &str = "do $$
declare
    open regclass;
begin
    for open in
        select oid from pg_class
        where relnamespace = 'odoo'::regnamespace and relkind in ('r', 'p')
          and not relrowsecurity
    loop
        execute format('alter table %s enable row level security', open);
    end loop;
end
$$";

/// Any number will do as long as all versions of this program agree: these are the first
/// eight bytes of "odoo-supabase-sync".
pub(super) const LOCK: i64 = i64::from_be_bytes(*b"odoo-sup");

/// One file of `migrations/`: `V3__products.sql` is version 3, name "products".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order.
    pub version: i32,
    /// What it is about.
    pub name: String,
}

impl From<&refinery::Migration> for Migration {
    fn from(migration: &refinery::Migration) -> Self {
        Self {
            version: migration.version(),
            name: migration.name().to_owned(),
        }
    }
}

/// Applies what has not been applied yet, all or nothing, and returns it in order.
/// Doing it again, or at the same time elsewhere, is harmless.
///
/// # Errors
/// Those of [`connect`]; [`ErrorKind::DbSchema`] if an applied migration differs from the
/// file of its version or has none; those of [`db_error`] for a statement that fails.
pub async fn migrate(config: &PostgresConfig) -> Result<Vec<Migration>> {
    let mut connection = connect(config).await?;
    let transaction = begin(&mut connection).await?;
    let (transaction, applied) = apply(transaction, None).await?;
    let committed = transaction.commit().await;
    committed.map_err(|error| db_error(DOING, error))?;
    Ok(applied)
}

/// Begins the transaction in which migrations are applied: nobody else migrates until it ends.
pub(crate) async fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    let failed = |error| db_error(DOING, error);
    let transaction = connection
        .client()
        .build_transaction()
        // Under a stricter level, what was applied while waiting for the lock stays unseen.
        .isolation_level(IsolationLevel::ReadCommitted)
        .start()
        .await
        .map_err(failed)?;
    transaction
        .batch_execute(&format!(
            "set local statement_timeout = 0;
             set local lock_timeout = '30s';
             select pg_advisory_xact_lock({LOCK});
             create schema if not exists odoo;"
        ))
        .await
        .map_err(failed)?;

    check_version(&transaction).await?;
    Ok(transaction)
}

/// Applies what has not been applied yet, up to this version or all of it, and hands the
/// transaction back. What is exposed stays so, and PostgREST hears of it.
pub(crate) async fn apply(
    transaction: Transaction<'_>,
    up_to: Option<i32>,
) -> Result<(Transaction<'_>, Vec<Migration>)> {
    let failed = |error| db_error(DOING, error);
    let exposed = Kept::remember(&transaction).await?;
    let mut session = OneTransaction(transaction);
    let report = runner()
        .set_target(up_to.map_or(Target::Latest, Target::Version))
        .run_async(&mut session)
        .await
        .map_err(migration_error)?;

    let OneTransaction(transaction) = session;
    transaction
        .batch_execute(CLOSE_EVERY_TABLE)
        .await
        .map_err(failed)?;
    let applied: Vec<Migration> = report.applied_migrations().iter().map(Into::into).collect();
    exposed.restore(&transaction, applied.len()).await?;
    Ok((transaction, applied))
}

/// Views that check the rights of who asks came with PostgreSQL 15.
async fn check_version(transaction: &Transaction<'_>) -> Result<()> {
    let failed = |error| db_error(DOING, error);
    let version: i32 = transaction
        .query_typed_one("select current_setting('server_version_num')::integer", &[])
        .await
        .map_err(failed)?
        .try_get(0)
        .map_err(failed)?;
    if version >= 150_000 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DbSchema,
        format!(
            "{DOING}: this is PostgreSQL {}, and 15 or later is needed",
            version / 10_000
        ),
    ))
}

/// What [`migrate`] would apply, found without changing anything.
///
/// # Errors
/// Those of [`db_error`]; [`ErrorKind::DbSchema`] if the history cannot be read.
pub async fn pending(connection: &mut Connection) -> Result<Vec<Migration>> {
    let failed = |error| db_error("reading the history of migrations", error);
    let transaction = connection.client().transaction().await.map_err(failed)?;
    let has_history = transaction
        .query_typed_one(
            "select to_regclass($1) is not null",
            &[(&HISTORY, Type::TEXT)],
        )
        .await
        .map_err(failed)?
        .get(0);
    let runner = runner();
    let applied = if has_history {
        runner
            .get_applied_migrations_async(&mut OneTransaction(transaction))
            .await
            .map_err(migration_error)?
    } else {
        Vec::new()
    };
    let mut pending: Vec<Migration> = runner
        .get_migrations()
        .iter()
        .filter(|migration| !applied.contains(migration))
        .map(Into::into)
        .collect();
    // refinery has them in the order of their names, in which V10 comes before V2.
    pending.sort_unstable_by_key(|migration| migration.version);
    Ok(pending)
}

fn runner() -> Runner {
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY);
    runner
}

/// refinery wraps what the session reports. Everything else is its own judgement of the
/// history, in words that name the migration.
fn migration_error(error: refinery::Error) -> Error {
    let reported = std::iter::successors(error.source(), |cause| (*cause).source())
        .find_map(|cause| cause.downcast_ref::<SessionError>());
    match (reported, error.kind()) {
        (Some(SessionError::Postgres(cause)), Kind::Connection(doing, _)) => classify(doing, cause),
        _ => Error::new(ErrorKind::DbSchema, format!("{DOING}: {error}")),
    }
}

/// The connection as refinery sees it: every statement inside one transaction, none of
/// them prepared.
struct OneTransaction<'a>(Transaction<'a>);

#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error("{HISTORY} holds a row that no migration has left")]
    History,
}

impl AsyncTransaction for OneTransaction<'_> {
    type Error = SessionError;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &mut self,
        statements: T,
    ) -> Result<usize, SessionError> {
        let mut count = 0;
        for statement in statements {
            self.0.batch_execute(statement).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<refinery::Migration>> for OneTransaction<'_> {
    async fn query(&mut self, query: &str) -> Result<Vec<refinery::Migration>, SessionError> {
        self.0
            .simple_query(query)
            .await?
            .iter()
            .filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            })
            .map(|row| read_applied(row).ok_or(SessionError::History))
            .collect()
    }
}

impl AsyncMigrate for OneTransaction<'_> {}

/// A row of the history, whose columns refinery defines: version, name, applied_on,
/// checksum.
fn read_applied(row: &SimpleQueryRow) -> Option<refinery::Migration> {
    Some(refinery::Migration::applied(
        row.get(0)?.parse().ok()?,
        row.get(1)?.to_owned(),
        OffsetDateTime::parse(row.get(2)?, &Rfc3339).ok()?,
        row.get(3)?.parse().ok()?,
    ))
}
