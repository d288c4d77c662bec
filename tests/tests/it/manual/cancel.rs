//! A run that is cancelled is over: it fails with `cancelled`, keeps what it has committed, and
//! writes nothing more.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, PRODUCT};
use crate::api::caller::Caller;
use crate::events::bus::{Mood, requested};
use crate::events::chain::{Chain, schedule};
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wait_until;

/// Everything that a run may write.
async fn state(shop: &Shop) -> Vec<Value> {
    let mut rows = shop.runs().await;
    for table in [
        "sync_metadata",
        "sync_streams",
        "sync_findings",
        "sync_deletions",
        "products",
        "uoms",
    ] {
        let query = format!("select * from odoo.{table} it order by it::text");
        rows.extend(shop.rows(&query).await);
    }
    rows
}

/// An operator's desk in the shop of a chain that is over.
async fn desk_of(chain: Chain) -> Desk {
    Desk {
        caller: Caller::with(&chain.shop.environment).await,
        function: chain.shop.function().await,
        shop: chain.shop,
        bus: chain.bus,
    }
}

#[tokio::test]
async fn a_running_run_stops_and_what_it_has_committed_stays() {
    for version in [Version::V14, Version::V19] {
        let mut desk = Desk::open(version).await;
        let third_page = When::method("read").model(PRODUCT).nth(3);
        let hold = Hold::the_next(&desk.shop.sim, third_page);
        desk.function.send(&json!({"mode": "full"}));
        hold.reached().await;
        let running = desk.shop.runs().await[0]["run_id"].clone();

        let data = desk.done("cancel/products").await;
        assert_eq!(
            (&data["runId"], &data["status"]),
            (&running, &json!("failed"))
        );
        let run = desk.shop.runs().await.remove(0);
        assert_eq!(
            (&run["status"], &run["error_code"]),
            (&json!("failed"), &json!("cancelled"))
        );
        assert!(!run["finished_at"].is_null());
        let metadata = desk.shop.metadata().await;
        assert_eq!(metadata["sync_status"], "failed");
        assert!(metadata["lease_token"].is_null() && metadata["run_id"].is_null());
        let before = state(&desk.shop).await;
        assert_eq!(desk.told("Sync Failed"), [""; 0], "the function tells it");

        hold.release();
        let answer = desk.function.answered().await;
        assert_failed(&answer, "cancelled");
        assert_eq!(answer["data"]["status"], "failed");
        assert_eq!(answer["data"]["recordsProcessed"], data["recordsProcessed"]);
        assert_eq!(state(&desk.shop).await, before, "it wrote something");
        let watermarks = desk.shop.watermarks().await;
        assert!(watermarks.iter().all(|it| it["watermark"].is_null()));
        let told = desk.told("Sync Failed");
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["error"]["code"], "cancelled");
        assert_eq!(told[0]["runId"], running);
        // It is no failure that anybody has to be told the end of.
        desk.sync("incremental").await;
        assert_eq!(desk.told("Sync Completed")[0]["recovered"], false);
        desk.shop.assert_mirrored().await;
        let log = desk.function.end().await;
        assert!(log.contains("run cancelled"));
        assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
        assert!(
            !log.contains("\"RunsFailed\""),
            "it is counted as a failure"
        );
    }
}

/// Cancels the run while its end is tried again: the first attempt was cut before its commit.
/// Returns the answer.
async fn cancel_between_two_attempts_to_end(desk: &mut Desk) -> Value {
    // Time to cancel it in.
    let slow = [("SYNC_RETRY_DELAY_MS", "3000")];
    desk.function = desk.shop.function_with(&slow).await;
    let shop = &desk.shop;
    shop.execute(
        "create or replace function odoo.hold_an_end() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock(4711); return new; end $$;
         create or replace trigger hold_an_end before update on odoo.sync_runs for each row
             when (new.status <> 'in_progress' and new.error_code is distinct from 'cancelled')
             execute function odoo.hold_an_end();
         select pg_advisory_lock(4711)",
    )
    .await;
    let held = "select pid from pg_stat_activity
                where datname = current_database() and wait_event = 'advisory'";
    desk.function.send(&json!({"mode": "full"}));
    wait_until("the run is about to end", async || {
        !shop.rows(held).await.is_empty()
    })
    .await;
    shop.execute(&format!(
        "select pg_terminate_backend(pid) from ({held}) held"
    ))
    .await;
    wait_until("its first attempt is gone", async || {
        shop.rows(held).await.is_empty()
    })
    .await;
    desk.done("cancel/products").await;
    desk.shop.execute("select pg_advisory_unlock(4711)").await;
    desk.function.answered().await
}

