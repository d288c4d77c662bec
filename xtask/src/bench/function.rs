//! A function as Lambda runs it: the release build, a process of its own, under a Runtime
//! API on loopback. Nothing of cargo-lambda's stands between it and the clock.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use shared::specs::DataType;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::child::Server;
use crate::odoo_environment::OdooEnvironment;
use crate::{cache, function_environment};

/// The longest that Lambda lets a function run.
const INVOCATION_LIMIT: Duration = Duration::from_secs(900);
const GLANCE: Duration = Duration::from_millis(200);

/// A running function; it ends when this is dropped.
pub(super) struct Function {
    process: Server,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Value>,
    runtime_api: JoinHandle<()>,
}

impl Function {
    /// Starts the function of a data type from the folder of programs.
    pub(super) async fn start(
        spec: &DataType,
        programs: &Path,
        odoo: &OdooEnvironment,
        database_url: &str,
    ) -> Result<Self> {
        let (events, to_send) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port is free")?;
        let address = listener.local_addr().context("the port has no number")?;
        let routes = runtime_api(to_send, answered);
        let runtime_api = tokio::spawn(async move {
            // It ends with the function, which then says so itself.
            let _ = axum::serve(listener, routes).await;
        });

        let name = spec.function_name();
        let mut command = Command::new(programs.join(&name));
        function_environment::set(&mut command, odoo, database_url);
        command
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            // Else a run right after another reads the last changes again.
            .env("SYNC_OVERLAP_SECONDS", "0");
        let log = cache::log_file(&format!("bench-{name}"))?;
        Ok(Self {
            process: Server::start(&name, &command, &log)?,
            events,
            answers,
            runtime_api,
        })
    }

    /// One invocation, from the event to the answer's `data`.
    pub(super) async fn invoke(&mut self, event: Value) -> Result<Value> {
        self.events
            .send(event)
            .await
            .context("the Runtime API is gone")?;
        loop {
            tokio::select! {
                answer = self.answers.recv() => {
                    let mut answer = answer.context("the Runtime API is gone")?;
                    ensure!(answer["success"] == true, "it answered {answer}");
                    return Ok(answer["data"].take());
                }
                () = tokio::time::sleep(GLANCE) => self.process.check()?,
            }
        }
    }

    /// The most memory it ever had resident, in bytes.
    pub(super) fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .context("the function is gone")?;
        parse_peak_memory(&status).context("the kernel does not tell the memory")
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.runtime_api.abort();
    }
}

/// What the Runtime API has at hand.
struct Exchange {
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Value>,
}

/// AWS Lambda's HTTP interface of 2018-06-01, as far as a function needs it.
fn runtime_api(events: mpsc::Receiver<Value>, answers: mpsc::Sender<Value>) -> Router {
    let exchange = Exchange {
        events: Mutex::new(events),
        answers,
    };
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/{outcome}",
            post(answered),
        )
        .with_state(Arc::new(exchange))
}

async fn next(State(exchange): State<Arc<Exchange>>) -> Response {
    let Some(event) = exchange.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        + INVOCATION_LIMIT;
    let headers = [
        ("lambda-runtime-aws-request-id", "bench".to_owned()),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:bench".to_owned(),
        ),
    ];
    (headers, event.to_string()).into_response()
}

/// A response and an error are both passed on as they are: only the first says `success`.
async fn answered(
    State(exchange): State<Arc<Exchange>>,
    UrlPath(_): UrlPath<(String, String)>,
    body: String,
) -> StatusCode {
    let answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
    // Nobody listens where the bench is ending.
    let _ = exchange.answers.send(answer).await;
    StatusCode::ACCEPTED
}

/// The line `VmHWM:      1234 kB` of a process's status.
fn parse_peak_memory(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{parse_peak_memory, runtime_api};
    use serde_json::json;
    use tokio::sync::mpsc;

    #[test]
    fn reads_the_peak_memory() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t 4 kB\n";
        assert_eq!(parse_peak_memory(status), Some(20 * 1024 * 1024));
        assert_eq!(parse_peak_memory("Name:\tx\n"), None);
    }

    #[tokio::test]
    async fn hands_an_event_over_and_takes_the_answer() {
        let (events, to_send) = mpsc::channel(1);
        let (answered, mut answers) = mpsc::channel(1);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("its number");
        tokio::spawn(async move { axum::serve(listener, runtime_api(to_send, answered)).await });
        let base = format!("http://{address}/2018-06-01/runtime/invocation");
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");

        events
            .send(json!({"mode": "full"}))
            .await
            .expect("it waits");
        let next = client
            .get(format!("{base}/next"))
            .send()
            .await
            .expect("an answer");
        assert!(next.headers().contains_key("lambda-runtime-deadline-ms"));
        assert_eq!(next.text().await.expect("text"), r#"{"mode":"full"}"#);
        let answer = client
            .post(format!("{base}/bench/response"))
            .body(r#"{"success":true}"#);
        answer.send().await.expect("an answer");
        assert_eq!(answers.recv().await, Some(json!({"success": true})));
    }
}
