//! The Lambda function `sync-all`: starts a batch when it is asked to, and goes on with it
//! whenever the bus tells that a run has ended.

mod answer;

use std::rc::Rc;
use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::deadline::{Deadline, in_time};
use super::events::{self, Publisher};
use super::http::{self, Door, HttpRequest, Refusal};
use super::outcome;
use super::response;
use super::secret;
use super::trigger::{self, Invocation};
use crate::api::query::Query;
use crate::config::FanOutConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::fan_out::report::BatchReport;
use crate::fan_out::{Ended, FanOut, Opened};
use crate::sync::request::{SyncRequest, Trigger};
use crate::telemetry;
use answer::{Answer, busy};

/// The parameter of who wants to be answered when all is over.
const WAIT: &str = "wait";

/// What is set aside for noting what could not be sent, and for the answer.
const ROOM: Duration = Duration::from_secs(4);

/// Runs the Lambda function `sync-all` until Lambda stops the process.
///
/// # Errors
/// Only what the Lambda runtime itself reports.
pub async fn run_all() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    // Lambda sends one event at a time to a process, so nobody waits for the other.
    let function = Rc::new(Mutex::new(Function::new()));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let function = Rc::clone(&function);
        async move {
            let deadline = Deadline::new(event.context.deadline);
            let mut function = function.lock().await;
            function.handle(&event.payload, deadline).await
        }
    }))
    .await
}

/// The function's state between invocations: clients that stay connected.
struct Function {
    /// None until the secret that may hold the keys has been read.
    door: Option<Door>,
    fan_out: Option<FanOut>,
    publisher: Publisher,
}

impl Function {
    fn new() -> Self {
        Self {
            door: None,
            fan_out: None,
            publisher: Publisher::default(),
        }
    }

    /// # Errors
    /// Where what an event tells could not be noted or followed: nobody else knows of it, so
    /// Lambda is to deliver it again, and in the end to keep it among the dead letters.
    async fn handle(
        &mut self,
        event: &RawValue,
        deadline: Deadline,
    ) -> Result<Value, lambda_runtime::Error> {
        let ready = secret::read().await;
        let told = serde_json::from_str(event.get())
            .ok()
            .and_then(|event: Value| outcome::read(&event));
        if let Some(told) = told {
            return Box::pin(self.hear(ready.and(told), deadline)).await;
        }
        Ok(match (trigger::read(event), ready) {
            (Invocation::Direct { trigger, request }, ready) => {
                let request = ready.and(request);
                Box::pin(self.start(request, trigger, false, deadline))
                    .await
                    .body()
            }
            (Invocation::Http(_), Err(error)) => Answer::from(error).logged().http(),
            (Invocation::Http(Ok(request)), Ok(())) => self.answer_http(&request, deadline).await,
            (Invocation::Http(Err(error)), Ok(())) => response::refusal(&Refusal::from(error)),
        })
    }

    async fn answer_http(&mut self, request: &HttpRequest, deadline: Deadline) -> Value {
        let door = self.door.get_or_insert_with(Door::from_env);
        let form = match http::accept(request, door, &[WAIT]).await {
            Ok(form) => form,
            Err(refusal) => return response::refusal(&refusal),
        };
        let answer = match wants_to_wait(request) {
            Ok(waits) => Box::pin(self.start(form, Trigger::Http, waits, deadline)).await,
            Err(error) => error.into(),
        };
        answer.http()
    }

    /// Starts a batch. A caller who waits is answered once it is over or his time is up.
    async fn start(
        &mut self,
        request: Result<SyncRequest>,
        trigger: Trigger,
        waits: bool,
        deadline: Deadline,
    ) -> Answer {
        let until = deadline.of_silence();
        let started = match request {
            Ok(request) => self.open(&request, trigger, until).await,
            Err(error) => Err(error),
        };
        let (batch_id, paused, error) = match started {
            Ok(Opened::New { id, paused }) => (id, paused, None),
            Ok(Opened::Running(id)) => (id, Vec::new(), Some(busy())),
            Err(error) => return Answer::from(error).logged(),
        };
        let sent = self.go_on(until).await;
        let error = match (error, sent) {
            (Some(busy), _) => Some(busy),
            (None, Err(error)) => self.abandon(batch_id, error, until + ROOM).await,
            (None, Ok(())) => None,
        };
        let looked = match waits && error.is_none() {
            true => self.wait(batch_id, deadline).await,
            false => self.look(batch_id, until + ROOM).await,
        };
        match looked {
            Ok(batch) => Answer {
                error: error.or_else(|| batch.error()),
                batch: Some(batch),
                paused,
            },
            Err(unread) => error.unwrap_or(unread).into(),
        }
        .logged()
    }

