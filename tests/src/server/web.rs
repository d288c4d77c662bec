//! The few pages of Odoo's website that a client of its data meets.

use serde_json::{Value as Json, json};

use super::route::Answer;
use super::trouble::LOGIN_PAGE;
use crate::rpc::{json2, jsonrpc};
use crate::sim::State;

const NOT_FOUND: &str = "<!DOCTYPE html>\n<html>\n<head><title>Odoo</title></head>\n<body><h1>404: \
    Page not found!</h1></body>\n</html>\n";

/// A path outside of the two protocols.
pub(super) fn answer(state: &State, path: &str, json: bool) -> Answer {
    let behaviour = state.version.behaviour();
    match path {
        "web/version" if behaviour.has_json2 => {
            let info = json!({
                "version_info": [state.version.major(), 0, 0, "final", 0, ""],
                "version": behaviour.server_version,
            });
            Answer::json(200, info.to_string().into_bytes())
        }
        "web/webclient/version_info" if json => {
            let info = jsonrpc::version_info(state);
            Answer::json(200, jsonrpc::result(state, &Json::Null, &info))
        }
        "jsonrpc" => not_json(state),
        "web/login" | "web" | "" => Answer::html(200, LOGIN_PAGE),
        path if behaviour.has_json2 && path.starts_with("json/2") => {
            Answer::json(404, json2::fault(&json2::no_route()))
        }
        _ if json && !behaviour.has_json2 => Answer::json(404, jsonrpc::not_found(state)),
        _ => Answer::html(404, NOT_FOUND),
    }
}

/// A call whose body is not said to be JSON.
pub(super) fn not_json(state: &State) -> Answer {
    if state.version.behaviour().has_json2 {
        Answer::html(
            415,
            "<!doctype html>\n<title>415 Unsupported Media Type</title>\n<p>Please verify the \
             Content-Type request header and try again.</p>\n",
        )
    } else {
        Answer::html(
            400,
            "<title>400 Bad Request</title>\n<p>Session expired (invalid CSRF token)</p>\n",
        )
    }
}

/// JSON-2 for a database that is not there: answered before any controller is known.
pub(super) fn no_database() -> Answer {
    Answer::html(
        404,
        "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is \
         selected and the requested URL was not found in the server-wide controllers.</p>\n",
    )
}
