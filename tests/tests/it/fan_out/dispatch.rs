//! What is started, in which order, and how much of it at a time.

use std::collections::BTreeSet;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::yard::{ALL, Yard, completed, event, post, start};
use crate::http::event::ask;
use crate::support::function::Answer;
use crate::support::shop::assert_failed;

#[tokio::test]
async fn the_first_are_requested_in_order_and_no_more_than_allowed() {
    for (parallel, expected) in [(None, &ALL[..3]), (Some("1"), &ALL[..1]), (Some("6"), &ALL)] {
        let yard = Yard::open().await;
        let mut function = match parallel {
            Some(parallel) => yard.function_with("SYNC_PARALLEL", parallel).await,
            None => yard.function().await,
        };
        start(&mut function).await;
        assert_eq!(yard.requested(), expected);
        assert_eq!(yard.in_state("requested").await, expected);
        assert_eq!(yard.in_state("pending").await, &ALL[expected.len()..]);
    }
}

#[tokio::test]
async fn a_request_is_handed_on_with_data_type_and_batch() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let request = json!({"mode": "reconcile", "confirmDeletes": true, "dataType": "all"});
    let answer = function.call(&request).await;
    let entry = yard.bus.taken().remove(0);
    assert_eq!(entry["EventBusName"], "test-bus");
    assert_eq!(entry["Source"], "odoo.sync");
    assert_eq!(entry["DetailType"], "Sync Requested");
    let expected = json!({
        "mode": "reconcile", "confirmDeletes": true, "dataType": "categories",
        "batchId": answer["data"]["batchId"]
    });
    assert_eq!(entry["Detail"], expected);
}

#[tokio::test]
async fn each_end_starts_the_next_until_all_are_over() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    // In another order than they were started in.
    let ends = [
        "products",
        "categories",
        "purchases",
        "warehouses",
        "transfers",
        "sales",
    ];
    for (ended, data_type) in ends.iter().enumerate() {
        assert!(yard.in_state("requested").await.len() <= 3);
        let before = yard.requested();
        assert!(before.iter().any(|it| it == data_type), "{before:?}");
        function.call(&completed(data_type, &batch)).await;
        assert_eq!(yard.requested().len(), (ended + 4).min(6));
        assert_eq!(yard.part(data_type).await["state"], "success");
    }
    assert_eq!(yard.requested(), ALL);
    assert_eq!(yard.in_state("success").await, ALL);
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    let end = completed("categories", &batch);
    function.call(&end).await;
    let (rows, requested) = (yard.batches().await, yard.requested());
    assert_eq!(requested.len(), 4);
    for _ in 0..3 {
        let answer = function.call(&end).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
    assert_eq!(yard.batches().await, rows);
    assert_eq!(yard.requested(), requested);
}

#[tokio::test]
async fn a_transaction_pooler_carries_a_batch() {
    let mut yard = Yard::open().await;
    let pooler = yard.database.pooler_config().url;
    yard.environment
        .insert("SUPABASE_DB_URL", pooler.expose_secret().to_owned());
    let (mut one, mut other) = (yard.function().await, yard.function().await);
    let batch = start(&mut one).await;
    for data_type in ALL {
        let end = completed(data_type, &batch);
        tokio::join!(one.call(&end), other.call(&end));
    }
    assert_eq!(yard.requested(), ALL);
    assert_eq!(yard.in_state("success").await, ALL);
}

#[tokio::test]
async fn two_requests_at_once_start_one_batch() {
    for _ in 0..5 {
        let yard = Yard::open().await;
        let (mut first, mut second) = (yard.function().await, yard.function().await);
        let (one, other) = (json!({}), post("", None));
        let (one, other) = tokio::join!(first.call(&one), ask(&mut second, &other));
        let started = [one["success"] == true, other.0 == 202];
        assert_ne!(started[0], started[1], "{one} {other:?}");
        assert_eq!(yard.batches().await.len(), 6);
        assert_eq!(yard.requested(), ALL[..3]);
    }
}

