//! A data type that is paused is not synced, by whomever; a run that is on goes on to its end.

use odoo_sim::{Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, PRODUCT};
use crate::events::bus::{Mood, requested};
use crate::events::chain::{Chain, schedule};
use crate::http::event;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};

const PAUSE: &str = "/api/sync/pause/products";

#[tokio::test]
async fn nobody_starts_a_run_until_it_is_resumed() {
    let mut desk = Desk::open(Version::V19).await;
    desk.sync("incremental").await;
    let body = r#"{"reason": "Odoo is being upgraded"}"#;
    let (status, paused) = desk.caller.send("POST", PAUSE, Some(body)).await;
    assert_eq!(status, 200, "{paused}");
    let asked = desk.shop.sim.requests().len();
    let runs = desk.shop.runs().await;

    for event in [
        schedule(),
        requested(&json!({"dataType": "products"})),
        json!({}),
    ] {
        let answer = desk.function.call(&event).await;
        assert_failed(&answer, "paused");
    }
    let mut with_key = event::function(&mut desk.shop).await;
    let (status, body) = event::ask(&mut with_key, &event::post("{}")).await;
    assert_eq!(status, 409);
    assert_failed(&body, "paused");
    assert!(
        body["error"]["remedy"]
            .as_str()
            .is_some_and(|it| it.contains("resume"))
    );
    assert_eq!(desk.told("Sync Failed"), [""; 0]);
    let batch = Uuid::new_v4();
    let of_a_batch = requested(&json!({"dataType": "products", "batchId": batch}));
    desk.function.call(&of_a_batch).await;
    let told = desk.told("Sync Failed");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["batchId"], json!(batch));
    assert_eq!(told[0]["error"]["code"], "paused");
    assert_eq!(desk.shop.sim.requests().len(), asked, "Odoo was asked");
    assert_eq!(desk.shop.runs().await, runs);

    let shown = desk.caller.get("/api/sync/status/products").await;
    let metadata = &shown["metadata"][0];
    assert!(metadata["paused_at"].is_string());
    assert_eq!(metadata["paused_by"], "203.0.113.7");
    assert_eq!(metadata["pause_reason"], "Odoo is being upgraded");

    desk.shop.change_something();
    let resumed = desk.done("resume/products").await;
    assert_eq!(resumed["pausedAt"], Value::Null);
    let report = desk.sync("incremental").await;
    assert_eq!(report["recordsUpdated"], 1);
    desk.shop.assert_mirrored().await;
    let log = desk.function.end().await;
    assert!(
        !log.contains("being upgraded"),
        "a reason is for the status alone"
    );
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}

#[tokio::test]
async fn a_pause_needs_no_sync_before_it_and_outlasts_a_reset() {
    let mut desk = Desk::open(Version::V14).await;
    let first = desk.done("pause/products").await;
    assert_eq!(first["reason"], Value::Null);
    let (_, again) = desk
        .caller
        .send("POST", PAUSE, Some(r#"{"reason": "y"}"#))
        .await;
    assert_eq!(again["data"]["pausedAt"], first["pausedAt"], "since then");
    assert_eq!(again["data"]["reason"], "y");
    desk.done("reset/products").await;
    assert_failed(&desk.function.call(&json!({})).await, "paused");
    assert!(desk.shop.runs().await.is_empty());
    desk.done("resume/products").await;
    desk.done("resume/products").await;
    desk.sync("incremental").await;
    desk.done("resume/categories").await;
    assert_eq!(desk.post("pause/produkte").await.0, 400);
    for bad in [r#"{"reason": 7}"#, r#"{"why": "x"}"#, "[]", "{"] {
        let (status, _) = desk.caller.send("POST", PAUSE, Some(bad)).await;
        assert_eq!(status, 400, "{bad}");
    }
    let too_long = json!({"reason": "x".repeat(501)}).to_string();
    assert_eq!(
        desk.caller.send("POST", PAUSE, Some(&too_long)).await.0,
        400
    );
}

#[tokio::test]
async fn a_run_that_is_on_goes_on_in_its_next_slices() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({"mode": "full"})).await;
    pause(&chain.shop).await;
    // Another request does not take it over.
    assert_failed(&chain.invoke(&schedule()).await, "paused");
    let second = chain.next();
    chain.slice(&second).await;
    let third = chain.next();
    chain.let_all_through();
    let answer = chain.function.call(&third).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["slices"], 3);
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn what_was_remembered_to_run_next_waits_for_the_end_of_the_pause() {
    let mut desk = Desk::open(Version::V19).await;
    let hold = Hold::the_next(&desk.shop.sim, When::method("read").model(PRODUCT));
    desk.function.send(&schedule());
    hold.reached().await;
    let mut other = desk.shop.function().await;
    let reconcile = json!({"dataType": "products", "mode": "reconcile"});
    assert_failed(&other.call(&requested(&reconcile)).await, "busy");
    pause(&desk.shop).await;
    hold.release();
    assert_eq!(desk.function.answered().await["success"], true);
    // The function answers after all of its work, so nothing else is under way.
    assert_eq!(desk.shop.runs().await.len(), 1);
    assert_eq!(desk.shop.metadata().await["pending_mode"], "reconcile");
    let resumed = desk.done("resume/products").await;
    assert_eq!(resumed["pendingMode"], "reconcile");
    let answer = desk.function.call(&schedule()).await;
    assert_eq!(answer["data"]["mode"], "reconcile", "{answer}");
}

