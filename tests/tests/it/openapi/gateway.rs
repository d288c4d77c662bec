//! API Gateway in front of the functions, as far as a client can tell: it describes each
//! request as payload 2.0 does and sends it to the function that the route belongs to, `api`
//! where there is none (`$default`). One request a function at a time, as Lambda does it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::specs::REGISTRY;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::http::event::request_to;
use crate::support::function::{Answer, Environment, Function};

/// What API Gateway takes at most is ten megabytes.
const MAX_BODY: usize = 10 * 1024 * 1024;

type Functions = Arc<BTreeMap<String, Mutex<Function>>>;

/// A running gateway.
pub(super) struct Gateway {
    pub(super) url: String,
    server: JoinHandle<()>,
}

impl Gateway {
    /// Serves all functions.
    pub(super) async fn start(environment: &Environment) -> Self {
        let mut functions = BTreeMap::new();
        let api = Function::start("api", environment).await;
        functions.insert(String::new(), Mutex::new(api));
        for spec in REGISTRY {
            let function = Function::start(&spec.function_name(), environment).await;
            let route = format!("POST /api/sync/{}", spec.name);
            functions.insert(route, Mutex::new(function));
        }
        let fan_out = Function::start("sync-all", environment).await;
        functions.insert("POST /api/sync/all".to_owned(), Mutex::new(fan_out));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let app = Router::new().fallback(pass).with_state(Arc::new(functions));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.expect("a server");
        });
        Self { url, server }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(State(functions): State<Functions>, request: Request) -> Response {
    let route = format!("{} {}", request.method(), request.uri().path());
    let event = describe(request).await;
    let function = functions.get(&route).unwrap_or(&functions[""]);
    match function.lock().await.invoke(&event).await {
        Answer::Response(answer) => respond(&answer),
        // A crash of a function is an error of the gateway's, without a word on it.
        Answer::Error(_) | Answer::Died => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn describe(request: Request) -> Value {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let body = (!body.is_empty()).then(|| String::from_utf8_lossy(&body).into_owned());
    let target = parts
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    let mut event = request_to(parts.method.as_str(), target, None, body.as_deref());
    for (name, value) in &parts.headers {
        event["headers"][name.as_str()] = json!(String::from_utf8_lossy(value.as_bytes()));
    }
    event
}

fn respond(answer: &Value) -> Response {
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|it| u16::try_from(it).ok());
    let mut response = Response::builder().status(status.expect("a status"));
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().expect("a text"));
    }
    let body = answer["body"].as_str().unwrap_or_default().to_owned();
    response.body(Body::from(body)).expect("a response")
}
