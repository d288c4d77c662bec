//! The lease of a data type, and its fencing token.
//!
//! `sync_metadata`'s row holds a random token and its expiry by Postgres's clock. Every
//! transaction of a run first updates that row by its token: no row, and the run stops.
//! The row lock that this update takes is what keeps a run that slept and lost its
//! lease from committing anything, also when it wakes inside a transaction.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::runs;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::{Database, Doing};
use crate::sync::request::{Mode, SyncRequest};

/// How often a run that waits for Odoo renews its lease, which lasts 60 s.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The right to write for one data type, held by one run.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) data_type: &'static str,
    pub(super) token: Uuid,
    pub(crate) run: Run,
    /// Which of the run's slices this invocation works on, from 1.
    pub(crate) slice: i32,
    /// When the work of this invocation stops, so that there is time left to hand over.
    pub(super) until: Instant,
    /// Cancelled where it is to stop before.
    pub(super) stop: CancellationToken,
}

/// The run that the lease belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) mode: Mode,
    /// Whether an earlier holder began it and this one goes on in its windows.
    pub(crate) taken_over: bool,
    pub(crate) confirm_deletes: bool,
}

impl Lease {
    /// The same, and its work stops also where this is cancelled.
    pub(crate) fn stopped_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Runs `work` in a transaction that this lease fences and renews. One that has begun
    /// goes on to its commit, also past the time of this invocation.
    ///
    /// # Errors
    /// `busy` where another run has taken the lease over, `cancelled` where an operator has ended
    /// this one, [`ErrorKind::OutOfTime`] where the time is up, or a stop is asked for, before it
    /// begins; else that of `work`.
    pub(crate) async fn transaction<T>(
        &self,
        database: &mut Database,
        doing: &str,
        work: impl AsyncFn(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        if self.stop.is_cancelled() || Instant::now() >= self.until {
            return Err(out_of_time());
        }
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
    /// As [`Lease::transaction`]; the future is dropped then. A request to Odoo is cut
    /// when the time is up, and one that has been answered just then is asked again by the
    /// next slice.
    pub(crate) async fn hold<T>(
        &self,
        database: &mut Database,
        future: impl Future<Output = T>,
    ) -> Result<T> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.until) => return Err(out_of_time()),
                () = self.stop.cancelled() => return Err(out_of_time()),
                value = &mut future => return Ok(value),
                () = tokio::time::sleep(HEARTBEAT) => {
                    self.transaction(database, "renewing the lease", async |_| Ok(())).await?;
                }
            }
        }
    }

    /// What makes the run go on once it has been handed over.
    pub(crate) fn next_slice(&self, batch_id: Option<Uuid>) -> SyncRequest {
        SyncRequest {
            mode: self.run.mode,
            confirm_deletes: self.run.confirm_deletes,
            data_type: Some(self.data_type.to_owned()),
            run_id: Some(self.run.id),
            slice: u32::try_from(self.slice + 1).ok(),
            batch_id,
        }
    }

    /// Whether an earlier attempt has handed the run over, although its answer did not
    /// arrive. Then it waits for its next slice, is on in it, or has succeeded. One that has failed
    /// meanwhile may never have been handed over but reset: the fence then says that the lease is lost.
    pub(crate) async fn is_handed_over(&self, transaction: &Transaction<'_>) -> Result<bool> {
        let doing = "handing a run over";
        transaction
            .query_typed_one(
                "select case when metadata.run_id = run.run_id then metadata.slice > $3
                             else run.status = 'success' end
                 from odoo.sync_runs run
                 left join odoo.sync_metadata metadata on metadata.data_type = $1
                 where run.run_id = $2",
                &[
                    (&self.data_type, Type::TEXT),
                    (&self.run.id, Type::UUID),
                    (&self.slice, Type::INT4),
                ],
            )
            .await
            .doing(doing)?
            .try_get(0)
            .doing(doing)
    }

    /// Frees the lease for the run's next slice.
    pub(crate) async fn hand_over(&self, transaction: &Transaction<'_>) -> Result<()> {
        transaction
            .execute_typed(
                "update odoo.sync_metadata
                 set lease_token = null, lease_expires_at = null, slice = slice + 1,
                     updated_at = now()
                 where data_type = $1",
                &[(&self.data_type, Type::TEXT)],
            )
            .await
            .doing("handing a run over")?;
        Ok(())
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
    /// `busy` where another run has taken it over, `cancelled` where an operator has ended this one.
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
        if runs::is_cancelled(transaction, self.run.id).await? {
            return Err(Error::new(
                ErrorKind::Cancelled,
                format!(
                    "this run of {} was cancelled and has stopped",
                    self.data_type
                ),
            ));
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

/// Notes that the run got further other than by a page.
pub(crate) async fn moved(transaction: &Transaction<'_>, data_type: &str) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata set takeovers = 0 where data_type = $1",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing("noting a run's progress")?;
    Ok(())
}

fn out_of_time() -> Error {
    Error::new(
        ErrorKind::OutOfTime,
        "the time of this invocation is up: the run goes on in a next slice",
    )
}
