//! The six data types by either trigger, from an empty mirror to a true one.

use std::collections::BTreeSet;
use std::time::Duration;

use odoo_sim::When;
use reqwest::Method;
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::surface::{Settings, Surface};
use crate::support::hold::Hold;
use crate::support::snapshot::assert_mirror_equals;

async fn assert_all_mirrored(surface: &Surface) {
    for spec in REGISTRY {
        assert_mirror_equals(&surface.odoo, &surface.database.client, spec).await;
    }
}

#[tokio::test]
async fn all_data_types_through_http() {
    let surface = Surface::open(Settings::default()).await;
    for spec in REGISTRY {
        let path = format!("/api/sync/{}", spec.name);
        let body = json!({});
        let stranger = surface.ask_with(None, Method::POST, &path, &body).await;
        assert_eq!(stranger.0, 401, "{}", spec.name);
        let (status, body) = surface.ask(Method::POST, &path, &json!({})).await;
        assert_eq!(status, 200, "{body}\n{}", surface.log());
        assert_eq!(body["data"]["dataType"], spec.name);
        assert_eq!(body["data"]["status"], "success");
    }
    assert_all_mirrored(&surface).await;
    let told = surface.details("Sync Completed", REGISTRY.len()).await;
    assert_eq!(data_types(&told), registered());
}

#[tokio::test]
async fn all_data_types_through_the_bus() {
    let surface = Surface::open(Settings::default()).await;
    for spec in REGISTRY {
        surface.request(&json!({"dataType": spec.name})).await;
    }
    let told = surface.details("Sync Completed", REGISTRY.len()).await;
    assert_eq!(data_types(&told), registered(), "{}", surface.log());
    assert_all_mirrored(&surface).await;
}

#[tokio::test]
async fn a_second_caller_gets_409_from_a_second_process() {
    let surface = Surface::open(Settings::default()).await;
    let when = When::method("read").model("product.product");
    let hold = Hold::the_next(&surface.sim, when);
    surface.request(&json!({"dataType": "products"})).await;
    hold.reached().await;
    let (status, body) = surface
        .ask(Method::POST, "/api/sync/products", &json!({}))
        .await;
    assert_eq!(status, 409, "{body}");
    assert_eq!(body["error"]["code"], "busy");
    hold.release();
    let told = surface.details("Sync Completed", 1).await;
    assert_eq!(told[0]["runId"], body["data"]["runId"]);
}

/// As on Lambda: an event is tried again twice, then the bus is told what became of it, and it
/// lies in the function's queue.
#[tokio::test]
async fn an_event_whose_function_dies_is_tried_again_and_given_up_with_an_event() {
    let surface = Surface::open(Settings {
        // Nobody answers in time: Lambda ends the process.
        timeout: Some(Duration::from_millis(1)),
        ..Settings::default()
    })
    .await;
    surface.request(&json!({"dataType": "sales"})).await;
    let told = surface
        .details("Lambda Function Invocation Result - Failure", 1)
        .await;
    let context = &told[0]["requestContext"];
    assert_eq!(context["approximateInvokeCount"], 3);
    assert_eq!(context["condition"], "RetriesExhausted");
    let arn = context["functionArn"].as_str().expect("an ARN");
    assert!(arn.ends_with(":function:local-sync-sales:$LATEST"), "{arn}");
    assert_eq!(
        told[0]["requestPayload"]["detail"],
        json!({"dataType": "sales"})
    );
    assert_eq!(told[0]["responsePayload"]["errorType"], "Sandbox.Timedout");
    let kept = surface.dead_letter("sales").await;
    assert_eq!(kept["detail"], json!({"dataType": "sales"}));
}

fn data_types(told: &[Value]) -> BTreeSet<String> {
    let names = told.iter().filter_map(|detail| detail["dataType"].as_str());
    names.map(str::to_owned).collect()
}

fn registered() -> BTreeSet<String> {
    REGISTRY.iter().map(|spec| spec.name.to_owned()).collect()
}
