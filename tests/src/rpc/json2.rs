//! JSON-2 (19 and later): `POST /json/2/<model>/<method>`, named arguments, real status codes.
//!
//! After `addons/rpc/controllers/json2.py` and `odoo/http.py`, `Json2Dispatcher`.

use serde_json::{Map, Value as Json, json};

use super::{Call, execute, methods};
use crate::error::OdooError;
use crate::pyjson::PyJson;
use crate::sim::State;

/// What a JSON-2 request says besides its body.
pub(crate) struct Request<'a> {
    pub(crate) model: &'a str,
    pub(crate) method: &'a str,
    /// `Authorization`.
    pub(crate) authorization: Option<&'a str>,
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
    let bearer = request
        .authorization
        .and_then(|header| header.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, key)) = bearer else {
        return Err(unauthorized(
            "User not authenticated, use an API Key with a Bearer Authorization header.",
        ));
    };
    let user = state
        .users
        .iter()
        .find(|user| user.api_key == key.trim())
        .ok_or_else(invalid_key)?;
    let mut kwargs = arguments(body)?;
    let named_ids = kwargs.remove("ids").unwrap_or_else(|| json!([]));
    let (model, method) = (request.model, request.method);
    if state.read_world().model(model).is_none() {
        return Err(not_found(&format!("the model '{model}' does not exist")));
    }
    if methods::takes_no_ids(method) && named_ids != json!([]) {
        return Err(unprocessable(format!(
            "cannot call {model}.{method} with ids"
        )));
    }
    let call = Call {
        model: model.to_owned(),
        method: method.to_owned(),
        named_ids: Some(named_ids),
        args: Vec::new(),
        kwargs,
    };
    execute(state, user, call, out).map_err(|error| match error.name {
        "builtins.TypeError" => unprocessable(error.message),
        "builtins.AttributeError" => not_found(&error.message),
        _ => error,
    })
}

/// The body: an object of named arguments. Other JSON is taken for none, as Odoo does.
fn arguments(body: &[u8]) -> Result<Map<String, Json>, OdooError> {
    match serde_json::from_slice(body) {
        Ok(Json::Object(arguments)) => Ok(arguments),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(OdooError::http(
            400,
            "werkzeug.exceptions.BadRequest",
            format!("could not parse the body as json: {error}"),
        )),
    }
}

/// A path that names no method.
pub(crate) fn no_route() -> OdooError {
    not_found("Did you mean POST /json/2/<model>/<method>?")
}

/// A key that is nobody's.
pub(crate) fn invalid_key() -> OdooError {
    unauthorized("Invalid apikey")
}

fn unauthorized(message: &str) -> OdooError {
    OdooError::http(401, "werkzeug.exceptions.Unauthorized", message)
}

fn unprocessable(message: impl Into<String>) -> OdooError {
    OdooError::http(422, "werkzeug.exceptions.UnprocessableEntity", message)
}

fn not_found(message: &str) -> OdooError {
    OdooError::http(404, "werkzeug.exceptions.NotFound", message)
}
