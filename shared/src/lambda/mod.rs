//! The only part that knows Lambda: what comes in as a trigger, what goes out as an
//! answer and as an event. The engine behind it could be called from anywhere.

mod account;
mod api;
#[cfg(feature = "backup")]
mod backup;
mod conclusion;
mod deadline;
mod events;
mod fan_out;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod health;
mod hook;
mod http;
mod jwks;
mod jwt;
mod operate;
mod outcome;
mod replay;
mod response;
mod secret;
mod summary;
mod trigger;

use std::cell::RefCell;
use std::rc::Rc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::config::{Config, EventsConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::specs::DataType;
use crate::sync::request::{SyncRequest, Trigger};
use crate::sync::{Outcome, RunFailure, Spent, Syncer};
use crate::telemetry;
use account::{Account, Work};
pub use api::run_api;
#[cfg(feature = "backup")]
pub use backup::run_backup;
use deadline::Deadline;
use events::Publisher;
pub use fan_out::run_all;
use http::{Door, HttpRequest, Refusal};
use trigger::Invocation;

/// Runs the Lambda function of one data type until Lambda stops the process.
///
/// # Errors
/// Only what the Lambda runtime itself reports. A sync that fails is an answer, not an
/// error: Lambda would try it again, and a schedule does that anyway.
pub async fn run(spec: &'static DataType) -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    // Lambda sends one event at a time to a process, so nobody waits for the other.
    let function = Rc::new(RefCell::new(None));
    let account = Rc::new(RefCell::new(Account::new(spec)));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let (function, account) = (Rc::clone(&function), Rc::clone(&account));
        let work = async move {
            let deadline = Deadline::new(event.context.deadline);
            if let Err(error) = secret::read().await {
                // Kept for no other event: what it knows lacks the secret.
                let answer = Function::new(spec, account)
                    .refuse(&event.payload, error, deadline)
                    .await;
                return Ok(answer);
            }
            let kept = function.borrow_mut().take();
            let mut working = kept.unwrap_or_else(|| Function::new(spec, account));
            let answer = working.handle(&event.payload, deadline).await;
            function.borrow_mut().replace(working);
            Ok::<Value, lambda_runtime::Error>(answer)
        };
        // Boxed: the futures nest deeper than a compiler wants to look.
        Box::pin(work.instrument(telemetry::of_data_type(spec)))
    }))
    .await
}

/// A function's state between invocations: clients that stay connected.
struct Function {
    spec: &'static DataType,
    door: Door,
    events: EventsConfig,
    syncer: Option<Syncer>,
    publisher: Option<Publisher>,
    account: Rc<RefCell<Account>>,
    /// What had been spent when the work on the request began.
    spent_before: Spent,
}

/// What came of a request, and whether the bus has the event that it gave rise to.
struct Answered {
    outcome: Result<Outcome, RunFailure>,
    is_told: bool,
}

impl Function {
    fn new(spec: &'static DataType, account: Rc<RefCell<Account>>) -> Self {
        Self {
            spec,
            door: Door::from_env(),
            events: EventsConfig::from_env(),
            syncer: None,
            publisher: None,
            account,
            spent_before: Spent::default(),
        }
    }

    async fn handle(&mut self, event: &RawValue, deadline: Deadline) -> Value {
        match trigger::read(event) {
            Invocation::Direct { trigger, request } => {
                let answered = self.sync(request, trigger, deadline).await;
                response::body(self.spec, &answered.outcome, answered.is_told)
            }
            Invocation::Http(Ok(request)) => self.answer_http(&request, deadline).await,
            Invocation::Http(Err(error)) => response::refusal(&Refusal::from(error)),
        }
    }

    /// Answers what cannot be worked on for want of variables. A batch that waits hears of it.
    async fn refuse(&mut self, event: &RawValue, error: Error, deadline: Deadline) -> Value {
        match trigger::read(event) {
            Invocation::Direct { request, .. } => {
                let outcome = Err(error.into());
                let until = deadline.of_lambda_itself();
                let request = request.as_ref().ok();
                let is_told = self.conclude(request, &outcome, until, deadline).await;
                response::body(self.spec, &outcome, is_told)
            }
            Invocation::Http(_) => {
                let failure = RunFailure::from(error);
                account::log_failure(&failure, self.work());
                response::refusal(&Refusal::from(failure.error))
            }
        }
    }

    async fn answer_http(&mut self, request: &HttpRequest, deadline: Deadline) -> Value {
        match http::accept(request, &mut self.door, &[]).await {
            Ok(request) => {
                let answered = self.sync_for_caller(request, deadline).await;
                response::http_of_sync(self.spec, &answered.outcome, answered.is_told)
            }
            Err(refusal) => {
                api::log(&refusal);
                response::refusal(&refusal)
            }
        }
    }

