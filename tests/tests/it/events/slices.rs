//! A run that is longer than an invocation: it is handed over from slice to slice, by
//! events that may be lost, doubled or late.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bus::{Mood, requested};
use super::chain::{Chain, schedule};
use crate::support::hold::Hold;
use crate::support::shop::{VERSIONS, assert_failed};

#[tokio::test]
async fn a_chain_of_slices_finishes_a_run_of_any_length_and_reads_no_row_twice() {
    for version in VERSIONS {
        let mut chain = Chain::in_a_shop(version, Mood::Takes).await;
        let batch = Uuid::new_v4().to_string();
        let mut event = requested(&json!({
            "dataType": "products", "mode": "full", "batchId": batch
        }));
        let mut run_id = Value::Null;
        for number in 1..=4 {
            chain.shop.sim.reset_requests();
            let answer = chain.slice(&event).await;
            assert_eq!(answer["data"]["slices"], number);
            assert_eq!(chain.products().await, 25 * number);
            if number == 1 {
                run_id = answer["data"]["runId"].clone();
            } else {
                let uoms = chain.shop.sim.requests();
                let mut uoms = uoms.iter().filter(|it| it.model == "uom.uom");
                assert!(uoms.all(|it| it.method != "read"), "read again");
            }
            event = chain.next();
            let expected = json!({
                "dataType": "products", "mode": "full", "confirmDeletes": false,
                "runId": run_id, "slice": number + 1, "batchId": batch
            });
            assert_eq!(event["detail"], expected);
        }
        chain.let_all_through();
        let answer = chain.function.call(&event).await;
        let data = &answer["data"];
        let rows = chain.shop.sim.count("product.product") + chain.shop.sim.count("uom.uom");
        assert_eq!(data["status"], "success", "{answer}");
        assert_eq!((&data["runId"], &data["slices"]), (&run_id, &json!(5)));
        // Those of all slices, each row once.
        assert_eq!(data["recordsInserted"], rows);
        assert_eq!(data["recordsProcessed"], rows);
        let told = chain.bus.heard().pop().expect("an event");
        assert_eq!(told["DetailType"], "Sync Completed");
        assert_eq!(told["Detail"]["batchId"], json!(batch));
        chain.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_slice_that_is_running_or_over_is_not_done_again() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let second = chain.next();
    chain.slice(&second).await;
    let third = chain.next();
    let runs = chain.shop.runs().await;

    // Over: the second one's event comes once more.
    chain.let_all_through();
    let requests = chain.shop.sim.requests().len();
    let answer = chain.invoke(&second).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["data"]["runId"], runs[0]["run_id"]);
    assert_eq!(chain.shop.runs().await, runs);

    // Running: the third one's event comes while it is at work.
    let mut other = chain.shop.function().await;
    let hold = Hold::the_next(&chain.shop.sim, When::method("read"));
    other.send(&third);
    hold.reached().await;
    let before = chain.bus.heard().len();
    let answer = chain.invoke(&third).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(chain.bus.heard().len(), before, "nothing is told of it");
    hold.release();
    let answer = other.answered().await;
    assert_eq!(answer["data"]["slices"], 3, "{answer}");
    assert_eq!(answer["data"]["status"], "success");

    // The run is over: it comes a third time.
    let asked = chain.shop.sim.requests().len();
    assert!(asked > requests);
    chain.invoke(&third).await;
    assert_eq!(chain.shop.sim.requests().len(), asked, "Odoo was asked");
    assert_eq!(chain.shop.runs().await.len(), 1);
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_slice_whose_function_died_is_done_by_lambda_s_own_retry() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let second = chain.next();
    chain.let_all_through();
    let hold = Hold::the_next(&chain.shop.sim, When::method("read"));
    chain.function.send(&second);
    hold.reached().await;
    chain.function.kill().await;
    chain.function = chain.shop.function().await;
    // Lambda tries again after about a minute, and the lease may have been renewed just before the end.
    chain
        .shop
        .execute("update odoo.sync_metadata set lease_expires_at = now() + interval '3 seconds'")
        .await;
    let answer = chain.function.call(&second).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["slices"], 3);
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_broken_chain_is_picked_up_by_the_next_schedule_and_a_late_event_does_nothing() {
    for mood in [Mood::RefusesEntries, Mood::Takes] {
        let mut chain = Chain::in_a_shop(Version::V14, mood).await;
        chain.slice(&json!({"mode": "full"})).await;
        let late = chain.next();
        chain.slice(&schedule()).await;
        let answer = chain.invoke(&late).await;
        assert!(answer["data"].get("status").is_none(), "{answer}");
        chain.let_all_through();
        let answer = chain.function.call(&schedule()).await;
        let data = &answer["data"];
        assert_eq!(data["status"], "success", "{answer}");
        assert_eq!(
            (&data["mode"], &data["slices"]),
            (&json!("full"), &json!(3))
        );
        chain.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn what_is_asked_of_a_run_that_is_handed_over_again_is_not_forgotten() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let batch = Uuid::new_v4().to_string();
    let request = json!({"mode": "reconcile", "dataType": "products", "batchId": batch});
    chain.slice(&requested(&request)).await;
    assert_eq!(chain.shop.metadata().await["pending_mode"], "reconcile");
    // The batch must not take the end of the lesser run for the end of its own.
    assert_eq!(chain.next()["detail"].get("batchId"), None);
    chain.let_all_through();
    chain.function.call(&chain.next()).await;
    let runs = chain.shop.runs().await;
    let modes: Vec<&Value> = runs.iter().map(|run| &run["mode"]).collect();
    assert_eq!(modes, ["incremental", "reconcile"]);
    assert!(
        runs.iter().all(|run| run["status"] == "success"),
        "{runs:?}"
    );
}

#[tokio::test]
async fn what_is_asked_of_a_run_that_fails_is_not_forgotten() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.slice(&json!({})).await;
    chain.let_all_through();
    let refused = When::method("read").forever();
    chain.shop.sim.inject(refused, Fault::AccessDenied);
    let request = requested(&json!({"mode": "reconcile", "dataType": "products"}));
    assert_failed(&chain.function.call(&request).await, "odoo_auth");
    assert_eq!(chain.shop.metadata().await["pending_mode"], "reconcile");
    chain.let_all_through();
    let answer = chain.function.call(&schedule()).await;
    assert_eq!(answer["data"]["mode"], "reconcile", "{answer}");
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_comparison_of_ids_that_runs_out_of_time_is_done_by_the_next_slice() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.function.call(&json!({})).await;
    let gone = chain.shop.sim.ids("product.product")[5];
    chain.shop.sim.unlink("product.product", &[gone]);
    // By which what was not listed is looked for once more.
    let search = When::method("search").model("product.product");
    chain.shop.sim.inject(search.forever(), Fault::Hang);
    let answer = chain.invoke(&json!({"mode": "reconcile"})).await;
    assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
    assert_eq!(answer["data"]["recordsDeleted"], 0);

    chain.let_all_through();
    chain.shop.sim.reset_requests();
    let answer = chain.function.call(&chain.next()).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["recordsDeleted"], 1);
    assert_eq!(chain.shop.sim.count_requests("read"), 0, "read again");
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_chain_that_brings_in_no_row_comes_to_an_end_that_is_on_record() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let any = When::method("read").forever();
    chain.shop.sim.inject(any, Fault::Hang);
    let mut event = json!({});
    for _ in 0..4 {
        let answer = chain.invoke(&event).await;
        assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
        event = chain.next();
    }
    let answer = chain.invoke(&event).await;
    assert_failed(&answer, "internal");
    assert_eq!(answer["data"]["status"], "failed");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed");
    let metadata = chain.shop.metadata().await;
    assert_eq!(metadata["sync_status"], "failed");
    assert!(metadata["run_id"].is_null() && metadata["lease_token"].is_null());

    chain.let_all_through();
    chain.function.call(&schedule()).await;
    chain.shop.assert_mirrored().await;
}

/// Who confirms deletions is not told of the guard that he has lifted.
#[tokio::test]
async fn a_confirmed_request_that_takes_a_run_over_confirms_that_run() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.function.call(&json!({})).await;
    let ids = chain.shop.sim.ids("product.product");
    // As good as gone.
    chain.shop.sim.hide("product.product", &ids[..60]);
    // Before it is known how many are gone: the guard would stop an unconfirmed run there.
    // The first one asks for the newest change.
    let listing = When::method("search_read").model("product.product").nth(2);
    chain.shop.sim.inject(listing.forever(), Fault::Hang);
    let answer = chain.invoke(&json!({"mode": "reconcile"})).await;
    assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
    chain.let_all_through();
    let request = json!({"mode": "reconcile", "confirmDeletes": true});
    let answer = chain.function.call(&request).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["recordsDeleted"], 60);
}
