//! One lazily opened connection, and transactions that are tried again where that is safe.
//!
//! A function is frozen between invocations and its connection may be dead when it
//! wakes; Postgres may restart or choose a deadlock's victim. A transaction's work is
//! therefore a closure that can run again from the start: what it needs to know about
//! an earlier attempt whose commit went through unheard, it reads from the database.

use std::time::{Duration, Instant};

use backon::BackoffBuilder;
use futures_util::future::try_join;
use tokio::time::timeout;
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Row, Transaction};

use super::connect::{Connection, connect};
use super::sqlstate::db_error;
use crate::config::{PostgresConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Result, Retry};

/// Limits of every transaction, set inside it because a pooler forgets session state.
/// A page of 10,000 rows takes well under a second, and a lease lasts 60 s: whoever
/// waits longer than these is stuck.
const TRANSACTION_LIMITS: &str = "set local lock_timeout = '10s'; \
     set local statement_timeout = '50s'; \
     set local idle_in_transaction_session_timeout = '30s'";

/// The connection to Postgres, opened when first needed and again when it broke.
pub(crate) struct Database {
    /// Connects once an attempt: the attempts of a transaction are the retries.
    config: PostgresConfig,
    retry: RetryConfig,
    connection: Option<Connection>,
    retries: u64,
    spent: Duration,
}

impl Database {
    pub(crate) fn new(config: PostgresConfig) -> Self {
        let retry = config.retry;
        Self {
            config: PostgresConfig {
                retry: RetryConfig::NONE,
                ..config
            },
            retry,
            connection: None,
            retries: 0,
            spent: Duration::ZERO,
        }
    }

    /// Attempts after a first one, since the start of the process.
    pub(crate) fn retries(&self) -> u64 {
        self.retries
    }

    /// How long transactions have taken since the start of the process, with connecting for them
    /// and what failed, without the pauses between.
    pub(crate) fn spent(&self) -> Duration {
        self.spent
    }

    /// Gives the connection up: one that keeps silent is of no use to who asks next.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// As [`Database::transaction`], but tried once: for what is not worth waiting for.
    ///
    /// # Errors
    /// That of `work`, and every `db_*`.
    pub(crate) async fn transaction_once<T>(
        &mut self,
        doing: &str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        self.timed_attempt(doing, &work).await
    }

    /// Runs `work` in one transaction and commits it; runs it again, on a new
    /// connection where need be, after a failure that may pass.
    ///
    /// # Errors
    /// That of `work`, or the last `db_*` error once the attempts are used up.
    pub(crate) async fn transaction<T>(
        &mut self,
        doing: &str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut delays = backon::ExponentialBuilder::default()
            .with_min_delay(self.retry.delay)
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(self.retry.max_retries as usize)
            .build();
        loop {
            let error = match self.timed_attempt(doing, &work).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            // The connection may not know yet that it is dead; a retry must not be lost on it.
            if error.kind() == ErrorKind::DbUnreachable {
                self.connection = None;
            }
            let delay = match error.retry() {
                Retry::Never => return Err(error),
                Retry::Backoff | Retry::After(_) => match delays.next() {
                    Some(delay) => delay,
                    None => return Err(error),
                },
            };
            tracing::warn!(
                code = error.kind().code(),
                cause = error.chain(),
                "retrying: {doing}"
            );
            self.retries += 1;
            tokio::time::sleep(delay).await;
        }
    }

    async fn timed_attempt<T>(
        &mut self,
        doing: &str,
        work: &impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let started = Instant::now();
        let outcome = self.attempt(doing, work).await;
        self.spent += started.elapsed();
        outcome
    }

    async fn attempt<T>(
        &mut self,
        doing: &str,
        work: &impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let failed = |error| db_error(doing, error);
        let has_lain_idle = self.connection.as_ref().is_some_and(|it| !it.is_closed());
        let connection = self.connection().await?;
        let patience = connection.patience();
        // One that lay idle while the function was frozen may be dead without a word. A new one
        // has just answered, and may wait its turn at a pooler.
        let first_answer = if has_lain_idle {
            patience.first_answer
        } else {
            patience.transaction
        };
        let transaction = in_time(doing, first_answer, async {
            connection.client().transaction().await.map_err(failed)
        })
        .await?;
        in_time(doing, patience.transaction, async {
            // What `work` begins with is sent right after the limits: Postgres takes one after
            // the other. An error drops the transaction, which rolls it back.
            let limits = transaction.batch_execute(TRANSACTION_LIMITS);
            let limited = async { limits.await.map_err(failed) };
            let ((), value) = try_join(limited, work(&transaction)).await?;
            transaction.commit().await.map_err(failed)?;
            Ok(value)
        })
        .await
    }

    async fn connection(&mut self) -> Result<&mut Connection> {
        let open = match self.connection.take() {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(&self.config).await?,
        };
        Ok(self.connection.insert(open))
    }
}

/// Gives up what Postgres does not answer in time, as a connection that is dead.
pub(crate) async fn in_time<T>(
    doing: &str,
    limit: Duration,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, future).await.unwrap_or_else(|_| {
        let message = format!("{doing}: no answer in time, the connection to Postgres is given up");
        Err(Error::new(ErrorKind::DbUnreachable, message).with_retry(Retry::Backoff))
    })
}

/// The first column of these rows.
pub(crate) fn first_column<T: FromSqlOwned, C: FromIterator<T>>(
    rows: &[Row],
) -> std::result::Result<C, tokio_postgres::Error> {
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// `Result` with a [`tokio_postgres::Error`] turned into ours.
pub(crate) trait Doing<T> {
    /// Says what was being done, for the message.
    fn doing(self, doing: &str) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, tokio_postgres::Error> {
    fn doing(self, doing: &str) -> Result<T, Error> {
        self.map_err(|error| db_error(doing, error))
    }
}
