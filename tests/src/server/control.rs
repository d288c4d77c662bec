//! `/_sim/…`: playing with a running simulator by hand. It listens on 127.0.0.1 only.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `POST /_sim/create` | `{"model": "product.product", "values": {"name": "New"}}` | `{"id": 7}` |
//! | `POST /_sim/write` | `{"model": "product.template", "ids": [3], "values": {"list_price": 9.5}}` | `{}` |
//! | `POST /_sim/unlink` | `{"model": "product.product", "ids": [7]}` | `{}` |
//! | `POST /_sim/hide` | `{"model": "product.product", "ids": [7]}` | `{}` |
//! | `POST /_sim/show` | `{"model": "product.product"}`: takes `hide` back | `{}` |
//! | `POST /_sim/deny` | `{"model": "product.product"}` | `{}` |
//! | `POST /_sim/allow` | `{"model": "product.product"}`: takes `deny` back | `{}` |
//! | `POST /_sim/patch` | `{"model": "product.product", "id": 7, "field": "weight", "value": "x"}` | `{}` |
//! | `POST /_sim/fault` | `{"fault": "reset", "method": "read", "nth": 2, "times": 1}` | `{}` |
//! | `POST /_sim/clear` | takes `fault` and `patch` back | `{}` |
//! | `GET /_sim/requests` | | number of requests by model and method |
//!
//! Faults: `hang`, `delay` (with `"milliseconds": 500`), `reset`, `login_page`, `cut_body`, `cut_json`, `serialization_failure`,
//! `database_down`, `access_denied`, `access_error`, or a status such as `503`.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value as Json, json};

use super::route::Answer;
use crate::faults::{Fault, When};
use crate::sim::SimHandle;

/// How much of a cut answer is sent.
const CUT_AFTER: usize = 100;

/// Carries a command out.
pub(super) fn answer(sim: &SimHandle, method: &Method, command: &str, body: &[u8]) -> Answer {
    let result = match (method, command) {
        (&Method::GET, "requests") => Ok(requests(sim)),
        (&Method::POST, _) => {
            let request: Json = serde_json::from_slice(body).unwrap_or_default();
            // The handle panics on what Odoo would refuse; here that is an answer.
            catch_unwind(AssertUnwindSafe(|| carry_out(sim, command, &request)))
                .unwrap_or_else(|_| Err("Odoo would refuse that; see the log".to_owned()))
        }
        _ => Err("GET /_sim/requests or POST /_sim/<command>".to_owned()),
    };
    match result {
        Ok(json) => Answer::json(200, format!("{json}\n").into_bytes()),
        Err(error) => Answer::json(400, format!("{}\n", json!({"error": error})).into_bytes()),
    }
}

fn carry_out(sim: &SimHandle, command: &str, request: &Json) -> Result<Json, String> {
    let model = || request["model"].as_str().ok_or("\"model\" is missing");
    let values = || match &request["values"] {
        values @ Json::Object(_) => Ok(values.clone()),
        _ => Err("\"values\" is missing"),
    };
    let ids: Vec<i64> = request["ids"]
        .as_array()
        .map(|ids| ids.iter().filter_map(Json::as_i64).collect())
        .unwrap_or_default();
    match command {
        "create" => return Ok(json!({"id": sim.create(model()?, values()?)})),
        "write" => sim.write(model()?, &ids, values()?),
        "unlink" => sim.unlink(model()?, &ids),
        "hide" => sim.hide(model()?, &ids),
        "show" => sim.show_all(model()?),
        "deny" => sim.deny(model()?),
        "allow" => sim.allow(model()?),
        "patch" => patch(sim, model()?, request)?,
        "fault" => sim.inject(when(request), fault(request)?),
        "clear" => sim.clear_faults(),
        other => return Err(format!("unknown command {other:?}")),
    }
    Ok(json!({}))
}

/// What a client is sent in place of a field's value, whatever the field's type.
fn patch(sim: &SimHandle, model: &str, request: &Json) -> Result<(), String> {
    let id = request["id"].as_i64().ok_or("\"id\" is missing")?;
    let field = request["field"].as_str().ok_or("\"field\" is missing")?;
    let value = request.get("value").ok_or("\"value\" is missing")?;
    sim.patch_json(model, id, field, value);
    Ok(())
}

fn when(request: &Json) -> When {
    let size = |name: &str| request[name].as_u64().map_or(1, |size| size as usize);
    let mut when = request["method"]
        .as_str()
        .map_or_else(When::any, When::method);
    if let Some(model) = request["model"].as_str() {
        when = when.model(model);
    }
    when.nth(size("nth")).times(size("times"))
}

fn fault(request: &Json) -> Result<Fault, String> {
    let name = match &request["fault"] {
        Json::String(name) => name.clone(),
        other => other.to_string(),
    };
    Ok(match name.as_str() {
        "hang" => Fault::Hang,
        "delay" => Fault::Delay(Duration::from_millis(
            request["milliseconds"]
                .as_u64()
                .ok_or("\"milliseconds\" is missing")?,
        )),
        "reset" => Fault::Reset,
        "login_page" => Fault::LoginPage,
        "cut_body" => Fault::CutBody { after: CUT_AFTER },
        "cut_json" => Fault::CutJson { after: CUT_AFTER },
        "serialization_failure" => Fault::SerializationFailure,
        "database_down" => Fault::DatabaseDown,
        "access_denied" => Fault::AccessDenied,
        "access_error" => Fault::AccessError,
        status => match status.parse() {
            Ok(status @ 400..=599) => Fault::status(status),
            _ => return Err(format!("unknown fault {name}")),
        },
    })
}

fn requests(sim: &SimHandle) -> Json {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for request in sim.requests() {
        let name = format!("{} {}", request.model, request.method);
        *counts.entry(name.trim().to_owned()).or_default() += 1;
    }
    json!(counts)
}
