//! JSON-RPC: `POST /jsonrpc`, services `common` and `object`. Everything is answered with 200.

use serde_json::{Value as Json, json};

use super::{Call, User, execute};
use crate::error::OdooError;
use crate::pyjson::PyJson;
use crate::sim::State;

/// A JSON-RPC request, as far as it could be read.
pub(crate) struct Request {
    id: Json,
    service: String,
    method: String,
    args: Vec<Json>,
}

impl Request {
    /// None where the body is no JSON-RPC call.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let mut json: Json = serde_json::from_slice(body).ok()?;
        let params = json.get_mut("params")?;
        let text = |json: &Json| json.as_str().map(str::to_owned);
        Some(Request {
            service: text(params.get("service")?)?,
            method: text(params.get("method")?)?,
            args: match params.get_mut("args").map(Json::take) {
                Some(Json::Array(args)) => args,
                _ => Vec::new(),
            },
            id: json.get_mut("id").map(Json::take).unwrap_or_default(),
        })
    }

    /// Model and method for the record of requests: of `execute_kw` the called ones.
    pub(crate) fn target(&self) -> (&str, &str) {
        let text = |at: usize| self.args.get(at).and_then(Json::as_str).unwrap_or_default();
        match self.service.as_str() {
            "object" => (text(3), text(4)),
            _ => ("", self.method.as_str()),
        }
    }

    /// The method's own positional arguments.
    pub(crate) fn positional(&self) -> &[Json] {
        self.args
            .get(5)
            .and_then(Json::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The method's named arguments.
    pub(crate) fn named(&self) -> Option<&serde_json::Map<String, Json>> {
        self.args.get(6).and_then(Json::as_object)
    }
}

/// The whole answer's body.
pub(crate) fn answer(state: &State, request: Request) -> Vec<u8> {
    let behaviour = state.version.behaviour();
    let id = request.id.clone();
    let mut out = PyJson::new(behaviour.ascii_json);
    begin(&mut out, &id);
    let head = out.out.len();
    out.raw(", \"result\": ");
    let before = out.out.len();
    match dispatch(state, request, &mut out) {
        Ok(()) => {
            if out.out.len() == before {
                // Nothing was returned: Odoo leaves the key out.
                out.out.truncate(head);
            }
            out.raw("}");
            out.out
        }
        Err(error) => fault(state, &id, &error),
    }
}

/// The body that tells an error.
pub(crate) fn fault(state: &State, id: &Json, error: &OdooError) -> Vec<u8> {
    let behaviour = state.version.behaviour();
    let mut out = PyJson::new(behaviour.ascii_json);
    begin(&mut out, id);
    out.raw(", \"error\": ");
    out.json(&json!({
        "code": behaviour.rpc_error_code,
        "message": "Odoo Server Error",
        "data": {
            "name": error.name,
            "debug": error.debug(),
            "message": error.message,
            "arguments": error.arguments,
            "context": {},
        },
    }));
    out.raw("}");
    out.out
}

/// How 14 answers JSON sent to a path that it does not have.
pub(crate) fn not_found(state: &State) -> Vec<u8> {
    let error = OdooError::http(404, "werkzeug.exceptions.NotFound", "404 Not Found");
    fault(state, &Json::Null, &error)
}

/// The body that tells a result.
pub(crate) fn result(state: &State, id: &Json, result: &Json) -> Vec<u8> {
    let mut out = PyJson::new(state.version.behaviour().ascii_json);
    begin(&mut out, id);
    out.raw(", \"result\": ");
    out.json(result);
    out.raw("}");
    out.out
}

/// The id that an injected fault answers with.
pub(crate) fn id_of(request: Option<&Request>) -> Json {
    request.map_or(Json::Null, |request| request.id.clone())
}

fn begin(out: &mut PyJson, id: &Json) {
    out.raw("{\"jsonrpc\": \"2.0\", \"id\": ");
    out.json(id);
}

fn dispatch(state: &State, request: Request, out: &mut PyJson) -> Result<(), OdooError> {
    let text = |at: usize| {
        request
            .args
            .get(at)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    match (request.service.as_str(), request.method.as_str()) {
        ("common", "version") => out.json(&version_info(state)),
        ("common", "authenticate" | "login") => {
            check_database(state, text(0))?;
            match state
                .users
                .iter()
                .find(|user| user.login == text(1) && user.knows(text(2)))
            {
                Some(user) => out.int(user.id),
                None => out.bool(false),
            }
        }
        ("object", "execute_kw" | "execute") => return call(state, request, out),
        (service, method) => {
            return Err(OdooError::exception(format!(
                "Method not found: {service}.{method}"
            )));
        }
    }
    Ok(())
}

/// `common.version`.
pub(crate) fn version_info(state: &State) -> Json {
    let version = state.version.behaviour().server_version;
    json!({
        "server_version": version,
        "server_version_info": [state.version.major(), 0, 0, "final", 0, ""],
        "server_serie": version,
        "protocol_version": 1,
    })
}

fn call(state: &State, mut request: Request, out: &mut PyJson) -> Result<(), OdooError> {
    let text = |at: usize| {
        request
            .args
            .get(at)
            .and_then(Json::as_str)
            .unwrap_or_default()
    };
    check_database(state, text(0))?;
    let uid = request.args.get(1).and_then(Json::as_i64);
    let user: &User = state
        .users
        .iter()
        .find(|user| Some(user.id) == uid)
        .ok_or_else(|| {
            let uid = uid.unwrap_or_default();
            OdooError::missing("res.users", &[uid], uid)
        })?;
    if !user.knows(text(2)) {
        return Err(OdooError::access_denied());
    }
    let (model, method) = (text(3).to_owned(), text(4).to_owned());
    let args = match request.args.get_mut(5).map(Json::take) {
        Some(Json::Array(args)) => args,
        _ => Vec::new(),
    };
    let kwargs = match request.args.get_mut(6).map(Json::take) {
        Some(Json::Object(kwargs)) => kwargs,
        _ => serde_json::Map::new(),
    };
    execute(
        state,
        user,
        Call {
            model,
            method,
            named_ids: None,
            args,
            kwargs,
        },
        out,
    )
}

fn check_database(state: &State, database: &str) -> Result<(), OdooError> {
    if database == state.database {
        Ok(())
    } else {
        Err(OdooError::no_database(database))
    }
}
