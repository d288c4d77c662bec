//! The engine: one run of one data type, from the lease to the watermark.
//!
//! It knows no data type and no trigger: what to read stands in the spec, who asked is
//! only noted. The steps are those of ARCHITECTURE.md, one module each.

mod cell;
mod commit;
mod end;
mod fetch;
mod headway;
mod leased;
mod opening;
mod outcome;
mod overseer;
mod page;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod page_oracle;
#[cfg(test)]
mod page_properties;
pub(crate) mod plan;
mod reconcile;
mod record;
mod references;
mod related;
pub mod request;
mod spent;
mod stream;
pub(crate) mod window;
#[cfg(test)]
mod window_properties;

use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

use crate::config::{Config, RetryConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::claim::{self, Acquired, Claim, Slice};
use crate::metadata::hooks;
pub use crate::metadata::runs::{EndedRun, RowError, RunReport};
use crate::metadata::vitals;
pub use crate::metadata::vitals::Vitals;
use crate::mirror::connect::check_url;
use crate::mirror::database::Database;
use crate::odoo::OdooClient;
use crate::specs::DataType;
use crate::telemetry;
use leased::Ended;
pub use outcome::{Outcome, RunFailure};
pub use overseer::{Begun, Overseer};
use request::{SyncRequest, Trigger};
pub use spent::Spent;

/// Longest that is waited for what only the log is to know.
const VITALS_LIMIT: Duration = Duration::from_secs(1);

/// Longest that the look for a hook that waits may take: somebody may be waiting for the answer.
const CLAIM_LIMIT: Duration = Duration::from_secs(4);

/// Runs syncs. Holds the clients, which outlive a run and are opened when first needed.
pub struct Syncer {
    config: Config,
    odoo: OdooClient,
    database: Database,
    /// What would make the run go on whose hand-over is under way.
    handing_over: Option<SyncRequest>,
    /// What the work since [`Syncer::begin`] was last at.
    slice: Option<Slice>,
    overseer: Overseer,
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
            handing_over: None,
            slice: None,
            overseer: Overseer::new(),
        })
    }

    /// Whatever comes now is not about the run of before.
    pub(crate) fn begin(&mut self) {
        self.slice = None;
        self.handing_over = None;
    }

    /// The slice of a run that was worked on since then, the last one where there were several; also where the work was
    /// dropped, or is not on record. `None` where no run had its lease.
    pub(crate) fn slice(&self) -> Option<Slice> {
        self.slice
    }

    /// After a run was dropped or has failed: what makes it go on, where that was while it was handed over. Nobody
    /// knows whether the hand-over was committed; where it was not, this request does nothing.
    pub fn unheard_hand_over(&mut self) -> Option<SyncRequest> {
        self.handing_over.take()
    }

    /// Who looks after the runs from outside.
    pub fn overseer(&self) -> Overseer {
        self.overseer.clone()
    }

    /// What is done where something outside fails that may pass.
    pub fn retry(&self) -> RetryConfig {
        self.config.odoo.retry
    }

    /// Whether [`Syncer::unheard_hand_over`] has anything.
    pub fn is_handing_over(&self) -> bool {
        self.handing_over.is_some()
    }

    /// How long an HTTP caller is made to wait.
    pub fn api_budget(&self) -> Duration {
        self.config.sync.api_budget
    }

    /// What Odoo and Postgres have taken since the clients were made.
    pub fn spent(&self) -> Spent {
        Spent {
            odoo: self.odoo.waited(),
            postgres: self.database.spent(),
        }
    }

    /// How the data type is, asked once and for a second at most: nobody waits for it but the log.
    ///
    /// # Errors
    /// Every `db_*`.
    pub async fn vitals(&mut self, spec: &DataType) -> Result<Vitals> {
        let doing = "reading freshness and findings";
        let asked = self.database.transaction_once(doing, async |transaction| {
            vitals::read(transaction, spec.name).await
        });
        let Ok(vitals) = tokio::time::timeout(VITALS_LIMIT, asked).await else {
            self.database.disconnect();
            return Err(Error::new(
                ErrorKind::DbUnreachable,
                "Postgres did not say in time how fresh the mirror is",
            ));
        };
        vitals
    }

    /// Whether the caller is to ask the bus for a run, since Odoo has called a hook that the runs so far have not
    /// answered. Only one caller is told so.
    ///
    /// # Errors
    /// Every `db_*`.
    pub async fn claim_hook(&mut self, spec: &DataType) -> Result<bool> {
        let claimed = hooks::Claim::default();
        let claiming = hooks::claim(&mut self.database, spec.name, &claimed);
        let Ok(is_ours) = tokio::time::timeout(CLAIM_LIMIT, claiming).await else {
            self.database.disconnect();
            return Err(Error::new(
                ErrorKind::DbUnreachable,
                "Postgres did not say in time whether a hook waits",
            ));
        };
        is_ours
    }

    /// Takes that back: the bus did not take the request, and whoever comes next is to try it again.
    ///
    /// # Errors
    /// Every `db_*`.
    pub async fn put_hook_back(&mut self, spec: &DataType) -> Result<()> {
        hooks::put_back(&mut self.database, spec.name).await
    }

    /// Does what `request` asks, until it is done or the time is up: then what is in the
    /// works is committed and the run handed over. An unfinished run that it finds is
    /// finished first, in that run's own mode; where that covers the request it is the
    /// answer.
    ///
    /// # Errors
    /// [`RunFailure`] with any kind of error. It has a report where the failure is on
    /// record: not where the run never began, and not where Postgres itself fails.
    pub async fn run(
        &mut self,
        spec: &'static DataType,
        request: &SyncRequest,
        trigger: Trigger,
        until: Instant,
    ) -> Result<Outcome, RunFailure> {
        request.check_data_type(spec.name)?;
        let claim = Claim {
            mode: request.mode,
            confirm_deletes: request.confirm_deletes,
            trigger,
            slice: slice(request),
            batch_id: request.batch_id,
            until,
        };
        self.run_claim(spec, claim).await
    }

    /// Does what was asked for while a run was on, a full or a reconcile, if anything was.
    /// It comes after that run has been answered and told of.
    pub async fn run_pending(
        &mut self,
        spec: &'static DataType,
        trigger: Trigger,
        until: Instant,
    ) -> Option<Result<Outcome, RunFailure>> {
        let claim = match claim::pending(&mut self.database, spec, trigger, until).await {
            Ok(claim) => claim?,
            Err(error) => return Some(Err(error.into())),
        };
        Some(self.run_claim(spec, claim).await)
    }

    async fn run_claim(
        &mut self,
        spec: &'static DataType,
        claim: Claim,
    ) -> Result<Outcome, RunFailure> {
        loop {
            let lease = match claim::acquire(&mut self.database, spec, claim).await? {
                Acquired::Lease(lease) => lease.stopped_by(self.overseer.token()),
                Acquired::Busy { run_id } => return Err(RunFailure::busy(spec, run_id)),
                Acquired::Paused => return Err(RunFailure::paused(spec)),
                Acquired::Repeated { run_id, .. } => {
                    return self.repeated(spec, claim, run_id).await;
                }
                Acquired::GivenUp { run_id } => return Err(self.given_up(run_id).await),
                Acquired::Reset { run_id } => return Err(self.ended_by_reset(run_id).await),
            };
            self.overseer.begins(lease.run);
            self.slice = Some(Slice {
                run_id: lease.run.id,
                number: lease.slice,
            });
            let is_covered = !lease.run.taken_over || lease.run.mode.covers(claim.mode);
            let waits = (!is_covered).then_some(claim);
            // A batch hears of the run that does what it asked, not of a lesser one before.
            let next = lease.next_slice(claim.batch_id.filter(|_| is_covered));
            let span = telemetry::of_run(spec, lease.run.id, lease.slice);
            let working = self.run_leased(spec, &lease, waits, &next);
            // Boxed, as those below: futures nest deeper than a compiler wants to look.
            match Box::pin(working.instrument(span)).await? {
                Ended::Finished(_) if !is_covered => {}
                Ended::Finished(report) => return Ok(Outcome::Finished(report)),
                Ended::HandedOver(report) => return Ok(Outcome::HandedOver { report, next }),
            }
        }
    }

    async fn repeated(
        &mut self,
        spec: &DataType,
        claim: Claim,
        run_id: Option<Uuid>,
    ) -> Result<Outcome, RunFailure> {
        let ended = match (claim.batch_id, run_id) {
            (Some(_), Some(run_id)) => end::ended(&mut self.database, spec, run_id).await?,
            _ => None,
        };
        Ok(Outcome::Repeated { run_id, ended })
    }

    async fn given_up(&mut self, run_id: Uuid) -> RunFailure {
        RunFailure {
            error: Error::new(
                ErrorKind::Internal,
                "the run is given up: several invocations in a row brought in no row",
            ),
            report: end::report(&mut self.database, run_id).await.ok(),
            running: None,
        }
    }

    /// As if it had been working on the run when the reset came.
    async fn ended_by_reset(&mut self, run_id: Uuid) -> RunFailure {
        RunFailure {
            error: Error::new(ErrorKind::Busy, "the run was ended by a reset"),
            report: end::report(&mut self.database, run_id).await.ok(),
            running: None,
        }
    }
}

/// The slice that a request is for, if it is for one.
fn slice(request: &SyncRequest) -> Option<Slice> {
    Some(Slice {
        run_id: request.run_id?,
        // One that no run gets to is none that a run waits for.
        number: request.slice?.try_into().unwrap_or(i32::MAX),
    })
}
