//! The engine: one run of one data type, from the lease to the watermark.
//!
//! It knows no data type and no trigger: what to read stands in the spec, who asked is
//! only noted. The steps are those of ARCHITECTURE.md, one module each.

mod cell;
mod commit;
mod end;
mod fetch;
mod id_pass;
mod opening;
mod page;
pub(crate) mod plan;
mod record;
pub mod request;
mod stream;
pub(crate) mod window;

use std::sync::Arc;

use uuid::Uuid;

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::claim::{self, Acquired, Claim};
use crate::metadata::lease::{Lease, Run};
pub use crate::metadata::runs::{RowError, RunReport};
use crate::mirror::connect::check_url;
use crate::mirror::database::Database;
use crate::odoo::OdooClient;
use crate::specs::{DataType, Stream};
use end::Ending;
use fetch::{Fetch, Limits, Listing};
use opening::{Opened, Opening};
use request::{Mode, SyncRequest, Trigger};
use stream::{MISMATCHES_BEFORE_ID_PASS, StreamRun};

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
    /// [`RunFailure`] with any kind of error. It has a report where the failure is on
    /// record: not where the run never began, and not where Postgres itself fails.
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
            let (report, run) = self.acquire_and_run(spec, claim).await?;
            if !run.taken_over || run.mode.covers(claim.mode) {
                return Ok(report);
            }
        }
    }

    /// Does what was asked for while a run was on, a full or a reconcile, if anything was.
    /// It comes after that run has been answered and told of.
    pub async fn run_pending(
        &mut self,
        spec: &'static DataType,
        trigger: Trigger,
    ) -> Option<Result<RunReport, RunFailure>> {
        let claim = match claim::pending(&mut self.database, spec, trigger).await {
            Ok(claim) => claim?,
            Err(error) => return Some(Err(error.into())),
        };
        let outcome = self.acquire_and_run(spec, claim).await;
        Some(outcome.map(|(report, _)| report))
    }

    async fn acquire_and_run(
        &mut self,
        spec: &'static DataType,
        claim: Claim,
    ) -> Result<(RunReport, Run), RunFailure> {
        match claim::acquire(&mut self.database, spec, claim).await? {
            Acquired::Lease(lease) => {
                let report = self.run_leased(spec, &lease).await?;
                Ok((report, lease.run))
            }
            Acquired::Busy { run_id } => Err(busy(spec, run_id)),
        }
    }

    async fn run_leased(
        &mut self,
        spec: &'static DataType,
        lease: &Lease,
    ) -> Result<RunReport, RunFailure> {
        tracing::info!(
            data_type = spec.name,
            run_id = %lease.run.id,
            mode = lease.run.mode.word(),
            taken_over = lease.run.taken_over,
            "run started"
        );
        let retries_before = self.retries();
        let outcome = self.run_streams(spec, lease).await;
        let ending = Ending {
            spec,
            lease,
            retries: self.retries() - retries_before,
        };
        match outcome {
            Ok(()) => Ok(ending.succeed(&mut self.database).await?),
            Err(error) => Err(RunFailure {
                report: ending.fail(&mut self.database, &error).await,
                error,
                running: None,
            }),
        }
    }

    async fn run_streams(&mut self, spec: &'static DataType, lease: &Lease) -> Result<()> {
        let opening = Opening {
            spec,
            lease,
            config: &self.config,
            odoo: &self.odoo,
            database: &mut self.database,
        };
        let streams = opening.all().await?;
        let is_reconcile = lease.run.mode == Mode::Reconcile;
        let mut fetch = self.fetch(&streams);
        let mut to_compare = Vec::new();
        for opened in &streams {
            let is_due = if opened.progress.done {
                opened.count_mismatches >= MISMATCHES_BEFORE_ID_PASS
            } else {
                let mut run = self.stream(spec, opened.stream, lease);
                run.read(opened, &mut fetch).await?
            };
            if is_due || is_reconcile {
                to_compare.push(opened);
            }
        }
        for opened in to_compare {
            let mut run = self.stream(spec, opened.stream, lease);
            run.compare_ids(&opened.plan).await?;
        }
        if is_reconcile {
            for stream in spec.streams {
                self.stream(spec, stream, lease).check_references().await?;
            }
        }
        Ok(())
    }

    /// Starts to fetch what has not been read to its end.
    fn fetch(&self, streams: &[Opened]) -> Fetch {
        let to_read = streams.iter().filter(|opened| !opened.progress.done);
        let listings = to_read
            .map(|opened| Listing {
                plan: Arc::clone(&opened.plan),
                range: opened.progress.range,
                after_id: opened.progress.last_id,
            })
            .collect();
        let limits = Limits {
            page_size: self.config.sync.batch_size,
            in_flight: self.config.sync.fetch_concurrency,
        };
        Fetch::start(self.odoo.clone(), listings, limits)
    }

    fn stream<'a>(
        &'a mut self,
        spec: &'static DataType,
        stream: &'static Stream,
        lease: &'a Lease,
    ) -> StreamRun<'a> {
        StreamRun {
            spec,
            stream,
            lease,
            config: &self.config,
            odoo: &self.odoo,
            database: &mut self.database,
        }
    }

    fn retries(&self) -> u64 {
        self.odoo.counters().retries + self.database.retries()
    }
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
