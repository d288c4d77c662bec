//! A Lambda Runtime API on loopback (AWS Lambda's HTTP interface of 2018-06-01), as far as a
//! function needs it: one event at a time out, one answer in.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;

/// The longest that Lambda lets a function run.
const INVOCATION_LIMIT: Duration = Duration::from_secs(900);

/// A Runtime API for one function; it ends when this is dropped.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    events: mpsc::Sender<Value>,
    answers: mpsc::Receiver<Value>,
    polled: Arc<Notify>,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Serves on a free port.
    pub(crate) async fn start() -> Result<Self> {
        let (events, to_send) = mpsc::channel(1);
        let (answered, answers) = mpsc::channel(1);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no port is free")?;
        let address = listener.local_addr().context("the port has no number")?;
        let polled = Arc::new(Notify::new());
        let routes = routes(Exchange {
            events: Mutex::new(to_send),
            answers: answered,
            polled: Arc::clone(&polled),
        });
        let server = tokio::spawn(async move {
            // It ends with the function, which then says so itself.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            address,
            events,
            answers,
            polled,
            server,
        })
    }

    /// The variables by which Lambda tells a function where it is and what it is called.
    pub(crate) fn variables(&self, function: &str) -> [(&'static str, String); 4] {
        [
            ("AWS_LAMBDA_RUNTIME_API", self.address.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", function.to_owned()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ]
    }

    /// Returns when the function has asked for an event since the last time.
    pub(crate) async fn polled(&self) {
        self.polled.notified().await;
    }

    /// Hands an event over; the function gets it when it asks.
    pub(crate) async fn send(&self, event: Value) -> Result<()> {
        let sent = self.events.send(event).await;
        sent.context("the Runtime API is gone")
    }

    /// What the function says to an event, be it a response or an error.
    pub(crate) async fn answer(&mut self) -> Result<Value> {
        let answer = self.answers.recv().await;
        answer.context("the Runtime API is gone")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Exchange {
    events: Mutex<mpsc::Receiver<Value>>,
    answers: mpsc::Sender<Value>,
    polled: Arc<Notify>,
}

fn routes(exchange: Exchange) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/{outcome}",
            post(answered),
        )
        .with_state(Arc::new(exchange))
}

async fn next(State(exchange): State<Arc<Exchange>>) -> Response {
    exchange.polled.notify_one();
    let Some(event) = exchange.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        + INVOCATION_LIMIT;
    let headers = [
        ("lambda-runtime-aws-request-id", "local".to_owned()),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:local".to_owned(),
        ),
    ];
    (headers, event.to_string()).into_response()
}

/// A response and an error are both passed on as they are: only the first says `success`.
async fn answered(
    State(exchange): State<Arc<Exchange>>,
    Path(_): Path<(String, String)>,
    body: String,
) -> StatusCode {
    let answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
    // Nobody listens where the caller is ending.
    let _ = exchange.answers.send(answer).await;
    StatusCode::ACCEPTED
}

#[cfg(test)]
mod tests {
    use super::RuntimeApi;
    use serde_json::json;

    #[tokio::test]
    async fn hands_an_event_over_and_takes_the_answer() {
        let mut api = RuntimeApi::start().await.expect("a port");
        let base = format!("http://{}/2018-06-01/runtime/invocation", api.address);
        let client = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");

        api.send(json!({"mode": "full"})).await.expect("it waits");
        let next = client
            .get(format!("{base}/next"))
            .send()
            .await
            .expect("an answer");
        api.polled().await;
        assert!(next.headers().contains_key("lambda-runtime-deadline-ms"));
        assert_eq!(next.text().await.expect("text"), r#"{"mode":"full"}"#);
        let answer = client
            .post(format!("{base}/local/response"))
            .body(r#"{"success":true}"#);
        answer.send().await.expect("an answer");
        let answer = api.answer().await.expect("it was sent");
        assert_eq!(answer, json!({"success": true}));
    }
}
