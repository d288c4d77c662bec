//! Health: that the function is up, and, for who has the key, whether everything that a
//! sync needs works, each thing timed.

use std::time::Duration;

use aws_sdk_eventbridge::error::ProvideErrorMetadata;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::api::Answer;
use super::events;
use super::response;
use crate::config::{self, Config, EventsConfig, OdooConfig, PostgresConfig, RetryConfig};
use crate::doctor::{Check, check_configuration, examine_odoo, examine_postgres};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{pauses, stale};
use crate::mirror::database::Database;

/// Whoever asks is cut off by API Gateway after 30 s, and wants to know of what hangs.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// All of one server's checks.
const ODOO_LIMIT: Duration = Duration::from_secs(20);
const POSTGRES_LIMIT: Duration = Duration::from_secs(15);

/// What anybody may know.
pub(super) fn up() -> Value {
    json!({"status": "up", "version": env!("CARGO_PKG_VERSION")})
}

/// Looks at everything. The first failure gives the answer its status and its error; all
/// checks are in the body.
pub(super) async fn deep() -> Answer {
    let mut checks = examine().await;
    let failed = checks.iter().position(|check| check.outcome.is_err());
    let shown: Vec<Value> = checks.iter().map(shown).collect();
    let mut data = up();
    data["checks"] = json!(shown);
    let failure = failed.and_then(|at| checks.swap_remove(at).outcome.err());
    let Some(error) = failure else {
        return Answer {
            status: 200,
            body: json!({"success": true, "data": data}),
        };
    };
    tracing::error!(
        code = error.kind().code(),
        cause = error.chain(),
        "a check failed"
    );
    data["status"] = json!("failing");
    Answer {
        status: error.kind().http_status(),
        body: json!({"success": false, "error": response::error(&error), "data": data}),
    }
}

fn shown(check: &Check) -> Value {
    let duration = u64::try_from(check.duration.as_millis()).unwrap_or(u64::MAX);
    match &check.outcome {
        Ok(found) => {
            json!({"name": check.name, "ok": true, "found": found, "duration": duration})
        }
        Err(error) => json!({
            "name": check.name, "ok": false, "error": response::error(error), "duration": duration
        }),
    }
}

async fn examine() -> Vec<Check> {
    let configured = config::check_every_variable();
    let config = Config::from_env().map(impatient);
    let (of_odoo, of_postgres, bus) = tokio::join!(
        look_at_odoo(config.as_ref().ok()),
        look_at_postgres(),
        Check::of("event bus", look_at_bus())
    );
    let mut checks = vec![check_configuration(configured).await];
    checks.extend(of_odoo);
    checks.extend(of_postgres);
    checks.push(bus);
    checks
}

fn impatient(config: Config) -> Config {
    Config {
        odoo: OdooConfig {
            timeout: config.odoo.timeout.min(REQUEST_LIMIT),
            // What passes by itself is still worth telling.
            retry: RetryConfig::NONE,
            ..config.odoo
        },
        ..config
    }
}

async fn look_at_odoo(config: Option<&Config>) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Some(config) = config {
        let ended = timeout(ODOO_LIMIT, examine_odoo(config, &mut checks)).await;
        checks.extend(ended.err().map(|_| late("Odoo", ODOO_LIMIT)));
    }
    checks
}

/// Needs no variable of Odoo's, so it is looked at even where one of those is wrong.
async fn look_at_postgres() -> Vec<Check> {
    let mut checks = Vec::new();
    if let Ok(config) = PostgresConfig::from_env() {
        let config = PostgresConfig {
            retry: RetryConfig::NONE,
            ..config
        };
        let looking = async {
            examine_postgres(&config, &mut checks).await;
            // Where that fails, this would fail for the same reason.
            if checks.iter().all(|check| check.outcome.is_ok()) {
                checks.push(Check::of("runs", look_at_runs(config)).await);
            }
        };
        let ended = timeout(POSTGRES_LIMIT, looking).await;
        checks.extend(ended.err().map(|_| late("Postgres", POSTGRES_LIMIT)));
    }
    checks
}

/// Names what is stale, and what is paused. That is no failure: the next request for the data type goes on
/// in the run, whoever sends it, and somebody wanted the pause.
async fn look_at_runs(config: PostgresConfig) -> Result<String> {
    let (stale, paused) = Database::new(config)
        .transaction("looking for stale runs", async |transaction| {
            let stale = stale::data_types(transaction).await?;
            Ok((stale, pauses::data_types(transaction).await?))
        })
        .await?;
    let mut found = match stale.is_empty() {
        true => "none is stale".to_owned(),
        false => format!(
            "stale, their function being gone: {}; the next sync of each goes on in it",
            stale.join(", ")
        ),
    };
    if !paused.is_empty() {
        found.push_str(&format!("; paused by an operator: {}", paused.join(", ")));
    }
    Ok(found)
}

fn late(whose: &str, limit: Duration) -> Check {
    let kind = match whose {
        "Odoo" => ErrorKind::OdooUnreachable,
        _ => ErrorKind::DbUnreachable,
    };
    let seconds = limit.as_secs();
    let message = format!("{whose} is too slow: not all was looked at within {seconds} s");
    Check {
        name: format!("{whose} in time"),
        outcome: Err(Error::new(kind, message)),
        duration: limit,
    }
}

/// Whether the bus exists. A role that may send to it but not look at it is all that the
/// functions need, so that is no failure.
async fn look_at_bus() -> Result<String> {
    let Some(bus) = EventsConfig::from_env().bus else {
        return Ok(
            "none: SYNC_EVENT_BUS is empty, so no events are sent and POST /api/sync/all is refused"
                .to_owned(),
        );
    };
    let failed = |message: String| Error::new(ErrorKind::Config, message);
    let asked = async {
        let client = events::connect()
            .map_err(|cause| failed("EventBridge cannot be asked".to_owned()).with_source(cause))?;
        Ok::<_, Error>(client.describe_event_bus().name(bus).send().await)
    };
    let answer = timeout(REQUEST_LIMIT, asked).await.map_err(|_| {
        failed("EventBridge does not answer, so SYNC_EVENT_BUS is not known to exist".to_owned())
    })??;
    match answer {
        Ok(_) => Ok("it exists".to_owned()),
        Err(error) => match error.code() {
            Some("AccessDeniedException") => {
                Ok("not looked at: this function's role lacks events:DescribeEventBus".to_owned())
            }
            Some("ResourceNotFoundException") => Err(failed(
                "SYNC_EVENT_BUS names no event bus of this account and region".to_owned(),
            )),
            code => Err(failed(format!(
                "EventBridge does not say whether SYNC_EVENT_BUS exists ({})",
                code.unwrap_or("no answer")
            ))),
        },
    }
}
