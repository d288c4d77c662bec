//! Each request's way: noted down, hooks run, faults struck, answered.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::connection::Peer;
use super::{control, trouble, web};
use crate::requests::{Protocol, SeenRequest};
use crate::rpc::{json2, jsonrpc};
use crate::sim::{SimHandle, State};

/// A request, sorted by where it goes.
pub(super) enum Target {
    JsonRpc(Option<jsonrpc::Request>),
    Json2 {
        model: String,
        method: String,
    },
    /// Everything else, by its path.
    Web(String),
}

/// An answer before it becomes HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, body: Vec<u8>) -> Self {
        Answer {
            status,
            content_type: "application/json; charset=utf-8",
            body,
        }
    }

    pub(super) fn html(status: u16, body: impl Into<String>) -> Self {
        Answer {
            status,
            content_type: "text/html; charset=utf-8",
            body: body.into().into_bytes(),
        }
    }
}

/// Answers any request.
pub(super) async fn handle(
    Shared(sim): Shared<SimHandle>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return respond(&sim, Answer::html(400, "<h1>Bad Request</h1>"));
    };
    if let Some(command) = path.strip_prefix("/_sim/") {
        return respond(&sim, control::answer(&sim, &head.method, command, &body));
    }
    let state = &sim.state;
    let target = target(state, &head.method, &path, &body);
    let seen = seen(&target, &body);
    let (method, model) = (seen.method.clone(), seen.model.clone());
    let ticket = state.log.arrived(seen);
    for hook in state.faults.hooks_for(&method, &model) {
        // A test's closure may block; its panic is reported where the request's is.
        if tokio::task::spawn_blocking(hook).await.is_err() {
            return respond(&sim, Answer::html(500, "<h1>a hook panicked</h1>"));
        }
    }
    if !state.faults.delay().is_zero() {
        tokio::time::sleep(state.faults.delay()).await;
    }
    if state.faults.refuses() {
        peer.reset();
    }
    let fault = state.faults.for_request(&method, &model);
    let answer = || answer(state, target, &head.headers, &body);
    let response = match fault {
        None => respond(&sim, noted(&ticket, answer())),
        Some(fault) => {
            trouble::respond(&sim, &peer, &fault, &body, &method, || {
                noted(&ticket, answer())
            })
            .await
        }
    };
    if ticket_status(&response) != 200 {
        ticket.answered(ticket_status(&response), 0);
    }
    response
}

fn noted(ticket: &crate::requests::Ticket<'_>, answer: Answer) -> Answer {
    ticket.answered(answer.status, answer.body.len());
    answer
}

fn ticket_status(response: &Response) -> u16 {
    response.status().as_u16()
}

fn target(state: &State, method: &Method, path: &str, body: &[u8]) -> Target {
    if path == "/jsonrpc" && method == Method::POST {
        return Target::JsonRpc(jsonrpc::Request::parse(body));
    }
    if let Some(rest) = path.strip_prefix("/json/2/") {
        let has = state.version.behaviour().has_json2 && method == Method::POST;
        if let (true, Some((model, method))) = (has, rest.split_once('/')) {
            return Target::Json2 {
                model: model.to_owned(),
                method: method.to_owned(),
            };
        }
    }
    Target::Web(path.trim_start_matches('/').to_owned())
}

fn seen(target: &Target, body: &[u8]) -> SeenRequest {
    let mut seen = SeenRequest {
        protocol: Protocol::Web,
        method: String::new(),
        model: String::new(),
        ids: Vec::new(),
        limit: None,
        domain: None,
        context: None,
        request_bytes: body.len(),
        response_bytes: 0,
        status: 0,
        at: Timestamp::now(),
    };
    match target {
        Target::JsonRpc(request) => {
            seen.protocol = Protocol::JsonRpc;
            let Some(request) = request else { return seen };
            let (model, method) = request.target();
            (seen.model, seen.method) = (model.to_owned(), method.to_owned());
            if let Some(first) = request.positional().first() {
                match seen.method.as_str() {
                    "search" | "search_read" | "search_count" => seen.domain = Some(first.clone()),
                    _ => seen.ids = ids(first),
                }
            }
            note_arguments(&mut seen, request.named());
        }
        Target::Json2 { model, method } => {
            seen.protocol = Protocol::Json2;
            (seen.model, seen.method) = (model.clone(), method.clone());
            let named: Option<Map<String, Json>> = serde_json::from_slice(body).ok();
            note_arguments(&mut seen, named.as_ref());
        }
        Target::Web(path) => seen.method = path.clone(),
    }
    seen
}

fn note_arguments(seen: &mut SeenRequest, named: Option<&Map<String, Json>>) {
    let Some(named) = named else { return };
    if let Some(listed) = named.get("ids") {
        seen.ids = ids(listed);
    }
    let size = named.get("limit").and_then(Json::as_u64);
    seen.limit = size.and_then(|size| usize::try_from(size).ok());
    if let Some(domain) = named.get("domain") {
        seen.domain = Some(domain.clone());
    }
    seen.context = named.get("context").cloned();
}

fn ids(json: &Json) -> Vec<i64> {
    json.as_array()
        .map(|ids| ids.iter().filter_map(Json::as_i64).collect())
        .unwrap_or_default()
}

fn answer(state: &State, target: Target, headers: &HeaderMap, body: &[u8]) -> Answer {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let json = header("content-type").is_some_and(|it| it.starts_with("application/json"));
    match target {
        Target::JsonRpc(_) | Target::Json2 { .. } if !json => web::not_json(state),
        Target::JsonRpc(Some(request)) => Answer::json(200, jsonrpc::answer(state, request)),
        Target::JsonRpc(None) => Answer::html(400, "<h1>Bad Request</h1><p>Invalid JSON data</p>"),
        Target::Json2 { model, method } => {
            if header("x-odoo-database").is_some_and(|database| database != state.database) {
                return web::no_database();
            }
            let request = json2::Request {
                model: &model,
                method: &method,
                authorization: header("authorization"),
            };
            let (status, body) = json2::answer(state, &request, body);
            Answer::json(status, body)
        }
        Target::Web(path) => web::answer(state, &path, json),
    }
}

/// The answer as HTTP, dated by Odoo's clock.
pub(super) fn respond(sim: &SimHandle, answer: Answer) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    if answer.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers.insert(header::SERVER, HeaderValue::from_static("Werkzeug"));
    let date =
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&sim.clock().now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        headers.insert(header::DATE, date);
    }
    response
}
