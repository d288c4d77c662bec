//! The engine: one run of one data type, from the lease to the watermark.
//!
//! It knows no data type and no trigger: what to read stands in the spec, who asked is
//! only noted. The steps are those of ARCHITECTURE.md, one module each.

mod cell;
mod commit;
mod fetch;
mod id_pass;
mod page;
mod plan;
mod record;
pub mod request;
mod stream;
pub(crate) mod window;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::lease::{self, Acquired, Claim, Lease};
pub use crate::metadata::runs::{RowError, RunReport};
use crate::metadata::{runs, streams};
use crate::mirror::connect::check_url;
use crate::mirror::database::{Database, Doing};
use crate::odoo::OdooClient;
use crate::specs::DataType;
use request::{SyncRequest, Trigger};
use stream::StreamRun;

/// A run that did not succeed.
#[derive(Debug)]
pub struct RunFailure {
    /// Why.
    pub error: Error,
    /// The run as recorded, where it got as far as being recorded.
    pub report: Option<RunReport>,
    /// With `busy`: the run that holds the lease.
    pub running: Option<Uuid>,
}

impl From<Error> for RunFailure {
    fn from(error: Error) -> Self {
        Self {
            error,
            report: None,
            running: None,
        }
    }
}

/// Runs syncs. Holds the clients, which outlive a run and are opened when first needed.
pub struct Syncer {
    config: Config,
    odoo: OdooClient,
    database: Database,
}

impl Syncer {
    /// Prepares the clients; opens no connection.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a value whose form only its user knows, such as the
    /// database URL.
    pub fn new(config: Config) -> Result<Self> {
        check_url(&config.postgres)?;
        Ok(Self {
            odoo: OdooClient::new(&config.odoo)?,
            database: Database::new(config.postgres.clone()),
            config,
        })
    }

    /// Does what `request` asks. An unfinished run that it finds is finished first, in
    /// that run's own mode; where that covers the request it is the answer.
    ///
    /// # Errors
    /// [`RunFailure`] with any kind of error. Unless it is `busy` or Postgres cannot be
    /// reached, the failure is on record.
    pub async fn run(
        &mut self,
        spec: &'static DataType,
        request: &SyncRequest,
        trigger: Trigger,
    ) -> Result<RunReport, RunFailure> {
        request.check_data_type(spec.name)?;
        let claim = Claim {
            mode: request.mode,
            confirm_deletes: request.confirm_deletes,
            trigger,
        };
        loop {
            let lease = match lease::acquire(&mut self.database, spec, claim).await? {
                Acquired::Lease(lease) => lease,
                Acquired::Busy { run_id } => return Err(busy(spec, run_id)),
            };
            let report = self.run_leased(spec, &lease).await?;
            let is_answer = !lease.run.taken_over || lease.run.mode.covers(claim.mode);
            if is_answer {
                self.run_pending(spec, trigger).await;
                return Ok(report);
            }
        }
    }