#[tokio::test]
async fn a_run_that_is_cancelled_while_its_end_is_tried_again_is_told_as_cancelled() {
    let mut desk = Desk::open(Version::V19).await;
    let answer = cancel_between_two_attempts_to_end(&mut desk).await;
    assert_failed(&answer, "cancelled");
    assert_eq!(answer["data"]["status"], "failed");
    let watermarks = desk.shop.watermarks().await;
    assert!(watermarks.iter().all(|it| it["watermark"].is_null()));

    let refused = When::method("read").forever();
    desk.shop.sim.inject(refused, Fault::AccessDenied);
    let answer = cancel_between_two_attempts_to_end(&mut desk).await;
    assert_failed(&answer, "cancelled");

    let told = desk.told("Sync Failed");
    let codes: Vec<&Value> = told.iter().map(|it| &it["error"]["code"]).collect();
    assert_eq!(codes, ["cancelled", "cancelled"]);
    assert!(desk.told("Sync Completed").is_empty());
}

#[tokio::test]
async fn where_nothing_runs_there_is_nothing_to_cancel() {
    let mut desk = Desk::open(Version::V19).await;
    let (status, body) = desk.post("cancel/products").await;
    assert_eq!(status, 409, "{body}");
    assert_failed(&body, "bad_request");
    desk.sync("incremental").await;
    let before = state(&desk.shop).await;
    assert_eq!(desk.post("cancel/products").await.0, 409);
    assert_eq!(state(&desk.shop).await, before);
    let refused = desk
        .caller
        .send("POST", "/api/sync/cancel/products", Some("[]"));
    assert_eq!(refused.await.0, 400);
    assert_eq!(desk.post("cancel/produkte").await.0, 400);
}

#[tokio::test]
async fn a_run_whose_function_died_is_over_at_once() {
    let mut desk = Desk::open(Version::V19).await;
    let hold = Hold::the_next(&desk.shop.sim, When::method("read").model(PRODUCT));
    desk.function.send(&json!({}));
    hold.reached().await;
    desk.function.kill().await;
    desk.shop
        .execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'")
        .await;
    let data = desk.done("cancel/products").await;
    hold.release();
    // Nobody else is there to tell.
    let told = desk.told("Sync Failed");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["runId"], &told[0]["error"]["code"]),
        (&data["runId"], &json!("cancelled"))
    );
    desk.function = desk.shop.function().await;
    let report = desk.sync("incremental").await;
    assert_ne!(report["runId"], data["runId"], "a new run");
    desk.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_batch_that_waits_goes_on_and_the_next_slice_does_nothing() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let batch = Uuid::new_v4();
    chain
        .shop
        .execute(&format!(
            "insert into odoo.sync_batches
                 (batch_id, data_type, place, mode, triggered_by, state, requested_at)
             values ('{batch}', 'products', 1, 'full', 'http', 'requested', now()),
                    ('{batch}', 'sales', 2, 'full', 'http', 'requested', now())"
        ))
        .await;
    let detail = json!({"dataType": "products", "mode": "full", "batchId": batch});
    chain.slice(&requested(&detail)).await;
    let next = chain.next();
    chain.let_all_through();
    let mut desk = desk_of(chain).await;

    let data = desk.done("cancel/products").await;
    let committed = 25 + desk.shop.sim.count("uom.uom");
    assert_eq!(data["recordsProcessed"], committed, "it stays");
    let parts = desk
        .shop
        .rows("select * from odoo.sync_batches order by place")
        .await;
    assert_eq!(parts[0]["state"], "failed");
    assert_eq!(parts[0]["error_code"], "cancelled");
    assert_eq!(parts[1]["state"], "requested");
    let told = desk.told("Sync Failed");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["batchId"], json!(batch));

    let asked = desk.shop.sim.requests().len();
    let before = state(&desk.shop).await;
    let answer = desk.function.call(&next).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(desk.shop.sim.requests().len(), asked, "Odoo was asked");
    assert_eq!(state(&desk.shop).await, before);
}

#[tokio::test]
async fn what_a_lesser_run_that_is_cancelled_was_taken_over_for_still_runs() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    chain.let_all_through();
    let mut desk = desk_of(chain).await;
    let hold = Hold::the_next(&desk.shop.sim, When::method("read").model(PRODUCT));
    let request = requested(&json!({"mode": "reconcile", "dataType": "products"}));
    desk.function.send(&request);
    hold.reached().await;
    desk.done("cancel/products").await;
    hold.release();
    assert_failed(&desk.function.answered().await, "cancelled");
    assert_eq!(desk.shop.metadata().await["pending_mode"], "reconcile");
}

#[tokio::test]
async fn what_was_remembered_to_run_next_still_does() {
    let mut desk = Desk::open(Version::V14).await;
    let hold = Hold::the_next(&desk.shop.sim, When::method("read").model(PRODUCT));
    desk.function.send(&json!({}));
    hold.reached().await;
    desk.shop
        .execute("update odoo.sync_metadata set pending_mode = 'reconcile'")
        .await;
    desk.done("cancel/products").await;
    hold.release();
    assert_failed(&desk.function.answered().await, "cancelled");
    assert_eq!(desk.shop.metadata().await["pending_mode"], "reconcile");
    let answer = desk.function.call(&schedule()).await;
    assert_eq!(answer["data"]["mode"], "reconcile", "{answer}");
    desk.shop.assert_mirrored().await;
}
