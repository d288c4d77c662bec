//! Events as API Gateway sends them.

use serde_json::{Value, json};

use crate::support::function::{Environment, Function};
use crate::support::shop::Shop;

/// The key of every function here, unless a test sets another.
pub(super) const KEY: &str = "schluessel-0815";

/// Starts `sync-products` with the key set.
pub(super) async fn function(shop: &mut Shop) -> Function {
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    shop.function().await
}

/// As [`function`], with these keys and no others.
pub(super) async fn function_with_keys(shop: &Shop, keys: &[(&'static str, &str)]) -> Function {
    let mut environment: Environment = shop.environment.clone();
    for (name, value) in keys {
        environment.insert(name, (*value).to_owned());
    }
    Function::start("sync-products", &environment).await
}

/// `POST /api/sync/products` with this body and the key.
pub(super) fn post(body: &str) -> Value {
    request("POST", Some(&format!("Bearer {KEY}")), Some(body))
}

/// A request as API Gateway describes it.
pub(super) fn request(method: &str, authorization: Option<&str>, body: Option<&str>) -> Value {
    let path = "/api/sync/products";
    let mut event = json!({
        "version": "2.0",
        "routeKey": "POST /api/sync/products",
        "rawPath": path,
        "rawQueryString": "",
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
            "routeKey": "POST /api/sync/products",
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

/// Sends a request and takes the answer apart: its status and its JSON body.
pub(crate) async fn ask(function: &mut Function, event: &Value) -> (u64, Value) {
    let answer = function.call(event).await;
    assert_eq!(
        answer["headers"]["content-type"], "application/json",
        "{answer}"
    );
    assert_ne!(answer["isBase64Encoded"], true);
    let body = answer["body"].as_str().expect("a text");
    let body = serde_json::from_str(body).expect("JSON");
    (answer["statusCode"].as_u64().expect("a status"), body)
}