    /// A full or reconcile that was asked for while this run was on comes next. Its
    /// failure is on record and not the answer to the request that led here.
    async fn run_pending(&mut self, spec: &'static DataType, trigger: Trigger) {
        let outcome = async {
            let claim = match lease::pending(&mut self.database, spec, trigger).await? {
                Some(claim) => claim,
                None => return Ok(()),
            };
            if let Acquired::Lease(lease) = lease::acquire(&mut self.database, spec, claim).await? {
                self.run_leased(spec, &lease)
                    .await
                    .map_err(|failure| failure.error)?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = outcome.await {
            tracing::error!(
                data_type = spec.name,
                code = error.kind().code(),
                cause = error.chain(),
                "the request that waited for this run failed"
            );
        }
    }

    async fn run_leased(
        &mut self,
        spec: &'static DataType,
        lease: &Lease,
    ) -> Result<RunReport, RunFailure> {
        let run_id = lease.run.id;
        tracing::info!(
            data_type = spec.name,
            %run_id,
            mode = lease.run.mode.word(),
            taken_over = lease.run.taken_over,
            "run started"
        );
        let retries_before = self.retries();
        let outcome = self.run_streams(spec, lease).await;
        let retries = self.retries() - retries_before;
        let ended = match &outcome {
            Ok(()) => self.succeed(spec, lease, retries).await,
            Err(error) => self.fail(spec, lease, retries, error).await,
        };
        match (outcome, ended) {
            (Ok(()), Ok(report)) => {
                tracing::info!(
                    data_type = spec.name,
                    %run_id,
                    mode = report.mode.word(),
                    inserted = report.records_inserted,
                    updated = report.records_updated,
                    unchanged = report.records_unchanged,
                    deleted = report.records_deleted,
                    skipped = report.records_skipped,
                    milliseconds = report.duration,
                    retries = report.retries,
                    slices = report.slices,
                    "run succeeded"
                );
                Ok(report)
            }
            (Ok(()), Err(error)) => Err(error.into()),
            (Err(error), ended) => {
                tracing::error!(
                    data_type = spec.name,
                    %run_id,
                    code = error.kind().code(),
                    remedy = error.kind().remedy(),
                    cause = error.chain(),
                    "run failed"
                );
                if let Err(error) = &ended {
                    tracing::error!(%run_id, cause = error.chain(), "not on record as failed");
                }
                Err(RunFailure {
                    error,
                    report: ended.ok(),
                    running: None,
                })
            }
        }
    }

    async fn run_streams(&mut self, spec: &'static DataType, lease: &Lease) -> Result<()> {
        for stream in spec.streams {
            StreamRun {
                spec,
                stream,
                lease,
                config: &self.config,
                odoo: &self.odoo,
                database: &mut self.database,
            }
            .run()
            .await?;
        }
        Ok(())
    }

    fn retries(&self) -> u64 {
        self.odoo.counters().retries + self.database.retries()
    }

    /// Moves the watermarks and ends the run, in one transaction.
    async fn succeed(&mut self, spec: &DataType, lease: &Lease, retries: u64) -> Result<RunReport> {
        lease
            .transaction(&mut self.database, "ending a run", async |transaction| {
                streams::settle(transaction, lease.run.id).await?;
                runs::finish(transaction, lease.run.id, retries, None).await?;
                let report = runs::report(transaction, lease.run.id).await?;
                record_success(transaction, spec.name, &report).await?;
                lease.free(transaction).await?;
                Ok(report)
            })
            .await
    }

    /// Ends the run as failed; the watermarks stay where they were.
    async fn fail(
        &mut self,
        spec: &DataType,
        lease: &Lease,
        retries: u64,
        error: &Error,
    ) -> Result<RunReport> {
        let run_id = lease.run.id;
        lease
            .transaction(
                &mut self.database,
                "recording a failure",
                async |transaction| {
                    runs::finish(transaction, run_id, retries, Some(error)).await?;
                    record_failure(transaction, spec.name, error).await?;
                    lease.free(transaction).await
                },
            )
            .await?;
        // Read apart: it looks into more tables, and one that is missing may be the very
        // failure that had to be recorded.
        let doing = "reading a failed run";
        self.database
            .transaction(doing, async |transaction| {
                runs::report(transaction, run_id).await
            })
            .await
    }
}

async fn record_success(
    transaction: &Transaction<'_>,
    data_type: &str,
    report: &RunReport,
) -> Result<()> {
    let count = i32::try_from(report.records_processed).unwrap_or(i32::MAX);
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set sync_status = 'success', error_message = null, last_sync_count = $2,
                 last_sync_timestamp = (select min(window_opened_at) from odoo.sync_streams
                                        where run_id = $3),
                 updated_at = now()
             where data_type = $1",
            &[
                (&data_type, Type::TEXT),
                (&count, Type::INT4),
                (&report.run_id, Type::UUID),
            ],
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

fn busy(spec: &DataType, running: Option<Uuid>) -> RunFailure {
    RunFailure {
        error: Error::new(
            ErrorKind::Busy,
            format!("a sync of {} is already running", spec.name),
        ),
        report: None,
        running,
    }
}
