//! The function `api`: status, runs, findings, reset and health of all data types, the
//! dashboard that shows them, and an answer for every route that no function has. It needs no Odoo, and one connection to
//! Postgres, opened by the first request that asks for one.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::deadline::{Deadline, in_time};
use super::events::{LONGEST_DELAY, Publisher};
use super::health;
use super::http::{self, Caller, Door, HttpRequest, Refusal};
use super::response;
use super::secret;
use super::trigger::{self, Invocation};
use crate::api::operation::Operation;
use crate::api::query::{Query, data_type};
use crate::api::reset::{Reset, reset};
use crate::api::route::{ROUTES, Route};
use crate::api::{dashboard, findings, runs, status};
use crate::config::{PostgresConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::check_url;
use crate::mirror::database::Database;
use crate::specs::{DataType, REGISTRY};
use crate::telemetry;

/// Runs the Lambda function `api` until Lambda stops the process.
///
/// # Errors
/// Only what the Lambda runtime itself reports.
pub async fn run_api() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    // Lambda sends one event at a time to a process, so nobody waits for the other.
    let api = Rc::new(Mutex::new(None));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let api = Rc::clone(&api);
        async move {
            let mut api = api.lock().await;
            let api = api.get_or_insert_with(Api::new);
            let deadline = Deadline::new(event.context.deadline);
            // Its type is left out: it nests deeper than a compiler wants to look.
            let answering: Pin<Box<dyn Future<Output = Value>>> =
                Box::pin(api.handle(&event.payload, deadline));
            Ok::<Value, lambda_runtime::Error>(answering.await)
        }
    }))
    .await
}

/// The function's state between invocations.
pub(super) struct Api {
    /// None until the secret that may hold the keys has been read.
    door: Option<Door>,
    pub(super) database: Option<Database>,
    pub(super) publisher: Publisher,
}

/// A status and a body of the contract's shape.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    fn done(data: &Value) -> Self {
        Self {
            status: 200,
            body: json!({"success": true, "data": data}),
        }
    }

    /// A sync of it will come.
    pub(super) fn accepted(message: impl Into<String>, spec: &DataType) -> Self {
        Self {
            status: 202,
            body: json!({
                "success": true, "message": message.into(), "data": {"dataType": spec.name},
            }),
        }
    }
}

impl Api {
    fn new() -> Self {
        Self {
            door: None,
            database: None,
            publisher: Publisher::default(),
        }
    }

    async fn handle(&mut self, event: &RawValue, deadline: Deadline) -> Value {
        let request = match trigger::read(event) {
            Invocation::Http(Ok(request)) => request,
            Invocation::Http(Err(error)) => return response::refusal(&Refusal::from(error)),
            Invocation::Direct { .. } => {
                let message = "this function answers HTTP requests of API Gateway only";
                let error = Error::new(ErrorKind::BadRequest, message);
                return json!({"success": false, "error": response::error(&error)});
            }
        };
        if Route::find(&request.path) == Some(Route::Dashboard) {
            return answer_dashboard(&request);
        }
        match self.answer(&request, deadline).await {
            Ok(answer) => response::http(answer.status, &answer.body),
            Err(refusal) => {
                log(&refusal);
                response::refusal(&refusal)
            }
        }
    }

    async fn answer(
        &mut self,
        request: &HttpRequest,
        deadline: Deadline,
    ) -> Result<Answer, Refusal> {
        let Some(route) = Route::find(&request.path) else {
            let message = format!(
                "there is no such route; there are {ROUTES}, {}",
                Operation::ROUTES
            );
            return Err(Refusal::new(404, message));
        };
        if route == Route::Health {
            return self.answer_health(request, &route).await;
        }
        if let Route::Hook(name) = &route {
            let spec = self.open_hook(request, &route, name).await?;
            return Ok(self.take_hook(spec, deadline).await?);
        }
        let caller = self.authorize(request).await?;
        http::check_method(request, route.method())?;
        if route.method() == "POST" {
            http::check_size(request)?;
        }
        let answering = self.answer_inside(request, &route, &caller, deadline);
        let answered = in_time(deadline.of_silence(), async { Ok(answering.await) }).await;
        if answered.is_err() {
            // The next one is not to wait for the same connection.
            self.database = None;
        }
        answered?
    }

    async fn authorize(&mut self, request: &HttpRequest) -> Result<Caller, Refusal> {
        secret::read().await?;
        let door = self.door.get_or_insert_with(Door::from_env);
        http::authorize(request, door).await
    }

