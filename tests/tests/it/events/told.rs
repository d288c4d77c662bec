//! `Sync Completed` and `Sync Failed`.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bus::{Bus, Mood, requested, variables};
use crate::http::event::{ask, post};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, VERSIONS, assert_failed};

/// The one entry that was heard, which has the contract's bus, source and this type.
fn only_entry(bus: &Bus, detail_type: &str) -> Value {
    let heard = bus.heard();
    let [entry] = heard.as_slice() else {
        panic!("not one entry: {heard:?}");
    };
    assert_eq!(entry["EventBusName"], "test-bus");
    assert_eq!(entry["Source"], "odoo.sync");
    assert_eq!(entry["DetailType"], detail_type);
    assert_eq!(entry["Detail"]["dataType"], "products");
    entry["Detail"].clone()
}

/// The detail without what it says beyond the answer's `data`.
fn of_the_answer(detail: &Value) -> Value {
    let mut data = detail.clone();
    let fields = data.as_object_mut().expect("an object");
    for more in ["recovered", "summary"] {
        assert!(fields.remove(more).is_some(), "{detail} has no {more}");
    }
    data
}

#[tokio::test]
async fn a_run_that_succeeds_is_told_with_its_report() {
    for version in VERSIONS {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(version).await;
        let mut function = bus.function(&mut shop).await;
        let answer = function.call(&json!({})).await;
        let detail = only_entry(&bus, "Sync Completed");
        assert_eq!(of_the_answer(&detail), answer["data"]);
        assert_eq!(detail["recovered"], false);
        shop.assert_discreet(&mut function, &[answer, detail]).await;
    }
}

#[tokio::test]
async fn the_batch_that_asked_is_named() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V14).await;
    let mut function = bus.function(&mut shop).await;
    let batch = Uuid::new_v4().to_string();
    let request = requested(&json!({"dataType": "products", "batchId": batch}));
    let answer = function.call(&request).await;
    let mut detail = only_entry(&bus, "Sync Completed");
    let named = detail.as_object_mut().expect("an object").remove("batchId");
    assert_eq!(named, Some(json!(batch)));
    assert_eq!(of_the_answer(&detail), answer["data"]);
}

#[tokio::test]
async fn a_run_that_fails_is_told_with_its_error() {
    for version in VERSIONS {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(version).await;
        let mut function = bus.function(&mut shop).await;
        let batch = Uuid::new_v4().to_string();
        let when = When::method("read").forever();
        shop.sim.inject(when, Fault::AccessDenied);
        let answer = function.call(&requested(&json!({"batchId": batch}))).await;
        shop.assert_recorded(&answer, "odoo_auth").await;
        let detail = only_entry(&bus, "Sync Failed");
        assert_eq!(detail["error"], answer["error"]);
        assert_eq!(detail["batchId"], batch);
        assert_eq!(detail["status"], "failed");
        assert_eq!(detail["runId"], answer["data"]["runId"]);
        shop.assert_discreet(&mut function, &[answer, detail]).await;
    }
}

/// A batch that waits must hear also of what kept its run from starting.
#[tokio::test]
async fn what_keeps_a_run_from_starting_is_told_too() {
    for (variable, value, code) in [
        ("ODOO_PASSWORD", "", "config"),
        ("SUPABASE_DB_URL", "nonsense", "config"),
        (
            "SUPABASE_DB_URL",
            "postgres://a:b@127.0.0.1:1/c?sslmode=disable",
            "db_unreachable",
        ),
    ] {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(Version::V19).await;
        shop.environment.insert(variable, value.to_owned());
        let mut function = bus.function(&mut shop).await;
        let batch = Uuid::new_v4().to_string();
        let answer = function.call(&requested(&json!({"batchId": batch}))).await;
        assert_failed(&answer, code);
        let detail = only_entry(&bus, "Sync Failed");
        assert_eq!(detail["error"], answer["error"]);
        assert_eq!(detail["batchId"], batch);
    }
}

#[tokio::test]
async fn busy_is_told_to_a_batch_and_to_nobody_else() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V14).await;
    let mut first = shop.function().await;
    let mut second = bus.function(&mut shop).await;
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    first.send(&json!({}));
    hold.reached().await;

    for event in [
        json!({}),
        requested(&json!({})),
        requested(&json!({"mode": "full"})),
    ] {
        let answer = second.call(&event).await;
        assert_failed(&answer, "busy");
    }
    assert_eq!(bus.heard(), Vec::<Value>::new());

    let batch = Uuid::new_v4().to_string();
    let answer = second.call(&requested(&json!({"batchId": batch}))).await;
    assert_failed(&answer, "busy");
    let detail = only_entry(&bus, "Sync Failed");
    assert_eq!(detail["error"]["code"], "busy");
    assert_eq!(detail["batchId"], batch);
    assert_eq!(detail["runId"], shop.runs().await[0]["run_id"]);
    hold.release();
    first.answered().await;
}

#[tokio::test]
async fn a_bus_that_refuses_or_is_away_changes_no_answer_and_is_in_the_log() {
    for (mood, told) in [
        (Some(Mood::RefusesEntries), "NotAuthorizedForSource"),
        (Some(Mood::RefusesRequests), "ResourceNotFoundException"),
        (None, "the event was not sent"),
    ] {
        let mut bus = Bus::start(mood.unwrap_or(Mood::Takes)).await;
        let mut shop = Shop::open(Version::V19).await;
        let mut function: Function = bus.function(&mut shop).await;
        if mood.is_none() {
            bus.stop().await;
        }
        for _ in 0..2 {
            shop.sync(&mut function).await;
        }
        shop.assert_mirrored().await;
        assert_eq!(shop.metadata().await["sync_status"], "success");
        let log = function.end().await;
        assert!(log.contains("the event was not sent"));
        assert!(log.contains(told), "{told}");
        shop.assert_discreet(&mut function, &[]).await;
    }
}

#[tokio::test]
async fn a_caller_s_sync_that_lacks_variables_is_told_and_logged_too() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.extend(bus.variables());
    let key = ("SYNC_API_KEY", "schluessel-0815");
    let mut function = shop.function_with(&[key, ("SUPABASE_DB_URL", "")]).await;
    let (status, body) = ask(&mut function, &post("{}")).await;
    assert_eq!(status, 503);
    assert_failed(&body, "config");
    assert_eq!(only_entry(&bus, "Sync Failed")["error"]["code"], "config");
    // What is asked comes before what is lacking.
    let (status, _) = ask(&mut function, &post("nonsense")).await;
    assert_eq!(status, 400);
    assert_eq!(function.end().await.matches("sync failed").count(), 1);
}

#[tokio::test]
async fn with_an_empty_bus_name_nothing_is_sent() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V14).await;
    shop.environment.extend(variables("http://127.0.0.1:1"));
    drop(bus.function(&mut shop).await);
    let mut function = shop.function_with(&[("SYNC_EVENT_BUS", "")]).await;
    let answer = function.call(&requested(&json!({}))).await;
    assert_eq!(answer["success"], true);
    assert_eq!(bus.heard(), Vec::<Value>::new());
    assert!(!function.end().await.contains("the event was not sent"));
}
