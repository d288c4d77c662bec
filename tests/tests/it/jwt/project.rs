//! A Supabase project, as far as anybody asks it: its keys, and what its tokens say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::keys::Key;
use crate::http::event::{ask, request_to};
use crate::support::function::{Environment, Function};

/// A running project; it ends when this is dropped.
pub(super) struct Project {
    pub(super) url: String,
    shared: Shared,
    server: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Shared {
    keys: Arc<Mutex<Vec<Value>>>,
    /// In place of the keys.
    answer: Arc<Mutex<Option<(u16, String)>>>,
    fetches: Arc<AtomicUsize>,
}

impl Project {
    /// Starts one that publishes these keys.
    pub(super) async fn with(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Shared::default();
        let app = Router::new()
            .route("/auth/v1/.well-known/jwks.json", get(keys_of))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        let project = Self {
            url,
            shared,
            server,
        };
        project.publish(keys);
        project
    }

    /// Publishes these keys and no others.
    pub(super) fn publish(&self, keys: &[&Key]) {
        let published = keys.iter().map(|key| key.published()).collect();
        *self.shared.keys.lock().expect("no test panics with it") = published;
    }

    /// Answers with this from now on.
    pub(super) fn answer_with(&self, status: u16, body: &str) {
        let answer = Some((status, body.to_owned()));
        *self.shared.answer.lock().expect("no test panics with it") = answer;
    }

    /// How often it was asked for its keys.
    pub(super) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// The claims of a user who may call, for an hour.
    pub(super) fn claims(&self) -> Value {
        json!({
            "iss": format!("{}/auth/v1", self.url), "aud": "authenticated", "exp": now() + 3600,
            "iat": now(), "sub": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "role": "authenticated",
            "app_metadata": {"role": "sync_admin"},
        })
    }

    /// The variables that let its users in, beside the key.
    pub(super) fn environment(&self) -> Environment {
        [
            ("SUPABASE_URL", self.url.clone()),
            ("SYNC_JWT_CLAIM", "app_metadata.role=sync_admin".to_owned()),
            ("SYNC_API_KEY", crate::http::event::KEY.to_owned()),
            ("SYNC_EVENT_BUS", String::new()),
            ("RUST_LOG", "trace".to_owned()),
        ]
        .into()
    }

    /// Starts a function with these variables.
    pub(super) async fn function(&self, name: &str) -> Function {
        Function::start(name, &self.environment()).await
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn keys_of(State(project): State<Shared>) -> Response {
    project.fetches.fetch_add(1, Ordering::SeqCst);
    let answer = project
        .answer
        .lock()
        .expect("no test panics with it")
        .clone();
    if let Some((status, body)) = answer {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, body).into_response();
    }
    let keys = project.keys.lock().expect("no test panics with it").clone();
    axum::Json(json!({"keys": keys})).into_response()
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_secs()
}

/// Asks any of the functions with this bearer, for what needs neither Odoo nor Postgres: a request that is let in gets 400.
pub(super) async fn knock(function: &mut Function, bearer: &str) -> (u64, Value) {
    let bearer = format!("Bearer {bearer}");
    let event = request_to("POST", "/api/sync/products", Some(&bearer), Some("{"));
    ask(function, &event).await
}
