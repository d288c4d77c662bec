//! The side of Lambda's Runtime API (2018-06-01) that a function's process sees. What it is
//! asked and answers goes through channels to whoever runs the process.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;

use crate::aws::function_arn;

/// The header with an invocation's id.
pub(crate) const REQUEST_ID: &str = "lambda-runtime-aws-request-id";

/// An event for a process, with the headers that tell of the invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    headers: [(&'static str, String); 3],
    event: Bytes,
}

impl Invocation {
    /// An event (JSON) for the function of this name, which has `limit` from now on to answer.
    pub fn new(function: &str, request_id: &str, limit: Duration, event: impl Into<Bytes>) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let deadline = (now + limit).as_millis().to_string();
        Self {
            headers: [
                (REQUEST_ID, request_id.to_owned()),
                ("lambda-runtime-deadline-ms", deadline),
                (
                    "lambda-runtime-invoked-function-arn",
                    function_arn(function),
                ),
            ],
            event: event.into(),
        }
    }
}

/// What the process made of it.
#[derive(Debug)]
pub enum Outcome {
    /// Its answer, JSON.
    Response(Bytes),
    /// What it reported as an error of its own, JSON.
    Error(Bytes),
}

/// A running server for one process; it ends when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: String,
    invocations: mpsc::Sender<Invocation>,
    outcomes: mpsc::Receiver<Outcome>,
    polled: Arc<Notify>,
    server: JoinHandle<()>,
}

struct Shared {
    invocations: Mutex<mpsc::Receiver<Invocation>>,
    outcomes: mpsc::Sender<Outcome>,
    polled: Arc<Notify>,
}

impl RuntimeApi {
    /// Serves on a free port.
    ///
    /// # Errors
    /// Where no port is free.
    pub async fn start() -> Result<Self> {
        let (invocations, receiver) = mpsc::channel(1);
        let (sender, outcomes) = mpsc::channel(1);
        let polled = Arc::new(Notify::new());
        let shared = Arc::new(Shared {
            invocations: Mutex::new(receiver),
            outcomes: sender,
            polled: Arc::clone(&polled),
        });
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for a Runtime API")?;
        let address = listener.local_addr()?.to_string();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(shared);
        let server = tokio::spawn(async move {
            // It ends with the task; nobody is left to be told why.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            invocations,
            outcomes,
            polled,
            server,
        })
    }

    /// The variables by which Lambda tells a process where it is and what it is called.
    pub fn variables(&self, function: &str) -> [(&'static str, String); 4] {
        [
            ("AWS_LAMBDA_RUNTIME_API", self.address.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ]
    }

    /// Returns when the process has asked for an event since the last time.
    pub async fn polled(&self) {
        self.polled.notified().await;
    }

    /// Hands an invocation over, and waits for what comes of it.
    ///
    /// # Errors
    /// Where the server has ended.
    pub async fn invoke(&mut self, invocation: Invocation) -> Result<Outcome> {
        self.invocations
            .send(invocation)
            .await
            .context("the Runtime API is gone")?;
        self.outcomes
            .recv()
            .await
            .context("the Runtime API is gone")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polled.notify_one();
    let Some(invocation) = shared.invocations.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let mut response = Response::builder();
    for (name, value) in invocation.headers {
        response = response.header(name, value);
    }
    response
        .body(invocation.event.into())
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(_): Path<String>,
    body: Bytes,
) -> StatusCode {
    tell(&shared, Outcome::Response(body)).await
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(_): Path<String>,
    body: Bytes,
) -> StatusCode {
    tell(&shared, Outcome::Error(body)).await
}

async fn tell(shared: &Shared, outcome: Outcome) -> StatusCode {
    match shared.outcomes.send(outcome).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(_) => StatusCode::GONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hands_an_event_over_and_takes_the_answer() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let base = format!("http://{}/2018-06-01/runtime/invocation", api.address);
        let process = tokio::spawn(async move {
            let client = shared::tls::http_client().no_proxy().build()?;
            let next = client.get(format!("{base}/next")).send().await?;
            let headers = next.headers().clone();
            let event = next.text().await?;
            let answer = client.post(format!("{base}/7/response")).body("{}");
            answer.send().await?;
            Ok::<_, reqwest::Error>((headers, event))
        });
        api.polled().await;
        let invocation = Invocation::new("api", "7", Duration::from_secs(3), "[1]");
        let outcome = api.invoke(invocation).await.expect("it runs");
        assert!(matches!(outcome, Outcome::Response(body) if body == "{}"));
        let (headers, event) = process.await.expect("a task").expect("answers");
        assert_eq!(event, "[1]");
        assert_eq!(headers[REQUEST_ID], "7");
        let arn = headers["lambda-runtime-invoked-function-arn"].to_str();
        assert!(arn.expect("a text").ends_with(":function:api"));
        assert!(headers.contains_key("lambda-runtime-deadline-ms"));
    }
}
