//! EventBridge's `PutEvents` and `DescribeEventBus` (AWS JSON 1.1) as far as the functions use them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

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
pub(crate) enum Mood {
    /// Takes it.
    Takes,
    /// Answers 200 and refuses the entry, as EventBridge does.
    RefusesEntries,
    /// Takes the first entry of the next call and refuses the others; then takes all.
    RefusesOthersOnce,
    /// Answers 400.
    RefusesRequests,
}

/// A bus that remembers what it was told.
pub(crate) struct Bus {
    url: String,
    shared: Shared,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Shared {
    mood: Arc<Mutex<Mood>>,
    heard: Arc<Mutex<Vec<Value>>>,
    taken: Arc<Mutex<Vec<Value>>>,
    delay: Arc<Mutex<Duration>>,
}

impl Bus {
    pub(crate) async fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let shared = Shared {
            mood: Arc::new(Mutex::new(mood)),
            heard: Arc::default(),
            taken: Arc::default(),
            delay: Arc::default(),
        };
        let app = Router::new()
            .fallback(put_events)
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        Self {
            url,
            shared,
            server,
        }
    }

    /// The variables that lead a function to it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 5] {
        variables(&self.url)
    }

    /// Makes something else of what comes from now on.
    pub(crate) fn set_mood(&self, mood: Mood) {
        *self.shared.mood.lock().expect("no test panics with it") = mood;
    }

    /// Lets whoever sends something wait for so long, before it is looked at.
    pub(crate) fn answer_after(&self, delay: Duration) {
        *self.shared.delay.lock().expect("no test panics with it") = delay;
    }

    /// The entries that it took, as [`Bus::heard`] has them.
    pub(crate) fn taken(&self) -> Vec<Value> {
        self.shared
            .taken
            .lock()
            .expect("no test panics with it")
            .clone()
    }

    /// Starts `sync-products` with this bus.
    pub(crate) async fn function(&self, shop: &mut Shop) -> Function {
        shop.environment.extend(variables(&self.url));
        shop.function().await
    }

    /// The entries that came, whatever became of them; each one's detail is read.
    pub(crate) fn heard(&self) -> Vec<Value> {
        self.shared
            .heard
            .lock()
            .expect("no test panics with it")
            .clone()
    }

    /// The last entry that came, as the event that it delivers; it asks for a run or a slice.
    pub(crate) fn last_request(&self) -> Value {
        let entry = self.heard().pop().expect("an event");
        assert_eq!(entry["DetailType"], "Sync Requested", "{entry}");
        requested(&entry["Detail"])
    }

    /// Closes its port.
    pub(crate) async fn stop(&mut self) {
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

/// `Sync Requested` as a bus delivers it.
pub(crate) fn requested(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": "odoo.sync", "detail-type": "Sync Requested", "detail": detail
    })
}

/// The variables that lead the AWS SDK to a bus.
pub(crate) fn variables(url: &str) -> [(&'static str, String); 5] {
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
    if header("x-amz-target") == Some("AWSEvents.DescribeEventBus") {
        return axum::Json(json!({"Name": "test-bus"})).into_response();
    }
    let is_put_events = header("x-amz-target") == Some("AWSEvents.PutEvents")
        && header("content-type") == Some("application/x-amz-json-1.1")
        && header("authorization").is_some_and(|it| it.starts_with("AWS4-HMAC-SHA256 "));
    if !is_put_events {
        return StatusCode::NOT_FOUND.into_response();
    }
    let delay = *bus.delay.lock().expect("no test panics with it");
    tokio::time::sleep(delay).await;
    let request: Value = serde_json::from_str(&body).expect("JSON");
    let entries = request["Entries"].as_array().expect("entries");
    assert!(entries.len() <= 10, "more than a call may hold");
    let mut mood = bus.mood.lock().expect("no test panics with it");
    let mut answers = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut entry = entry.clone();
        let detail = entry["Detail"].as_str().expect("a text");
        entry["Detail"] = serde_json::from_str(detail).expect("JSON in the detail");
        let is_taken = match *mood {
            Mood::Takes => true,
            Mood::RefusesOthersOnce => index == 0,
            Mood::RefusesEntries | Mood::RefusesRequests => false,
        };
        let keep = |list: &Mutex<Vec<Value>>| {
            let mut list = list.lock().expect("no test panics with it");
            list.push(entry.clone());
        };
        keep(&bus.heard);
        if is_taken {
            keep(&bus.taken);
            answers.push(json!({"EventId": index.to_string()}));
        } else {
            answers.push(json!({"ErrorCode": "NotAuthorizedForSource", "ErrorMessage": "no"}));
        }
    }
    let (status, answer) = match *mood {
        Mood::RefusesRequests => (
            400,
            json!({"__type": "ResourceNotFoundException", "message": "Event bus test-bus does not exist."}),
        ),
        _ => {
            let refused = answers.iter().filter(|it| it["EventId"].is_null()).count();
            (
                200,
                json!({"FailedEntryCount": refused, "Entries": answers}),
            )
        }
    };
    if *mood == Mood::RefusesOthersOnce {
        *mood = Mood::Takes;
    }
    let status = StatusCode::from_u16(status).expect("a status");
    let content_type = [("content-type", "application/x-amz-json-1.1")];
    (status, content_type, answer.to_string()).into_response()
}