    /// As [`Function::sync`], but answers in time also where Postgres keeps silent: the run
    /// itself watches the time only where it can stop. What the bus is to hear is not cut off with
    /// it, and a bus that is slow or silent is not taken for Postgres.
    async fn sync_for_caller(
        &mut self,
        request: Result<SyncRequest>,
        deadline: Deadline,
    ) -> Answered {
        // Without a bus nobody is cut off, and without variables there is nothing to wait for.
        let budget = match self.events.bus {
            Some(_) => self.syncer().ok().map(|syncer| syncer.api_budget()),
            None => None,
        };
        let Some(budget) = budget else {
            return self.sync(request, Trigger::Http, deadline).await;
        };
        let until = deadline.of_event(budget);
        let running = self.run(&request, Trigger::Http, deadline);
        let Ok(outcome) = timeout_at(deadline.patience(budget), running).await else {
            let span = self.work().span(self.spec);
            let cutting = self.cut_off(request.ok(), until, deadline);
            return cutting.instrument(span).await;
        };
        let request = request.as_ref().ok();
        let is_told = self.conclude(request, &outcome, until, deadline).await;
        Answered { outcome, is_told }
    }

    /// What is left to do of a run that Postgres has kept for longer than its caller waits.
    async fn cut_off(
        &mut self,
        request: Option<SyncRequest>,
        until: Instant,
        deadline: Deadline,
    ) -> Answered {
        let is_handing_over = self.syncer.as_ref().is_some_and(Syncer::is_handing_over);
        let then = if is_handing_over {
            "the run was being handed over and goes on"
        } else {
            "a run that had begun is taken up by the next request or schedule, a minute from now at the soonest"
        };
        let message = format!("Postgres did not answer in time; {then}");
        let outcome = Err(Error::new(ErrorKind::DbUnreachable, message).into());
        let is_told = self.tell(request.as_ref(), &outcome, until).await;
        self.measure(&outcome, deadline).await;
        // Whatever it waits for, its connection is of no use to the next one.
        self.syncer = None;
        Answered { outcome, is_told }
    }

    async fn sync(
        &mut self,
        request: Result<SyncRequest>,
        trigger: Trigger,
        deadline: Deadline,
    ) -> Answered {
        let outcome = self.run(&request, trigger, deadline).await;
        let until = deadline.of_lambda_itself();
        let request = request.as_ref().ok();
        let is_told = self.conclude(request, &outcome, until, deadline).await;
        // An HTTP caller has waited long enough: what waits comes with the next request.
        if matches!(outcome, Ok(Outcome::Finished(_))) && trigger != Trigger::Http {
            self.run_pending(trigger, deadline).await;
        }
        Answered { outcome, is_told }
    }

    async fn run(
        &mut self,
        request: &Result<SyncRequest>,
        trigger: Trigger,
        deadline: Deadline,
    ) -> Result<Outcome, RunFailure> {
        self.begin();
        let request = match request {
            Ok(request) => request,
            Err(error) => return Err(Error::new(error.kind(), error.to_string()).into()),
        };
        let spec = self.spec;
        // Where no event can make a run go on, it goes on here for as long as Lambda lets it.
        let is_cut_for_caller = trigger == Trigger::Http && self.events.bus.is_some();
        let syncer = self.syncer()?;
        let until = if is_cut_for_caller {
            deadline.of_caller(syncer.api_budget())
        } else {
            deadline.of_lambda()
        };
        // Boxed: a run's future is large and nests deeper than a compiler wants to look.
        Box::pin(syncer.run(spec, request, trigger, until)).await
    }

    async fn run_pending(&mut self, trigger: Trigger, deadline: Deadline) {
        let spec = self.spec;
        self.begin();
        let Ok(syncer) = self.syncer() else {
            return;
        };
        let until = deadline.of_lambda();
        if let Some(outcome) = Box::pin(syncer.run_pending(spec, trigger, until)).await {
            let request = SyncRequest::default();
            let until = deadline.of_lambda_itself();
            self.conclude(Some(&request), &outcome, until, deadline)
                .await;
        }
    }

    fn syncer(&mut self) -> Result<&mut Syncer, Error> {
        let syncer = match self.syncer.take() {
            Some(syncer) => syncer,
            None => Syncer::new(Config::from_env()?)?,
        };
        Ok(self.syncer.insert(syncer))
    }

    /// Notes when the work on a request begins.
    fn begin(&mut self) {
        if let Some(syncer) = &mut self.syncer {
            syncer.begin();
        }
        self.spent_before = self.syncer.as_ref().map(Syncer::spent).unwrap_or_default();
    }

    /// What has been done since then.
    fn work(&self) -> Work {
        let spent = self.syncer.as_ref().map(Syncer::spent).unwrap_or_default();
        Work {
            spent: spent.since(self.spent_before),
            slice: self.syncer.as_ref().and_then(Syncer::slice),
        }
    }
}
