//! The end of a run: the watermarks, the status and the result are written in one
//! transaction, and the lease is free.

use std::cell::Cell;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::outcome::RunFailure;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::claim::{self, Claim};
use crate::metadata::deletions;
use crate::metadata::lease::Lease;
use crate::metadata::runs::{self, EndedRun, RunReport};
use crate::metadata::streams;
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;

/// A run that has done what it could.
pub(super) struct Ending<'a> {
    pub(super) spec: &'static DataType,
    pub(super) lease: &'a Lease,
    pub(super) retries: u64,
    /// What it was taken over for and does not do.
    pub(super) waits: Option<Claim>,
}

impl Ending<'_> {
    /// Moves the watermarks and ends the run.
    ///
    /// # Errors
    /// `busy` where the lease is lost, and every `db_*`; the run is then left to be taken
    /// over.
    pub(super) async fn succeed(&self, database: &mut Database) -> Result<RunReport> {
        let (data_type, run_id) = (self.spec.name, self.lease.run.id);
        self.once(database, "ending a run", None, async |transaction| {
            streams::settle(transaction, self.spec, run_id).await?;
            runs::finish(transaction, run_id, self.retries, None).await?;
            record_success(transaction, data_type, run_id).await?;
            self.lease.free(transaction).await
        })
        .await?;
        report(database, run_id).await
    }

    /// Leaves the run to its next slice, and keeps what else was asked for until it is over. The
    /// report of it is read apart: see [`report`].
    ///
    /// # Errors
    /// `busy` where the lease is lost, and every `db_*`; the run is then left to be taken
    /// over.
    pub(super) async fn hand_over(&self, database: &mut Database) -> Result<()> {
        let (data_type, run_id) = (self.spec.name, self.lease.run.id);
        let is_repeated = Cell::new(false);
        database
            .transaction("handing a run over", async |transaction| {
                if is_repeated.replace(true) && self.lease.is_handed_over(transaction).await? {
                    return Ok(());
                }
                self.lease.fence(transaction).await?;
                if let Some(claim) = self.waits {
                    claim::remember(transaction, data_type, claim).await?;
                }
                runs::add_retries(transaction, run_id, self.retries).await?;
                self.lease.hand_over(transaction).await
            })
            .await?;
        tracing::info!("run handed over");
        Ok(())
    }

    /// Ends the run as failed; the watermarks stay where they were, and what it was taken over for is
    /// kept for a later one. The failure has the run as it
    /// is on record, where it could be recorded.
    pub(super) async fn fail(&self, database: &mut Database, error: Error) -> RunFailure {
        if error.kind() == ErrorKind::Cancelled {
            return self.cancelled(database, error).await;
        }
        let run_id = self.lease.run.id;
        let recorded = self
            .once(
                database,
                "recording a failure",
                Some(&error),
                async |transaction| {
                    runs::finish(transaction, run_id, self.retries, Some(&error)).await?;
                    record_failure(transaction, self.spec.name, &error).await?;
                    self.remember(transaction).await?;
                    self.lease.free(transaction).await
                },
            )
            .await;
        match recorded {
            Ok(()) => {}
            // What it failed at came too late: it was over by then.
            Err(cancelled) if cancelled.kind() == ErrorKind::Cancelled => {
                return self.cancelled(database, cancelled).await;
            }
            Err(cause) => {
                tracing::error!(cause = cause.chain(), "not on record as failed");
                return error.into();
            }
        }
        forget_deletions(database, run_id).await;
        RunFailure {
            report: report(database, run_id).await.ok(),
            error,
            running: None,
        }
    }

    /// What is told of a run that an operator has ended: it is on record, and nothing more may be written for it
    /// but what it was taken over for.
    pub(super) async fn cancelled(&self, database: &mut Database, error: Error) -> RunFailure {
        let doing = "remembering a request";
        if self.waits.is_some()
            && let Err(cause) = database
                .transaction(doing, async |it| self.remember(it).await)
                .await
        {
            tracing::warn!(cause = cause.chain(), "what waited is forgotten");
        }
        RunFailure {
            report: report(database, self.lease.run.id).await.ok(),
            error,
            running: None,
        }
    }

    /// Keeps what the run was taken over for, where nobody would ask for it again.
    async fn remember(&self, transaction: &Transaction<'_>) -> Result<()> {
        match self.waits.filter(|claim| claim.is_remembered()) {
            Some(claim) => claim::remember(transaction, self.spec.name, claim).await,
            None => Ok(()),
        }
    }

    /// Runs `work`, which ends the run so and frees the lease, under the lease. A later attempt
    /// that finds that end on record knows that the commit of an earlier one went through unheard.
    /// Any other end is somebody else's, of which the fence tells.
    async fn once(
        &self,
        database: &mut Database,
        doing: &str,
        error: Option<&Error>,
        work: impl AsyncFn(&Transaction<'_>) -> Result<()>,
    ) -> Result<()> {
        let is_repeated = Cell::new(false);
        database
            .transaction(doing, async |transaction| {
                let is_done = is_repeated.replace(true)
                    && runs::has_ended_so(transaction, self.lease.run.id, error).await?;
                if is_done {
                    return Ok(());
                }
                self.lease.fence(transaction).await?;
                work(transaction).await
            })
            .await
    }
}

