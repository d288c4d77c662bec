//! The side of Lambda's Runtime API (2018-06-01) that a function's process sees. What it is
//! asked and answers goes through channels to whoever runs the process.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// An event for the process, with the headers that tell of the invocation.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) event: Bytes,
}

/// What the process made of it.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Bytes),
    Error(Bytes),
}

/// A running server for one process; it ends when this is dropped.
pub(crate) struct RuntimeApi {
    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) address: String,
    invocations: mpsc::Sender<Invocation>,
    outcomes: mpsc::Receiver<Outcome>,
    server: JoinHandle<()>,
}

struct Shared {
    invocations: Mutex<mpsc::Receiver<Invocation>>,
    outcomes: mpsc::Sender<Outcome>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self> {
        let (invocations, receiver) = mpsc::channel(1);
        let (sender, outcomes) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            invocations: Mutex::new(receiver),
            outcomes: sender,
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
            server,
        })
    }

    /// Hands an invocation over, and waits for what comes of it.
    pub(crate) async fn invoke(&mut self, invocation: Invocation) -> Result<Outcome> {
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