/// Four processes hear of ends at the same time, of each end two.
#[tokio::test]
async fn however_many_work_on_a_batch_no_data_type_is_started_twice_or_too_early() {
    for _ in 0..4 {
        let mut yard = Yard::open().await;
        yard.environment.insert("SYNC_PARALLEL", "2".to_owned());
        let mut functions = Vec::new();
        for _ in 0..4 {
            functions.push(yard.function().await);
        }
        let batch = start(&mut functions[0]).await;
        // So that all are connected.
        for function in &mut functions {
            function.call(&completed("transfers", "no batch")).await;
        }
        while let requested = yard.in_state("requested").await
            && !requested.is_empty()
        {
            assert!(requested.len() <= 2, "{requested:?}");
            for (function, data_type) in functions.iter().zip(requested.iter().cycle()) {
                function.send(&completed(data_type, &batch));
            }
            for function in &mut functions {
                let answer = function.answer().await;
                assert!(matches!(answer, Answer::Response(_)), "{answer:?}");
            }
        }
        assert_eq!(yard.in_state("success").await, ALL);
        let requested = yard.requested();
        assert_eq!(requested.len(), 6, "{requested:?}");
        assert_eq!(requested.iter().collect::<BTreeSet<_>>().len(), 6);
    }
}

#[tokio::test]
async fn a_second_batch_is_refused_while_one_is_on_and_names_it() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    let (status, body) = ask(&mut function, &post("{\"mode\": \"full\"}", None)).await;
    assert_eq!(status, 409);
    assert_failed(&body, "busy");
    assert_eq!(body["data"]["batchId"], batch);
    assert_eq!(body["data"]["status"], "in_progress");
    // Nor does it help to wait for it: it is not what was asked for.
    let (status, _) = ask(&mut function, &post("", Some("true"))).await;
    assert_eq!(status, 409);
    // A schedule finds the same, and Lambda hears of no error.
    let schedule = event("aws.events", "Scheduled Event", &json!({}));
    assert_failed(&function.call(&schedule).await, "busy");
    assert_eq!(yard.batches().await.len(), 6);
    assert_eq!(yard.requested(), ALL[..3]);
}

#[tokio::test]
async fn a_schedule_and_an_event_start_a_batch_like_a_bare_request() {
    for (event, trigger) in [
        (
            event("aws.events", "Scheduled Event", &json!({})),
            "schedule",
        ),
        (
            event("aws.scheduler", "Scheduled Event", &Value::Null),
            "schedule",
        ),
        (
            event("odoo.sync", "Sync Requested", &json!({"dataType": "all"})),
            "event",
        ),
    ] {
        let yard = Yard::open().await;
        let mut function = yard.function().await;
        let answer = function.call(&event).await;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(yard.part("sales").await["triggered_by"], trigger);
        assert_eq!(yard.requested(), ALL[..3]);
    }
}

#[tokio::test]
async fn what_is_no_request_for_all_data_types_is_refused_and_no_error_to_lambda() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let id = "6a7e8feb-b491-4cf7-a9f1-bf3703467718";
    for bad in [
        json!({"dataType": "products"}),
        json!({"batchId": id}),
        json!({"runId": id, "slice": 2}),
        json!({"mode": "everything"}),
        event("aws.s3", "Object Created", &json!({})),
        event("odoo.sync", "Sync Requested", &json!({"dataType": "sales"})),
        event("odoo.sync", "Sync Completed", &json!({})),
        event("odoo.sync", "Sync Failed", &json!({"dataType": "nonsense"})),
        event("odoo.sync", "Sync Completed", &json!([1])),
        event(
            "lambda",
            "Lambda Function Invocation Result - Failure",
            &json!({"requestPayload": {}}),
        ),
        event(
            "lambda",
            "Lambda Function Invocation Result - Success",
            &json!({}),
        ),
    ] {
        let answer = function.call(&bad).await;
        assert_failed(&answer, "bad_request");
    }
    function.send_text(format!("{}{}", "[".repeat(5000), "]".repeat(5000)));
    let answer = function.answered().await;
    assert_failed(&answer, "bad_request");
    assert_eq!(yard.batches().await, Vec::<Value>::new());
    assert_eq!(yard.requested(), Vec::<String>::new());
}
