//! JSON-2: an address for each method, arguments by name, an API key in the header, and
//! HTTP's own status codes. Odoo 19 and later.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Payload};
use super::call::{Call, context};
use super::fault::{Asked, Content};
use super::transport::Request;
use crate::config::OdooConfig;
use crate::error::Result;

const DATABASE_HEADER: HeaderName = HeaderName::from_static("x-odoo-database");

/// The headers that say who calls and which database is meant. `None` where the password or the
/// name of the database cannot stand in a header: then it is no API key.
pub(crate) fn credentials(config: &OdooConfig) -> Option<HeaderMap> {
    let key = format!("bearer {}", config.password.expose_secret());
    let mut key = HeaderValue::from_str(&key).ok()?;
    key.set_sensitive(true);
    let database = HeaderValue::from_str(&config.database).ok()?;
    Some(HeaderMap::from_iter([
        (header::AUTHORIZATION, key),
        (DATABASE_HEADER, database),
    ]))
}

/// Asks for the server's version, which needs neither key nor database.
pub(crate) fn version_request() -> Request<'static> {
    Request::get(Asked::service("version"), "/web/version".to_owned())
}

/// The cheapest question that only a valid key gets an answer to.
pub(crate) fn key_check_request(credentials: &HeaderMap) -> Request<'static> {
    let asked = Asked::call("res.users", "context_get").to_an_odoo();
    let path = "/json/2/res.users/context_get".to_owned();
    Request::post(
        asked,
        path,
        credentials.clone(),
        &Value::Object(Default::default()),
    )
}

/// A call with the key in `credentials`.
pub(crate) fn call_request<'a>(
    config: &OdooConfig,
    credentials: &HeaderMap,
    call: Call<'a>,
) -> Request<'a> {
    let mut body = call.named;
    body.insert("context".to_owned(), context(config));
    for (name, value) in call.positional {
        body.insert(name.to_owned(), value);
    }
    Request::post(
        Asked::call(call.model, call.method).proven(),
        format!("/json/2/{}/{}", call.model, call.method),
        credentials.clone(),
        &Value::Object(body),
    )
}

/// The parts of an error that are looked at. `debug` and `arguments` are left where they are: they
/// hold tracebacks and values.
#[derive(Deserialize)]
struct WireError {
    name: String,
    #[serde(default)]
    message: Value,
}

/// The answer's value, or the fault that it tells of.
pub(crate) fn open(asked: &Asked<'_>, answer: Answer) -> Result<Payload> {
    let head = answer.head;
    let refused = |content: Content<'_>| head.refusal(content, asked);
    let text = answer.into_json(asked)?;
    if head.is_success() {
        return Ok(Payload::whole(text, head.server_time));
    }
    match serde_json::from_str::<WireError>(&text) {
        Ok(error) => Err(refused(Content::Fault {
            name: &error.name,
            message: error.message.as_str().unwrap_or_default(),
        })),
        Err(_) => Err(refused(Content::Unreadable)),
    }
}