/// A mirror that is paused is meant to grow old, and a metric that is missing would ring as well.
#[tokio::test]
async fn the_freshness_that_alarms_look_at_is_nothing_while_it_is_paused() {
    let mut desk = Desk::open(Version::V14).await;
    desk.sync("incremental").await;
    desk.shop
        .execute(
            "update odoo.sync_metadata
             set last_sync_timestamp = now() - interval '7 days', paused_at = now()",
        )
        .await;
    desk.function.call(&schedule()).await;
    desk.done("resume/products").await;
    desk.shop
        .sim
        .inject(When::any().forever(), odoo_sim::Fault::AccessDenied);
    desk.function.call(&schedule()).await;
    let freshness = values(&desk.function.end().await, "Freshness");
    assert_eq!(freshness.len(), 3, "{freshness:?}");
    assert!(freshness[1].abs() < f64::EPSILON, "{freshness:?}");
    assert!(freshness[2] >= 604_800.0, "{freshness:?}");
}

/// The values of a metric, in their order.
fn values(log: &str, metric: &str) -> Vec<f64> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|line| line.get(metric)?.as_f64())
        .collect()
}

/// Nothing else would tell of it: what is not synced does not fail.
#[tokio::test]
async fn a_pause_that_is_forgotten_for_a_day_is_told_by_what_alarms_look_at() {
    let shop = Shop::open(Version::V19).await;
    for (hours, is_told) in [(0, false), (23, false), (24, true), (72, true)] {
        let mut function = shop.function().await;
        assert_eq!(function.call(&json!({})).await["success"], true);
        shop.execute(&format!(
            "update odoo.sync_metadata
             set last_sync_timestamp = now() - interval '80 hours',
                 paused_at = now() - interval '{hours} hours';
             update odoo.sync_streams set verified_at = now() - interval '80 hours'"
        ))
        .await;
        assert_failed(&function.call(&schedule()).await, "paused");
        shop.execute("update odoo.sync_metadata set paused_at = null")
            .await;
        let log = function.end().await;
        for metric in ["Freshness", "Unverified"] {
            let values = values(&log, metric);
            assert_eq!(values.len(), 2, "{metric}: {log}");
            let is_old = values[1] >= 80.0 * 3600.0;
            let is_nothing = values[1].abs() < f64::EPSILON;
            assert_eq!(
                (is_old, is_nothing),
                (is_told, !is_told),
                "{metric} after {hours} hours: {values:?}"
            );
        }
    }
}

#[tokio::test]
async fn deep_health_names_what_is_paused_and_is_well() {
    let mut desk = Desk::open(Version::V19).await;
    desk.done("pause/sales").await;
    let (status, body) = desk.caller.ask("GET", "/api/sync/health?deep=true").await;
    assert_eq!(status, 200, "{body}");
    let checks = body["data"]["checks"].as_array().expect("checks");
    let runs = checks.iter().find(|it| it["name"] == "runs").expect("runs");
    assert_eq!(runs["found"], "none is stale; paused by an operator: sales");
}

async fn pause(shop: &Shop) {
    shop.execute("update odoo.sync_metadata set paused_at = now()")
        .await;
}
