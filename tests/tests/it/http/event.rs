//! Events as API Gateway sends them.

use serde_json::{Value, json};

use crate::openapi::document::DOCUMENT;
use crate::support::function::{Environment, Function};
use crate::support::shop::Shop;

/// The key of every function here, unless a test sets another.
pub(crate) const KEY: &str = "schluessel-0815";

/// Starts `sync-products` with the key set.
pub(crate) async fn function(shop: &mut Shop) -> Function {
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    shop.function().await
}

/// As [`function`], with these keys and no others.
pub(crate) async fn function_with_keys(shop: &Shop, keys: &[(&'static str, &str)]) -> Function {
    let mut environment: Environment = shop.environment.clone();
    for (name, value) in keys {
        environment.insert(name, (*value).to_owned());
    }
    Function::start("sync-products", &environment).await
}

/// `POST /api/sync/products` with this body and the key.
pub(crate) fn post(body: &str) -> Value {
    request("POST", Some(&format!("Bearer {KEY}")), Some(body))
}

/// A request to `/api/sync/products`.
pub(crate) fn request(method: &str, authorization: Option<&str>, body: Option<&str>) -> Value {
    request_to(method, "/api/sync/products", authorization, body)
}

/// A request to a path, which may have a query, as API Gateway describes it.
pub(crate) fn request_to(
    method: &str,
    target: &str,
    authorization: Option<&str>,
    body: Option<&str>,
) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "accept": "*/*",
            "content-type": "application/json",
            "host": "abc123.execute-api.eu-central-1.amazonaws.com",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abc123",
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "abc123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8"
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "21/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1_795_255_200_000_i64
        },
        "isBase64Encoded": false
    });
    if let Some(value) = authorization {
        event["headers"]["authorization"] = json!(value);
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    event
}

/// Sends a request and takes the answer apart: its status and its JSON body, which are as
/// docs/openapi.yaml describes them.
pub(crate) async fn ask(function: &mut Function, event: &Value) -> (u64, Value) {
    let answer = function.call(event).await;
    assert_eq!(
        answer["headers"]["content-type"], "application/json",
        "{answer}"
    );
    assert_ne!(answer["isBase64Encoded"], true);
    let body = answer["body"].as_str().expect("a text");
    let body = serde_json::from_str(body).expect("JSON");
    let status = answer["statusCode"].as_u64().expect("a status");
    DOCUMENT.assert_describes(event, status, &body);
    (status, body)
}
