//! Delivery is at least once: a batch's request comes again while its run is on, over or left.

use std::time::Duration;

use odoo_sim::When;
use serde_json::{Value, json};

use super::shop::Shop;
use super::yard::event;
use crate::support::hold::Hold;
use crate::support::postgres::open;

/// A batch that has just been started, and its request for categories as the bus delivers it.
async fn started() -> (Shop, Value) {
    let shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    let answer = all.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    let detail = shop.yard.bus.taken()[0]["Detail"].clone();
    assert_eq!(detail["dataType"], "categories");
    (shop, event("odoo.sync", "Sync Requested", &detail))
}

async fn runs(shop: &Shop) -> Vec<Value> {
    let query = "select run_id, status from odoo.sync_runs order by started_at";
    shop.yard.rows(query).await
}

#[tokio::test]
async fn a_request_whose_run_is_over_does_nothing_and_tells_the_batch_of_it_again() {
    let (mut shop, request) = started().await;
    let first = shop.function("categories").call(&request).await;
    let told = shop.yard.bus.taken().pop().expect("its end");
    assert_eq!(told["DetailType"], "Sync Completed");
    shop.sim.reset_requests();
    for state in ["requested", "success", "failed"] {
        // Whether or not the batch has heard of its end.
        shop.yard
            .execute(&format!("update odoo.sync_batches set state = '{state}'"))
            .await;
        let again = shop.function("categories").call(&request).await;
        assert_eq!(again["success"], true, "{again}");
        let expected = json!({"dataType": "categories", "runId": first["data"]["runId"]});
        assert_eq!(again["data"], expected);
        assert_eq!(shop.yard.bus.taken().pop(), Some(told.clone()), "{state}");
    }
    assert_eq!(runs(&shop).await.len(), 1);
    assert_eq!(shop.sim.requests().len(), 0, "Odoo was asked");
    assert_eq!(shop.yard.bus.taken().len(), 3 + 1 + 3);
}

/// The process ended its run and died before it could tell, and Lambda tries again.
#[tokio::test]
async fn a_batch_goes_on_though_the_end_of_a_run_was_told_only_by_lambda_s_retry() {
    for (status, code) in [("success", None), ("failed", Some("odoo_fault"))] {
        let (mut shop, request) = started().await;
        let run = shop
            .yard
            .put_run("categories", "incremental", status, 0)
            .await;
        shop.yard.assign("categories", run).await;
        shop.function("categories").call(&request).await;
        let told = shop.yard.bus.taken().pop().expect("its end");
        let detail = &told["Detail"];
        assert_eq!(detail["runId"], json!(run));
        assert_eq!(detail["batchId"], request["detail"]["batchId"]);
        assert_eq!(detail["error"]["code"], json!(code));
        let mut all = shop.yard.function().await;
        let kind = told["DetailType"].as_str().expect("a type");
        all.call(&event("odoo.sync", kind, detail)).await;
        let part = shop.yard.part("categories").await;
        assert_eq!(
            (&part["state"], &part["error_code"]),
            (&json!(status), &json!(code))
        );
        assert_eq!(shop.yard.requested().len(), 4, "the next one");
    }
}

/// The first request was remembered, and the run that does it is on when the batch asks again.
#[tokio::test]
async fn what_is_being_done_is_not_remembered_once_more() {
    for (confirmed, pending) in [(true, Value::Null), (false, json!("reconcile"))] {
        let mut shop = Shop::open().await;
        let mut all = shop.yard.function().await;
        all.call(&json!({"mode": "reconcile", "confirmDeletes": true}))
            .await;
        let detail = shop.yard.bus.taken()[0]["Detail"].clone();
        let lesser = shop
            .yard
            .put_run("categories", "incremental", "success", 0)
            .await;
        shop.yard.assign("categories", lesser).await;
        let run = shop.yard.put_running("categories", 0, 600).await;
        shop.yard
            .execute(&format!(
                "update odoo.sync_runs set mode = 'reconcile', confirm_deletes = {confirmed}
                 where run_id = '{run}'"
            ))
            .await;
        let request = event("odoo.sync", "Sync Requested", &detail);
        let answer = shop.function("categories").call(&request).await;
        assert_eq!(answer["data"]["runId"], json!(run), "{answer}");
        let metadata = shop
            .yard
            .rows("select pending_mode from odoo.sync_metadata")
            .await;
        assert_eq!(metadata[0]["pending_mode"], pending, "{confirmed}");
    }
}

