//! Triggers from any text, for `crate::fuzzing`.

use serde_json::Value;
use serde_json::value::RawValue;

use super::http::{self, HttpRequest, Refusal};
use super::outcome;
use super::response;
use super::trigger::{self, Invocation};
use crate::api::query::Query;
use crate::api::route::Route;
use crate::error::Result;
use crate::sync::request::SyncRequest;

const KEY: &str = "key";

/// Reads an event as every function does that may get it.
pub(crate) fn read(event: &RawValue) {
    if let Ok(event) = serde_json::from_str::<Value>(event.get()) {
        let _ = outcome::read(&event);
    }
    match trigger::read(event) {
        Invocation::Direct { request, .. } => check_request(&request),
        Invocation::Http(Ok(request)) => answer(request),
        Invocation::Http(Err(error)) => check_refusal(&Refusal::from(error)),
    }
}

/// What was understood is the same once it has been through the bus.
fn check_request(request: &Result<SyncRequest>) {
    let Ok(request) = request else {
        return;
    };
    assert_eq!(request.run_id.is_some(), request.slice.is_some());
    let sent = serde_json::to_value(request).expect("a request has text keys only");
    let heard = SyncRequest::from_json(sent).expect("what we send is allowed");
    assert_eq!(heard, *request);
}

/// Nobody gets in without the key; who has it gets an answer.
fn answer(mut request: HttpRequest) {
    match http::accept_by_key(&request, None, &[]) {
        Ok(_) => panic!("open by default"),
        Err(refusal) => check_refusal(&refusal),
    }
    let is_let_in = http::is_key(&request, KEY);
    let has_key = request.authorization.as_deref().is_some_and(|sent| {
        sent.to_ascii_lowercase().starts_with("bearer ") && sent.ends_with(KEY)
    });
    assert!(has_key || !is_let_in, "let in without the key");

    request.authorization = Some(format!("Bearer {KEY}"));
    match http::accept_by_key(&request, Some(KEY), &[]) {
        Ok(form) => check_request(&form),
        Err(refusal) => check_refusal(&refusal),
    }
    if let Some(route) = Route::find(&request.path)
        && let Ok(query) = Query::parse(&request.query, route.parameters())
    {
        let _ = (query.data_types(), query.limit(), query.severity());
        let _ = (query.flag("deep"), query.flag("force"));
    }
}

fn check_refusal(refusal: &Refusal) {
    assert!((400..600).contains(&refusal.status), "{}", refusal.status);
    assert!(response::refusal(refusal).is_object());
}