    async fn open(
        &mut self,
        request: &SyncRequest,
        trigger: Trigger,
        until: Instant,
    ) -> Result<Opened> {
        let opened = self
            .ask(until, async |it| it.open(request, trigger).await)
            .await?;
        if let Opened::New { id, paused } = &opened {
            let paused = (!paused.is_empty()).then(|| paused.join(", "));
            tracing::info!(batch_id = %id, mode = request.mode.word(), paused, "batch started");
        }
        Ok(opened)
    }

    /// Ends a batch of which nothing could be started; the error is none where anything was.
    async fn abandon(&mut self, batch_id: Uuid, error: Error, until: Instant) -> Option<Error> {
        let abandoned = self
            .ask(until, async |it| it.abandon(batch_id, &error).await)
            .await;
        if let Err(cause) = abandoned {
            tracing::error!(%batch_id, cause = cause.chain(), "the batch is not on record as failed");
            return Some(error);
        }
        match self.look(batch_id, until).await {
            Ok(batch) if !batch.is_over() => None,
            _ => Some(error),
        }
    }

    async fn look(&mut self, batch_id: Uuid, until: Instant) -> Result<BatchReport> {
        self.ask(until, async |it| it.report(batch_id).await).await
    }

    async fn wait(&mut self, batch_id: Uuid, deadline: Deadline) -> Result<BatchReport> {
        let budget = self.fan_out()?.config().api_budget;
        let until = deadline.patience(budget);
        self.ask(deadline.of_event(budget), async |it| {
            it.wait(batch_id, until).await
        })
        .await
    }

    /// Asks Postgres, and no longer than that.
    async fn ask<T>(
        &mut self,
        until: Instant,
        what: impl AsyncFnOnce(&mut FanOut) -> Result<T>,
    ) -> Result<T> {
        let fan_out = self.fan_out()?;
        let asked = in_time(until, what(fan_out)).await;
        if asked
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::DbUnreachable)
        {
            // The next one is not to wait for the same connection.
            self.fan_out = None;
        }
        asked
    }

    /// Notes how a run ended and starts what comes next; at the end of a batch looks at what
    /// its rows refer to.
    async fn hear(
        &mut self,
        told: Result<Ended>,
        deadline: Deadline,
    ) -> Result<Value, lambda_runtime::Error> {
        let followed = match told {
            // What is no event of ours is the same the next time.
            Err(error) if error.kind() == ErrorKind::BadRequest => {
                return Ok(Answer::from(error).logged().body());
            }
            Err(error) => Err(error),
            Ok(ended) => self.follow(&ended, deadline.of_lambda()).await,
        };
        if let Err(error) = followed {
            let message = error.to_string();
            let _ = Answer::from(error).logged();
            // Its text alone: the runtime logs an error with all that is in it.
            return Err(message.into());
        }
        if let Err(error) = self.fan_out()?.check_references().await {
            tracing::warn!(cause = error.chain(), "references were not checked");
        }
        Ok(json!({"success": true, "message": "Noted", "data": {}}))
    }

    async fn follow(&mut self, ended: &Ended, until: Instant) -> Result<()> {
        self.ask(until, async |it| it.note(ended).await).await?;
        self.go_on(until).await
    }

    /// Requests what there is room for. What could not be sent by then waits again: killed before that is
    /// noted, it would count as requested, and keep others from their turn.
    async fn go_on(&mut self, until: Instant) -> Result<()> {
        let claimed = self.ask(until, async |it| it.claim().await).await?;
        if claimed.requests.is_empty() {
            return Ok(());
        }
        let config = self.fan_out()?.config();
        let (bus, retry) = (config.bus.clone(), config.retry);
        let events: Vec<_> = claimed.requests.iter().map(events::requested).collect();
        // Boxed: the future nests deeper than a compiler wants to look.
        let outcomes = Box::pin(self.publisher.send_all(&bus, &events, retry, until)).await;
        let mut unsent = Vec::new();
        let mut cause = String::new();
        for (request, outcome) in claimed.requests.iter().zip(outcomes) {
            let data_type = request.data_type.as_deref().unwrap_or_default();
            match outcome {
                Ok(()) => tracing::info!(data_type, "sync requested"),
                Err(reason) => {
                    tracing::error!(data_type, bus, cause = reason, "the request was not sent");
                    unsent.push(data_type);
                    cause = reason;
                }
            }
        }
        if unsent.is_empty() {
            return Ok(());
        }
        self.ask(until + ROOM, async |it| {
            it.put_back(claimed.id, &unsent).await
        })
        .await?;
        Err(events::unsent(cause))
    }

    fn fan_out(&mut self) -> Result<&mut FanOut> {
        let fan_out = match self.fan_out.take() {
            Some(fan_out) => fan_out,
            None => FanOut::new(FanOutConfig::from_env()?)?,
        };
        Ok(self.fan_out.insert(fan_out))
    }
}

/// Whether the caller wants to be answered when all is over: `?wait=true`.
fn wants_to_wait(request: &HttpRequest) -> Result<bool> {
    Query::parse(&request.query, &[WAIT])?.flag(WAIT)
}
