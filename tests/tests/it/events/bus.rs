//! EventBridge's `PutEvents` (AWS JSON 1.1) as far as the function uses it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::function::Function;
use crate::support::shop::Shop;

/// What the bus makes of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// Takes it.
    Takes,
    /// Answers 200 and refuses the entry, as EventBridge does.
    RefusesEntries,
    /// Answers 400.
    RefusesRequests,
}

/// A bus that remembers what it was told.
pub(super) struct Bus {
    url: String,
    heard: Arc<Mutex<Vec<Value>>>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    mood: Mood,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Bus {
    pub(super) async fn start(mood: Mood) -> Self {
        let heard = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Shared {
            mood,
            heard: Arc::clone(&heard),
        };
        let app = Router::new().fallback(put_events).with_state(shared);
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        Self { url, heard, server }
    }

    /// Starts `sync-products` with this bus.
    pub(super) async fn function(&self, shop: &mut Shop) -> Function {
        shop.environment.extend(variables(&self.url));
        shop.function().await
    }

    /// The entries that came, whatever became of them; each one's detail is read.
    pub(super) fn heard(&self) -> Vec<Value> {
        self.heard.lock().expect("no test panics with it").clone()
    }

    /// Closes its port.
    pub(super) async fn stop(&mut self) {
        self.server.abort();
        // An error says that it was ended, which it was.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The variables that lead the AWS SDK to a bus.
pub(super) fn variables(url: &str) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", url.to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "schluessel-des-busses".to_owned()),
        ("SYNC_EVENT_BUS", "test-bus".to_owned()),
    ]
}

async fn put_events(State(bus): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_put_events = header("x-amz-target") == Some("AWSEvents.PutEvents")
        && header("content-type") == Some("application/x-amz-json-1.1")
        && header("authorization").is_some_and(|it| it.starts_with("AWS4-HMAC-SHA256 "));
    if !is_put_events {
        return StatusCode::NOT_FOUND.into_response();
    }
    let request: Value = serde_json::from_str(&body).expect("JSON");
    let entries = request["Entries"].as_array().expect("entries");
    for entry in entries {
        let mut entry = entry.clone();
        let detail = entry["Detail"].as_str().expect("a text");
        entry["Detail"] = serde_json::from_str(detail).expect("JSON in the detail");
        bus.heard
            .lock()
            .expect("no test panics with it")
            .push(entry);
    }
    let (status, answer) = match bus.mood {
        Mood::Takes => (
            200,
            json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
        ),
        Mood::RefusesEntries => (
            200,
            json!({"FailedEntryCount": 1, "Entries": [
                {"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "no"}
            ]}),
        ),
        Mood::RefusesRequests => (
            400,
            json!({"__type": "ResourceNotFoundException", "message": "Event bus test-bus does not exist."}),
        ),
    };
    let status = StatusCode::from_u16(status).expect("a status");
    let content_type = [("content-type", "application/x-amz-json-1.1")];
    (status, content_type, answer.to_string()).into_response()
}