/// Takes off what the run put down to be deleted. Apart from the ending, like the report; what
/// stays is taken off when the next run opens its windows.
async fn forget_deletions(database: &mut Database, run_id: Uuid) {
    let doing = "taking off what a run put down";
    let done = database
        .transaction(doing, async |transaction| {
            deletions::end(transaction, run_id).await
        })
        .await;
    if let Err(cause) = done {
        tracing::warn!(cause = cause.chain(), "rows to delete are still put down");
    }
}

/// The run as it is on record. Read apart from the ending: it looks into more tables, and
/// one that is missing may be the very failure that had to be recorded.
pub(super) async fn report(database: &mut Database, run_id: Uuid) -> Result<RunReport> {
    database
        .transaction("reading a run", async |transaction| {
            runs::report(transaction, run_id).await
        })
        .await
}

/// The run as it is on record, where it is over.
pub(super) async fn ended(
    database: &mut Database,
    spec: &DataType,
    run_id: Uuid,
) -> Result<Option<EndedRun>> {
    database
        .transaction("reading a run's end", async |transaction| {
            runs::ended(transaction, spec.name, run_id).await
        })
        .await
}

async fn record_success(
    transaction: &Transaction<'_>,
    data_type: &str,
    run_id: Uuid,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set sync_status = 'success',
                 -- The run that was stopped is over, what it was stopped for is not.
                 error_message = (
                     select 'delete_guard: ' || string_agg(delete_guard, '; ' order by stream)
                     from odoo.sync_streams where data_type = $1),
                 last_sync_count = (
                     select least(records_inserted + records_updated + records_unchanged
                                  + records_deleted + records_skipped, 2147483647)
                     from odoo.sync_runs where run_id = $2),
                 last_sync_timestamp = (select min(window_opened_at) from odoo.sync_streams
                                        where run_id = $2),
                 updated_at = now()
             where data_type = $1",
            &[(&data_type, Type::TEXT), (&run_id, Type::UUID)],
        )
        .await
        .doing("recording a success")?;
    Ok(())
}

async fn record_failure(
    transaction: &Transaction<'_>,
    data_type: &str,
    error: &Error,
) -> Result<()> {
    let message = format!("{}: {error}", error.kind().code());
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set sync_status = 'failed', error_message = $2, updated_at = now()
             where data_type = $1",
            &[(&data_type, Type::TEXT), (&message, Type::TEXT)],
        )
        .await
        .doing("recording a failure")?;
    Ok(())
}
