//! docs/openapi.yaml against the contract, the registry and the real answers.

mod answers;
pub(crate) mod document;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::error::ErrorKind;
use shared::specs::REGISTRY;

use document::DOCUMENT;

/// The routes of all functions, written down apart from code and document.
const ROUTES: [&str; 16] = [
    "GET /api/sync/dashboard",
    "GET /api/sync/findings",
    "GET /api/sync/health",
    "GET /api/sync/runs",
    "GET /api/sync/status",
    "GET /api/sync/status/{dataType}",
    "POST /api/sync/all",
    "POST /api/sync/cancel/{dataType}",
    "POST /api/sync/findings/{id}/dismiss",
    "POST /api/sync/findings/{id}/retry",
    "POST /api/sync/pause/{dataType}",
    "POST /api/sync/replay/{dataType}",
    "POST /api/sync/hooks/odoo/{dataType}",
    "POST /api/sync/reset/{dataType}",
    "POST /api/sync/resume/{dataType}",
    "POST /api/sync/{dataType}",
];

#[test]
fn the_routes_are_those_of_the_contract() {
    let expected: BTreeSet<String> = ROUTES.map(str::to_owned).into();
    assert_eq!(DOCUMENT.routes(), expected);
}

#[test]
fn every_route_but_the_bare_health_and_the_dashboard_says_that_it_wants_the_key() {
    assert_eq!(*DOCUMENT.at("/security"), json!([{"key": []}]));
    for route in DOCUMENT.routes() {
        let (method, path) = route.split_once(' ').expect("a route");
        let operation = &DOCUMENT.at("/paths")[path][method.to_lowercase()];
        let expected = match path {
            "/api/sync/health" => json!([{}, {"key": []}]),
            "/api/sync/dashboard" => json!([]),
            "/api/sync/hooks/odoo/{dataType}" => json!([{"hookToken": []}]),
            _ => Value::Null,
        };
        assert_eq!(operation["security"], expected, "{route}");
        let always: BTreeSet<u64> = match path {
            "/api/sync/dashboard" => [500].into(),
            _ => [401, 500, 503].into(),
        };
        assert!(DOCUMENT.statuses(&route).is_superset(&always), "{route}");
    }
}

#[test]
fn data_types_and_error_codes_are_those_of_the_program() {
    let names: Vec<&str> = REGISTRY.iter().map(|spec| spec.name).collect();
    assert_eq!(
        *DOCUMENT.at("/components/schemas/DataType/enum"),
        json!(names)
    );
    let codes = [
        ErrorKind::Config,
        ErrorKind::OdooUnreachable,
        ErrorKind::OdooAuth,
        ErrorKind::OdooAccess,
        ErrorKind::OdooSchema,
        ErrorKind::OdooFault,
        ErrorKind::DbUnreachable,
        ErrorKind::DbAuth,
        ErrorKind::DbSchema,
        ErrorKind::DbFault,
        ErrorKind::Busy,
        ErrorKind::DeleteGuard,
        ErrorKind::Cancelled,
        ErrorKind::Paused,
        ErrorKind::BadRequest,
        ErrorKind::Internal,
    ]
    .map(ErrorKind::code);
    let described = DOCUMENT.at("/components/schemas/Error/properties/code/enum");
    assert_eq!(*described, json!(codes));
}

#[test]
fn every_answer_has_a_schema_that_its_examples_fit() {
    for (name, response) in DOCUMENT.responses() {
        if name == "GET /api/sync/dashboard 200" {
            assert!(response["content"]["text/html"]["schema"].is_object());
            continue;
        }
        let content = &response["content"]["application/json"];
        assert!(content["schema"].is_object(), "{name}");
        let examples = content["examples"].as_object().into_iter().flatten();
        for (example, value) in examples {
            let errors = DOCUMENT.errors(&content["schema"], &value["value"]);
            assert_eq!(errors, [""; 0], "{name}: {example}");
        }
    }
}

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let schema = json!({"$ref": "#/components/schemas/BadRequest"});
    let error = json!({"code": "bad_request", "message": "m", "remedy": "r"});
    let right = json!({"success": false, "error": error});
    assert_eq!(DOCUMENT.errors(&schema, &right), [""; 0]);
    for (pointer, value) in [
        ("/success", json!(true)),
        ("/error/code", json!("busy")),
        ("/error/message", json!("")),
        ("/error/remedy", Value::Null),
    ] {
        let mut wrong = right.clone();
        *wrong.pointer_mut(pointer).expect("a part") = value;
        assert_ne!(DOCUMENT.errors(&schema, &wrong), [""; 0], "{pointer}");
    }
    let mut more = right.clone();
    more["stack"] = json!("…");
    assert_ne!(DOCUMENT.errors(&schema, &more), [""; 0]);
}
