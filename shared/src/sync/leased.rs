//! A run that has its lease: all streams through all phases, and the end that this comes to.

use tracing::Instrument;

use super::Syncer;
use super::end::{Ending, report};
use super::headway::Headway;
use super::opening::{Opened, Opening};
use super::outcome::RunFailure;
use super::request::{Mode, SyncRequest};
use super::stream::StreamRun;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::claim::Claim;
use crate::metadata::lease::Lease;
use crate::metadata::runs::RunReport;
use crate::metadata::streams::Phase;
use crate::specs::{DataType, Stream};
use crate::telemetry;

/// How an invocation's work on a run ended.
pub(super) enum Ended {
    Finished(RunReport),
    HandedOver(RunReport),
}

impl Syncer {
    /// Does the run's work, until it is done or handed over, and puts its end on record.
    ///
    /// # Errors
    /// As [`Syncer::run`].
    pub(super) async fn run_leased(
        &mut self,
        spec: &'static DataType,
        lease: &Lease,
        waits: Option<Claim>,
        next: &SyncRequest,
    ) -> Result<Ended, RunFailure> {
        tracing::info!(
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
            waits,
        };
        let ended = match outcome {
            Ok(()) => match ending.succeed(&mut self.database).await {
                // What it has done is gone, or cannot be told from what is.
                Err(error) if error.kind() == ErrorKind::DbFault => {
                    return Err(ending.fail(&mut self.database, error).await);
                }
                report => report.map(Ended::Finished),
            },
            Err(error) if error.kind() == ErrorKind::OutOfTime => {
                self.hand_over(&ending, next).await.map(Ended::HandedOver)
            }
            Err(error) => return Err(ending.fail(&mut self.database, error).await),
        };
        match ended {
            Ok(ended) => Ok(ended),
            // Whoever cancelled it has put it on record.
            Err(error) if error.kind() == ErrorKind::Cancelled => {
                Err(ending.cancelled(&mut self.database, error).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Hands the run over. Where that fails, [`Syncer::unheard_hand_over`] knows whether it may have been
    /// committed all the same.
    async fn hand_over(&mut self, ending: &Ending<'_>, next: &SyncRequest) -> Result<RunReport> {
        self.handing_over = Some(next.clone());
        if let Err(error) = ending.hand_over(&mut self.database).await {
            // A commit whose answer was lost may have gone through.
            if error.kind() != ErrorKind::DbUnreachable {
                self.handing_over = None;
            }
            return Err(error);
        }
        // It waits for its next slice, whether or not anybody can say how it stands.
        let report = report(&mut self.database, ending.lease.run.id).await?;
        self.handing_over = None;
        Ok(report)
    }

    async fn run_streams(&mut self, spec: &'static DataType, lease: &Lease) -> Result<()> {
        let opening = Opening {
            spec,
            lease,
            config: &self.config,
            odoo: &self.odoo,
            database: &mut self.database,
        };
        let (mut streams, mut fetch) = opening.all().await?;
        // A phase of all streams before the next one: a guard that stops one stream must not
        // keep the others from being read and compared, and nothing goes where it stops one.
        for phase in [Phase::Read, Phase::Compare, Phase::Delete] {
            if phase == Phase::Delete {
                self.judge(spec, lease, &streams).await?;
            }
            for opened in &mut streams {
                if opened.progress.is_in(phase) {
                    let mut run = self.stream(spec, opened.stream, lease);
                    let span = telemetry::of_stream(opened.stream);
                    let going = run.go_through(phase, opened, &mut fetch);
                    Box::pin(going.instrument(span)).await?;
                }
            }
        }
        if lease.run.mode == Mode::Reconcile {
            for opened in &streams {
                let mut run = self.stream(spec, opened.stream, lease);
                let span = telemetry::of_stream(opened.stream);
                let checking = run.check_references(&opened.plan);
                Box::pin(checking.instrument(span)).await?;
            }
        }
        Ok(())
    }

    /// Judges what each of the streams is to lose, all of them before any loses a row.
    async fn judge(
        &mut self,
        spec: &'static DataType,
        lease: &Lease,
        streams: &[Opened],
    ) -> Result<()> {
        let mut stopped = Vec::new();
        for opened in streams {
            if opened.progress.is_in(Phase::Delete) {
                let mut run = self.stream(spec, opened.stream, lease);
                let judging = run.judge();
                let span = telemetry::of_stream(opened.stream);
                stopped.extend(judging.instrument(span).await?);
            }
        }
        if stopped.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DeleteGuard, stopped.join("; ")))
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
            headway: Headway::after(0),
        }
    }

    fn retries(&self) -> u64 {
        self.odoo.counters().retries + self.database.retries()
    }
}
