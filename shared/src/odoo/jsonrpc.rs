//! JSON-RPC: one address for everything, the password in every body, and status 200
//! whatever happens. Every Odoo up to 19 speaks it.

use http::HeaderMap;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::{Answer, Payload};
use super::call::{Call, context};
use super::fault::{Asked, Content};
use super::transport::Request;
use crate::config::OdooConfig;
use crate::error::Result;

const PATH: &str = "/jsonrpc";

/// Asks for the server's version; the one call that needs no database.
pub(crate) fn version_request() -> Request<'static> {
    request(Asked::service("version"), "common", "version", json!([]))
}

/// Exchanges login and password for the user's id.
pub(crate) fn authenticate_request(config: &OdooConfig) -> Request<'static> {
    request(
        Asked::service("authenticate"),
        "common",
        "authenticate",
        json!([
            config.database,
            config.user,
            config.password.expose_secret(),
            {}
        ]),
    )
}

/// A call as the user `uid`.
pub(crate) fn call_request<'a>(config: &OdooConfig, uid: i64, call: Call<'a>) -> Request<'a> {
    let mut named = call.named;
    named.insert("context".to_owned(), context(config));
    let positional: Vec<Value> = call
        .positional
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    request(
        Asked::call(call.model, call.method),
        "object",
        "execute_kw",
        json!([
            config.database,
            uid,
            config.password.expose_secret(),
            call.model,
            call.method,
            positional,
            named
        ]),
    )
}

fn request<'a>(asked: Asked<'a>, service: &str, method: &str, args: Value) -> Request<'a> {
    let body = json!({
        "jsonrpc": "2.0",
        "method": "call",
        "id": 1,
        "params": {"service": service, "method": method, "args": args},
    });
    Request::post(asked, PATH.to_owned(), HeaderMap::new(), &body)
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<WireError>,
}

/// The parts of an error that are looked at. `debug` and `arguments` are left where they are: they
/// hold tracebacks and values.
#[derive(Deserialize)]
struct WireError {
    #[serde(default)]
    data: ErrorData,
}

#[derive(Default, Deserialize)]
struct ErrorData {
    #[serde(default)]
    name: String,
    #[serde(default)]
    message: Value,
}

/// Takes the result out of an answer's envelope.
pub(crate) fn open(asked: &Asked<'_>, answer: Answer) -> Result<Payload> {
    let head = answer.head;
    let refused = |content: Content<'_>| head.refusal(content, asked);
    let text = answer.into_json(asked)?;
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(&text) else {
        return Err(refused(Content::Unreadable));
    };
    if let Some(error) = envelope.error {
        return Err(refused(Content::Fault {
            name: &error.data.name,
            message: error.data.message.as_str().unwrap_or_default(),
        }));
    }
    let Some(result) = envelope.result.filter(|_| head.is_success()) else {
        return Err(refused(Content::Unreadable));
    };
    let value = position(&text, result.get());
    Ok(Payload::within(text, value, head.server_time))
}

/// Where `part`, a slice of `text`, lies in it.
fn position(text: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}