    /// Anybody may ask whether it is up; the rest is for who has the key.
    async fn answer_health(
        &mut self,
        request: &HttpRequest,
        route: &Route,
    ) -> Result<Answer, Refusal> {
        http::check_method(request, route.method())?;
        let query = Query::parse(&request.query, route.parameters())?;
        if !query.flag("deep")? {
            return Ok(Answer::done(&health::up()));
        }
        self.authorize(request).await?;
        Ok(Box::pin(health::deep()).await)
    }

    /// Answers who has the key.
    async fn answer_inside(
        &mut self,
        request: &HttpRequest,
        route: &Route,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Answer, Refusal> {
        let query = Query::parse(&request.query, route.parameters());
        let data = match route {
            Route::Health => health::up(),
            // The page has been answered before anybody asked for the key.
            Route::Dashboard => Value::Null,
            Route::Status => {
                let _ = query?;
                let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
                status::of(self.database()?, &names).await?
            }
            Route::StatusOf(name) => {
                let name = data_type(name)?.name;
                let _ = query?;
                status::of(self.database()?, &[name]).await?
            }
            Route::Runs => {
                let query = query?;
                let (names, limit) = (query.data_types()?, query.limit()?);
                runs::latest(self.database()?, &names, limit).await?
            }
            Route::Findings => {
                let query = query?;
                let (names, limit) = (query.data_types()?, query.limit()?);
                findings::open(self.database()?, &names, query.severity()?, limit).await?
            }
            Route::Reset(name) => {
                caller.log(route, request);
                let spec = data_type(name)?;
                let force = query?.flag("force")?;
                request.refuse_body(
                    "a reset takes no body; ?force=true takes a running sync's lease away",
                )?;
                let done = reset(self.database()?, spec, force).await?;
                return Ok(answer_reset(spec, &done));
            }
            Route::Operate(operation) => {
                query?;
                return Box::pin(self.operate(request, operation, caller, deadline)).await;
            }
            Route::Hook(name) | Route::Sync(name) => return Err(not_here(name)),
        };
        Ok(Answer::done(&data))
    }

    pub(super) fn database(&mut self) -> Result<&mut Database> {
        let database = match self.database.take() {
            Some(database) => database,
            None => open_lazily()?,
        };
        Ok(self.database.insert(database))
    }
}

/// The page holds nothing that is secret: it asks for the key itself.
fn answer_dashboard(request: &HttpRequest) -> Value {
    let route = Route::Dashboard;
    let checked = http::check_method(request, route.method()).and_then(|()| {
        Query::parse(&request.query, route.parameters())?;
        Ok(())
    });
    match checked {
        Ok(()) => response::page(dashboard::page()),
        Err(refusal) => {
            log(&refusal);
            response::refusal(&refusal)
        }
    }
}

/// Somebody waits, thirty seconds at most: one more attempt, almost at once, which a connection
/// that died while the function was frozen needs.
pub(super) const ONE_MORE: RetryConfig = RetryConfig {
    max_retries: 1,
    delay: LONGEST_DELAY,
};

fn open_lazily() -> Result<Database> {
    let config = PostgresConfig::from_env()?;
    check_url(&config)?;
    Ok(Database::new(PostgresConfig {
        retry: RetryConfig {
            delay: config.retry.delay.min(LONGEST_DELAY),
            ..ONE_MORE
        },
        ..config
    }))
}

fn answer_reset(spec: &DataType, done: &Reset) -> Answer {
    match done {
        Reset::Done { ended } => Answer {
            status: 200,
            body: json!({
                "success": true,
                "message": format!("{} reset: the next sync reads everything", spec.title),
                "data": {"dataType": spec.name, "status": "pending", "endedRunId": ended},
            }),
        },
        Reset::Busy { run_id } => {
            let error = Error::new(
                ErrorKind::Busy,
                format!(
                    "a sync of {} is running; ?force=true takes its lease away",
                    spec.name
                ),
            );
            Answer {
                status: error.kind().http_status(),
                body: json!({
                    "success": false,
                    "error": response::error(&error),
                    "data": {"dataType": spec.name, "runId": run_id, "status": "in_progress"},
                }),
            }
        }
    }
}

/// A sync that reaches this function names no data type, or its own route is not deployed.
fn not_here(name: &str) -> Refusal {
    match data_type(name) {
        Err(error) if name != "all" => Refusal::from(error),
        _ => Refusal::new(
            404,
            "this route belongs to a sync function, which API Gateway has not called",
        ),
    }
}

/// One line a refusal. To be refused for one's own mistake is no alarm.
pub(super) fn log(refusal: &Refusal) {
    let error = &refusal.error;
    let (status, code, cause) = (refusal.status, error.kind().code(), error.chain());
    match error.kind() {
        ErrorKind::BadRequest => tracing::info!(status, code, cause, "request refused"),
        kind => {
            let remedy = kind.remedy();
            tracing::error!(status, code, cause, remedy, "request failed");
        }
    }
}
