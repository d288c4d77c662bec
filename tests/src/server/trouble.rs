//! Injected faults as a client meets them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::Value as Json;

use super::connection::Peer;
use super::route::{Answer, respond as plain};
use crate::error::OdooError;
use crate::faults::Fault;
use crate::rpc::{json2, jsonrpc};
use crate::sim::SimHandle;

/// Longer than any client waits.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// What Odoo answers a browser with, and a client with a wrong URL.
pub(super) const LOGIN_PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>Login | \
    Odoo</title></head>\n<body><form class=\"oe_login_form\" action=\"/web/login\" \
    method=\"post\"><input name=\"login\"/><input name=\"password\" type=\"password\"/></form>\
    </body>\n</html>\n";

/// The answer with its fault. `answer` makes the right one; it is asked only where it would have
/// been made.
pub(super) async fn respond(
    sim: &SimHandle,
    peer: &Peer,
    fault: &Fault,
    body: &[u8],
    method: &str,
    answer: impl FnOnce() -> Answer,
) -> Response {
    let odoo = |error: OdooError| plain(sim, raised(sim, body, method, error));
    match fault {
        Fault::Hang => {
            tokio::time::sleep(FOREVER).await;
            plain(sim, answer())
        }
        Fault::Delay(time) => {
            tokio::time::sleep(*time).await;
            plain(sim, answer())
        }
        Fault::Reset => {
            peer.reset();
            plain(sim, Answer::html(500, ""))
        }
        Fault::CutBody { after } => cut_body(sim, answer(), *after),
        Fault::CutJson { after } => {
            let mut answer = answer();
            answer.body.truncate(*after);
            plain(sim, answer)
        }
        Fault::Status {
            status,
            retry_after,
        } => {
            let mut response = plain(sim, Answer::html(*status, proxy_page(*status)));
            if let Some(value) = retry_after
                .as_ref()
                .and_then(|it| HeaderValue::try_from(it).ok())
            {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            response
        }
        Fault::LoginPage => plain(sim, Answer::html(200, LOGIN_PAGE)),
        Fault::Body(text) => plain(sim, Answer::json(200, text.clone().into_bytes())),
        Fault::SerializationFailure => odoo(OdooError::serialization()),
        Fault::DatabaseDown => odoo(OdooError::database_down()),
        Fault::NoDatabase => odoo(OdooError::no_database(sim.database())),
        Fault::AccessDenied => odoo(OdooError::access_denied()),
        Fault::AccessError => odoo(OdooError::access(
            "You are not allowed to access these records.",
        )),
        Fault::UnknownModel => odoo(OdooError::user("Object no.such.model doesn't exist")),
        Fault::UnknownField => odoo(OdooError::value(
            "Invalid field 'no_such_field' on model 'no.such.model'",
        )),
    }
}

/// An exception in the form of the protocol that the request came by.
fn raised(sim: &SimHandle, body: &[u8], method: &str, error: OdooError) -> Answer {
    let request = jsonrpc::Request::parse(body);
    if request.is_none() {
        let error = match error.name {
            "odoo.exceptions.AccessDenied" => json2::invalid_key(),
            _ => error,
        };
        return Answer::json(error.status, json2::fault(&error));
    }
    let id = jsonrpc::id_of(request.as_ref());
    if method == "authenticate" && error.name == "odoo.exceptions.AccessDenied" {
        return Answer::json(200, jsonrpc::result(&sim.state, &id, &Json::Bool(false)));
    }
    Answer::json(200, jsonrpc::fault(&sim.state, &id, &error))
}

/// Announces the whole body and sends its beginning.
fn cut_body(sim: &SimHandle, mut answer: Answer, after: usize) -> Response {
    let whole = answer.body.len();
    let sent = answer.body.drain(..after.min(whole)).collect::<Vec<u8>>();
    let mut response = plain(sim, answer);
    let cut = stream::iter([Err(std::io::Error::from(
        std::io::ErrorKind::ConnectionAborted,
    ))]);
    let parts = stream::iter([Ok(Bytes::from(sent))]).chain(cut);
    *response.body_mut() = Body::from_stream(parts);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
    // Named so that it is not compressed: the cut is counted in bytes of the text.
    headers.insert(
        header::CONTENT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    response
}

fn proxy_page(status: u16) -> String {
    let reason = axum::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} \
         {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
}
