//! Requests that the contract does not allow.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::shop::{Shop, assert_failed};

#[tokio::test]
async fn a_request_that_is_not_in_the_contract_is_refused_with_what_is() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let mut answers = Vec::new();
    for request in [
        json!({"mode": "everything"}),
        json!({"mode": "Full"}),
        json!({"mode": 1}),
        json!({"mode": ["full"]}),
        json!({"confirmDeletes": "yes"}),
        json!({"dataType": 7}),
        json!({"runId": "not a uuid"}),
        json!({"batchId": 1}),
        json!({"slice": -1}),
        json!({"slice": 1.5}),
        json!({"since": "2026-01-01"}),
        json!({"mode": "full", "force": true}),
        json!(["full"]),
        json!("full"),
        json!(7),
        json!(true),
        json!(null),
    ] {
        let answer = function.call(&request).await;
        let message = assert_failed(&answer, "bad_request");
        for allowed in [
            "mode",
            "incremental",
            "full",
            "reconcile",
            "confirmDeletes",
            "dataType",
            "runId",
            "slice",
            "batchId",
        ] {
            assert!(message.contains(allowed), "{request}: {message}");
        }
        answers.push(answer);
    }
    assert_nothing_happened(&shop).await;
    shop.sync(&mut function).await;
    shop.assert_discreet(&mut function, &answers).await;
}

#[tokio::test]
async fn the_data_type_of_another_function_is_refused_and_the_own_one_is_taken() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    for other in ["categories", "Products", "", "nonsense"] {
        let answer = function.call(&json!({"dataType": other})).await;
        let message = assert_failed(&answer, "bad_request");
        assert!(message.contains("\"products\""), "{message}");
    }
    assert_nothing_happened(&shop).await;
    let answer = function.call(&json!({"dataType": "products"})).await;
    assert_eq!(answer["success"], true, "{answer}");
}

#[tokio::test]
async fn absent_and_null_are_the_same() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    let request = json!({
        "mode": null, "confirmDeletes": null, "dataType": null, "runId": null,
        "slice": null, "batchId": null
    });
    let answer = function.call(&request).await;
    assert_eq!(answer["success"], true, "{answer}");
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn an_event_of_any_form_gets_an_answer() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({"mode": deep});
    }
    let mut answers = Vec::new();
    for event in [
        json!([]),
        json!([null]),
        json!({"mode": {}}),
        deep,
        json!({"detail": {"mode": "full"}}),
        json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
        json!({"source": "aws.s3", "detail-type": "Object Created", "detail": {}}),
        json!({"source": "odoo.sync", "detail-type": "Sync Completed", "detail": {}}),
        json!({"source": "odoo.sync", "detail-type": "Sync Requested", "detail": "full"}),
        json!({"source": "odoo.sync", "detail-type": "Sync Requested", "detail": []}),
        json!({"source": 7, "detail-type": [], "detail": {}}),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": 7}),
    ] {
        let answer = function.call(&event).await;
        assert_failed(&answer, "bad_request");
        answers.push(answer);
    }
    assert_nothing_happened(&shop).await;
    shop.sync(&mut function).await;
    shop.assert_discreet(&mut function, &answers).await;
}

/// Deeper than a JSON parser likes to go; Lambda itself passes it on.
#[tokio::test]
async fn an_event_nested_a_hundred_thousand_deep_gets_an_answer() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let depth = 100_000;
    function.send_text(format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let answer = function.answered().await;
    assert_failed(&answer, "bad_request");
    shop.sync(&mut function).await;
}

async fn assert_nothing_happened(shop: &Shop) {
    assert_eq!(shop.runs().await, Vec::<Value>::new());
    assert_eq!(shop.metadata().await, Value::Null);
    assert_eq!(shop.sim.requests().len(), 0, "nothing was asked of Odoo");
}