#[tokio::test]
async fn a_request_that_the_batch_has_given_up_does_nothing() {
    let (mut shop, request) = started().await;
    shop.yard
        .execute("update odoo.sync_batches set state = 'failed', error_code = 'internal'")
        .await;
    let answer = shop.function("categories").call(&request).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(
        answer["data"],
        json!({"dataType": "categories", "runId": null})
    );
    assert_eq!(runs(&shop).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_request_whose_run_is_on_does_nothing_and_one_of_a_run_that_was_left_goes_on_in_it() {
    let (mut shop, request) = started().await;
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    shop.function("categories").send(&request);
    hold.reached().await;
    let run = runs(&shop).await[0]["run_id"].clone();
    assert_eq!(shop.yard.part("categories").await["run_id"], run);
    let told = shop.yard.bus.taken().len();
    let mut other = shop.another("categories").await;
    // Long enough to look whether the holder is alive, too short for its next sign.
    other.send_with_deadline(&request, Duration::from_secs(2));
    let answer = other.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(
        answer["data"],
        json!({"dataType": "categories", "runId": run})
    );
    assert_eq!(shop.yard.bus.taken().len(), told, "something was told");

    shop.function("categories").kill().await;
    hold.release();
    // Lambda's retry may come a little before the lease has ended.
    shop.yard
        .execute("update odoo.sync_metadata set lease_expires_at = now() + interval '3 seconds'")
        .await;
    let answer = other.call(&request).await;
    assert_eq!(answer["data"]["runId"], run, "{answer}");
    assert_eq!(answer["data"]["status"], "success");
    assert_eq!(runs(&shop).await.len(), 1);
}

/// Two deliveries at once: the second one looks while the first one is about to begin.
#[tokio::test]
async fn who_comes_while_a_run_is_about_to_begin_waits_for_it_and_is_told_which_it_is() {
    let (mut shop, request) = started().await;
    shop.yard
        .execute("insert into odoo.sync_metadata (data_type) values ('categories')")
        .await;
    let starting = open(&shop.yard.database.url).await;
    let run = "0d9488ce-1d5e-4d2a-9f21-1d2f0c7b6a55";
    starting
        .batch_execute(&format!(
            "begin;
             insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status)
             values ('{run}', 'categories', 'incremental', 'http', 'in_progress');
             update odoo.sync_metadata
             set run_id = '{run}', run_mode = 'incremental', lease_token = gen_random_uuid(),
                 lease_expires_at = now() + interval '1 minute'
             where data_type = 'categories'"
        ))
        .await
        .expect("a run that begins");
    for event in [json!({}), request] {
        shop.function("categories").send(&event);
        shop.yard.database.held_up(1).await;
        starting.batch_execute("commit").await.expect("a commit");
        let answer = shop.function("categories").answered().await;
        assert_eq!(answer["error"]["code"], "busy", "{answer}");
        assert_eq!(answer["data"]["runId"], run);
        starting
            .batch_execute("begin; update odoo.sync_metadata set slice = slice")
            .await
            .expect("its next transaction");
        // A run that is on is named at once, whatever it is about.
        let answer = shop.function("categories").call(&json!({})).await;
        assert_eq!(answer["data"]["runId"], run, "{answer}");
        starting
            .batch_execute(
                "update odoo.sync_metadata set lease_token = null, lease_expires_at = null,
                     run_id = null, run_mode = null;
                 commit; begin;
                 update odoo.sync_metadata
                 set run_id = '0d9488ce-1d5e-4d2a-9f21-1d2f0c7b6a55', run_mode = 'incremental',
                     lease_token = gen_random_uuid(),
                     lease_expires_at = now() + interval '1 minute'",
            )
            .await
            .expect("the next one that begins");
    }
}
