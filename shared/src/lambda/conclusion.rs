//! What follows the work on a request: the log is told, the bus, the metrics, and a hook that came meanwhile.

use tokio::time::{Duration, Instant};
use tracing::Instrument;

use super::account::Account;
use super::deadline::Deadline;
use super::events::Publisher;
use super::{Function, events};
use crate::config::RetryConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::request::SyncRequest;
use crate::sync::{Outcome, RunFailure, Syncer};

/// Longest that the request which a hook waits for may take to send: somebody may be waiting for the answer.
const HOOK_ROOM: Duration = Duration::from_secs(1);

impl Function {
    /// Tells of an outcome and measures it, in the name of the run that was worked on. Returns whether the bus has an
    /// event of it.
    pub(super) async fn conclude(
        &mut self,
        request: Option<&SyncRequest>,
        outcome: &Result<Outcome, RunFailure>,
        until: Instant,
        deadline: Deadline,
    ) -> bool {
        let span = self.work().span(self.spec);
        let concluding = async {
            let is_told = self.tell(request, outcome, until).await;
            self.measure(outcome, deadline).await;
            is_told
        };
        Box::pin(concluding.instrument(span)).await
    }

    /// Writes the metrics. Where Postgres is what fails it is not asked once more, nor where the time for
    /// that is not left.
    pub(super) async fn measure(
        &mut self,
        outcome: &Result<Outcome, RunFailure>,
        deadline: Deadline,
    ) {
        let (spec, work) = (self.spec, self.work());
        let is_away = outcome.as_ref().is_err_and(|failure| {
            let kind = failure.error.kind();
            matches!(kind, ErrorKind::DbUnreachable | ErrorKind::DbAuth)
        });
        let vitals = match &mut self.syncer {
            Some(syncer) if !is_away && deadline.has_room() => Box::pin(syncer.vitals(spec)).await,
            _ => Err(Error::new(ErrorKind::DbUnreachable, "not asked")),
        };
        if let Err(cause) = &vitals {
            tracing::debug!(cause = cause.chain(), "the last known freshness is told");
        }
        // An operator who ends a run does not want the next one at once.
        let is_cancelled = outcome
            .as_ref()
            .is_err_and(|failure| failure.error.kind() == ErrorKind::Cancelled);
        // Vitals may come too late; whoever has called a hook was told that a run will answer it.
        let may_wait = match &vitals {
            Ok(vitals) => vitals.hook_waits,
            Err(_) => !is_away && deadline.has_room(),
        };
        self.account
            .borrow_mut()
            .measure(outcome, work, vitals.as_ref().ok());
        if may_wait && !is_cancelled {
            Box::pin(self.answer_hook()).await;
        }
    }

    /// Asks for one more run, if a hook that came while this one was on waits for it.
    async fn answer_hook(&mut self) {
        let (spec, is_bus_set) = (self.spec, self.events.bus.is_some());
        let Some(syncer) = self.syncer.as_mut().filter(|_| is_bus_set) else {
            return;
        };
        match syncer.claim_hook(spec).await {
            Ok(false) => {}
            Ok(true) => {
                let request = SyncRequest::of_hook(spec.name);
                let until = Instant::now() + HOOK_ROOM;
                if !self.send(events::requested(&request), until).await {
                    self.put_hook_back().await;
                }
            }
            Err(cause) => tracing::warn!(cause = cause.chain(), "a hook waits for the next run"),
        }
    }

    /// Leaves the hook to the next one that comes, or to the end of the next run.
    async fn put_hook_back(&mut self) {
        let spec = self.spec;
        let Some(syncer) = &mut self.syncer else {
            return;
        };
        if let Err(cause) = syncer.put_hook_back(spec).await {
            tracing::warn!(cause = cause.chain(), "a hook waits for the next run");
        }
    }

    /// Tells the log of an end, well or not, and the bus of every outcome of a
    /// request. A run that is over is not undone because nobody could be told, and one that
    /// was handed over is taken up by the next request or schedule. One that may have been handed
    /// over unheard is no failed one: it is told to go on, which does nothing where it does not wait.
    /// Returns whether the bus has an event of it.
    pub(super) async fn tell(
        &mut self,
        request: Option<&SyncRequest>,
        outcome: &Result<Outcome, RunFailure>,
        until: Instant,
    ) -> bool {
        Account::log(outcome, self.work());
        let unheard = self.syncer.as_mut().and_then(Syncer::unheard_hand_over);
        if let Some(next) = unheard {
            return self.send(events::requested(&next), until).await;
        }
        let event = {
            let mut account = self.account.borrow_mut();
            let event = request.and_then(|request| events::event(&account, request, outcome));
            account.remember(outcome);
            event
        };
        match event {
            Some(event) => self.send(event, until).await,
            None => false,
        }
    }

    /// Whether the bus has taken the event by then.
    pub(super) async fn send(&mut self, event: events::Event, until: Instant) -> bool {
        let Some(bus) = &self.events.bus else {
            return false;
        };
        let publisher = self.publisher.get_or_insert_with(Publisher::default);
        let retry = self
            .syncer
            .as_ref()
            .map_or(RetryConfig::NONE, Syncer::retry);
        let sent = publisher.send(bus, event, retry, until).await;
        if let Err(cause) = &sent {
            tracing::error!(bus, cause, "the event was not sent");
        }
        sent.is_ok()
    }
}
