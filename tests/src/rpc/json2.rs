//! JSON-2 (19 and later): `POST /json/2/<model>/<method>`, named arguments, real status codes.
//!
//! After `addons/rpc/controllers/json2.py` and `odoo/http.py`, `Json2Dispatcher`.

use serde_json::{Map, Value as Json, json};

use super::{Call, execute};
use crate::error::OdooError;
use crate::pyjson::PyJson;
use crate::sim::State;

/// What a JSON-2 request says besides its body.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a str,
    pub(crate) method: &'a str,
    /// `Authorization`.
    pub(crate) authorization: Option<&'a str>,
    /// `X-Odoo-Database`.
    pub(crate) database: Option<&'a str>,
}

/// Status and body.
pub(crate) fn answer(state: &State, request: &Request<'_>, body: &[u8]) -> (u16, Vec<u8>) {
    let mut out = PyJson::new(false);
    match dispatch(state, request, body, &mut out) {
        Ok(()) => (200, out.out),
        Err(error) => (error.status, fault(&error)),
    }
}

/// The body that tells an error.
pub(crate) fn fault(error: &OdooError) -> Vec<u8> {
    let mut out = PyJson::new(false);
    out.json(&json!({
        "name": error.name,
        "message": error.message,
        "arguments": error.arguments,
        "context": {},
        "debug": error.debug(),
    }));
    out.out
}

fn dispatch(
    state: &State,
    request: &Request<'_>,
    body: &[u8],
    out: &mut PyJson,
) -> Result<(), OdooError> {
    if request
        .database
        .is_some_and(|database| database != state.database)
    {
        return Err(not_found("No database is selected"));
    }
    let Some(authorization) = request.authorization else {
        return Err(unauthorized(
            "User not authenticated, use the 'Authorization' header",
        ));
    };
    let key = authorization
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    let user = state
        .users
        .iter()
        .find(|user| Some(user.api_key.as_str()) == key)
        .ok_or_else(invalid_key)?;
    let kwargs: Map<String, Json> = serde_json::from_slice(body).map_err(|_| {
        OdooError::http(
            400,
            "werkzeug.exceptions.BadRequest",
            "could not parse the body as json: expected an object",
        )
    })?;
    let mut call = Call {
        model: request.model.to_owned(),
        method: request.method.to_owned(),
        args: Vec::new(),
        kwargs,
    };
    if state.read_world().model(request.model).is_none() {
        return Err(not_found(&format!(
            "the model '{}' does not exist",
            request.model
        )));
    }
    // Called on no records where no ids are named.
    call.kwargs.entry("ids").or_insert_with(|| json!([]));
    if !super::methods::is_on_records(&call.method) {
        call.kwargs.remove("ids");
    }
    execute(state, user, call, out).map_err(|error| match error.name {
        "builtins.TypeError" => OdooError::http(
            422,
            "werkzeug.exceptions.UnprocessableEntity",
            error.message,
        ),
        "builtins.AttributeError" => not_found(&error.message),
        _ => error,
    })
}

/// A key that is nobody's.
pub(crate) fn invalid_key() -> OdooError {
    unauthorized("Invalid apikey")
}

fn unauthorized(message: &str) -> OdooError {
    OdooError::http(401, "werkzeug.exceptions.Unauthorized", message)
}

fn not_found(message: &str) -> OdooError {
    OdooError::http(404, "werkzeug.exceptions.NotFound", message)
}
