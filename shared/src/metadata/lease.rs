//! The lease of a data type, and its fencing token.
//!
//! `sync_metadata`'s row holds a random token and its expiry by Postgres's clock. Every
//! transaction of a run first updates that row by its token: no row, and the run stops.
//! The row lock that this update takes is what keeps a run that slept and lost its
//! lease from committing anything, also when it wakes inside a transaction.

use std::future::Future;
use std::time::Duration;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::{Database, Doing};
use crate::sync::request::Mode;

/// How often a run that waits for Odoo renews its lease, which lasts 60 s.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The right to write for one data type, held by one run.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) data_type: &'static str,
    pub(super) token: Uuid,
    pub(crate) run: Run,
}

/// The run that the lease belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) mode: Mode,
    /// Whether an earlier holder died and this one goes on in its windows.
    pub(crate) taken_over: bool,
    pub(crate) confirm_deletes: bool,
}

impl Lease {
    /// Runs `work` in a transaction that this lease fences and renews.
    ///
    /// # Errors
    /// `busy` where another run has taken the lease over; else that of `work`.
    pub(crate) async fn transaction<T>(
        &self,
        database: &mut Database,
        doing: &str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        database
            .transaction(doing, async |transaction| {
                self.fence(transaction).await?;
                work(transaction).await
            })
            .await
    }

    /// Waits for something that is not Postgres, renewing the lease meanwhile.
    ///
    /// # Errors
    /// As [`Lease::transaction`]; the future is dropped then.
    pub(crate) async fn hold<T>(
        &self,
        database: &mut Database,
        future: impl Future<Output = T>,
    ) -> Result<T> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                biased;
                value = &mut future => return Ok(value),
                () = tokio::time::sleep(HEARTBEAT) => {
                    self.transaction(database, "renewing the lease", async |_| Ok(())).await?;
                }
            }
        }
    }

    /// Frees the lease within the transaction that ends the run.
    pub(crate) async fn free(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .execute_typed(
                "update odoo.sync_metadata
                 set lease_token = null, lease_expires_at = null, run_id = null, run_mode = null,
                     slice = 0, takeovers = 0
                 where data_type = $1",
                &[(&self.data_type, Type::TEXT)],
            )
            .await
            .doing("freeing the lease")?;
        Ok(())
    }

    /// Renews the lease within a transaction, before anything else is done in it.
    ///
    /// # Errors
    /// `busy` where another run has taken it over.
    pub(crate) async fn fence(&self, transaction: &Transaction<'_>) -> Result<()> {
        let held = transaction
            .execute_typed(
                "update odoo.sync_metadata
                 set lease_expires_at = clock_timestamp() + interval '60 seconds'
                 where data_type = $1 and lease_token = $2",
                &[(&self.data_type, Type::TEXT), (&self.token, Type::UUID)],
            )
            .await
            .doing("renewing the lease")?;
        if held == 1 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Busy,
            format!(
                "this run of {} lost its lease to another one and has stopped",
                self.data_type
            ),
        ))
    }
}
