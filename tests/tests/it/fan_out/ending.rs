//! How a data type's part of a batch ends.

use serde_json::{Value, json};
use uuid::Uuid;

use super::yard::{Yard, completed, crashed, event, failed, start};

/// What a batch asks a data type's function, as the bus delivers it.
fn requested(data_type: &str, batch: &str) -> Value {
    let detail = json!({"mode": "incremental", "dataType": data_type, "batchId": batch});
    event("odoo.sync", "Sync Requested", &detail)
}

#[tokio::test]
async fn a_failure_is_kept_with_its_code_and_the_batch_goes_on() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    for code in ["odoo_auth", "config"] {
        let data_type = yard.in_state("requested").await.remove(0);
        function.call(&failed(&data_type, &batch, code)).await;
        let part = yard.part(&data_type).await;
        assert_eq!(part["state"], "failed");
        assert_eq!(part["error_code"], code);
        assert_eq!(part["error_message"], "what went wrong");
        assert!(!part["finished_at"].is_null());
    }
    assert_eq!(yard.requested().len(), 5);
    // What is over stays as it is, whatever comes late.
    function.call(&completed("categories", &batch)).await;
    assert_eq!(yard.part("categories").await["state"], "failed");
    assert_eq!(yard.requested().len(), 5);
}

#[tokio::test]
async fn a_function_that_crashed_does_not_stall_the_batch() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    // It left a run and a lease behind, which is still good for a while.
    yard.put_running("categories", 1, 40).await;
    let bare = json!({"dataType": "warehouses", "batchId": batch});
    for (data_type, payload) in [
        ("categories", requested("categories", &batch)),
        ("warehouses", bare),
    ] {
        let told = crashed(data_type, &payload);
        for _ in 0..2 {
            let answer = function.call(&told).await;
            assert_eq!(answer["success"], true, "{answer}");
        }
        let part = yard.part(data_type).await;
        assert_eq!(
            (&part["state"], &part["error_code"]),
            (&json!("failed"), &json!("internal"))
        );
    }
    assert_eq!(yard.requested().len(), 5);
    // One that a schedule had invoked is nothing to the batch.
    let schedule = event("aws.events", "Scheduled Event", &json!({}));
    function.call(&crashed("products", &schedule)).await;
    assert_eq!(yard.part("products").await["state"], "requested");
}

#[tokio::test]
async fn a_data_type_that_was_busy_before_fails_as_busy() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    yard.put_running("categories", -30, 60).await;
    let batch = start(&mut function).await;
    function.call(&failed("categories", &batch, "busy")).await;
    let part = yard.part("categories").await;
    assert_eq!(
        (&part["state"], &part["error_code"]),
        (&json!("failed"), &json!("busy"))
    );
    assert_eq!(yard.requested().len(), 4);
}

#[tokio::test]
async fn busy_with_a_run_that_does_what_the_batch_asks_is_no_failure() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    yard.put_running("categories", 1, 60).await;
    function.call(&failed("categories", &batch, "busy")).await;
    assert_eq!(yard.part("categories").await["state"], "requested");
    function.call(&completed("categories", &batch)).await;
    assert_eq!(yard.part("categories").await["state"], "success");
}

/// It may have begun before the batch, be older than the last request for it, or be put back while it is
/// on: its own it is by its id.
#[tokio::test]
async fn busy_with_the_batch_s_own_run_is_no_failure_however_often_that_was_asked_for() {
    for (state, asked_ago) in [
        ("requested", "0"),
        ("requested", "1 hour"),
        ("pending", "0"),
    ] {
        let yard = Yard::open().await;
        let mut function = yard.function().await;
        let batch = start(&mut function).await;
        let run = yard.put_running("categories", -7200, 60).await;
        yard.assign("categories", run).await;
        yard.execute(&format!(
            "update odoo.sync_batches
             set state = '{state}',
                 requested_at = case when '{state}' = 'requested' then now() - interval '{asked_ago}' end
             where data_type = 'categories'"
        ))
        .await;
        function.call(&failed("categories", &batch, "busy")).await;
        let part = yard.part("categories").await;
        assert!(part["finished_at"].is_null(), "{part}");
        // Its end ends the part, whoever tells of it.
        yard.execute(
            "update odoo.sync_runs set status = 'success', finished_at = now();
             update odoo.sync_metadata set run_id = null, lease_token = null, lease_expires_at = null",
        )
        .await;
        let detail = json!({"dataType": "categories", "runId": run});
        function
            .call(&event("odoo.sync", "Sync Completed", &detail))
            .await;
        let part = yard.part("categories").await;
        assert_eq!(
            (&part["state"], &part["run_id"]),
            (&json!("success"), &json!(run))
        );
    }
}

#[tokio::test]
async fn a_run_that_knows_nothing_of_the_batch_ends_its_part_if_it_did_what_was_asked() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let answer = function.call(&json!({"mode": "full"})).await;
    let batch = answer["data"]["batchId"].clone();
    let told = |data_type: &str, run: Uuid| {
        let detail = json!({"dataType": data_type, "runId": run});
        event("odoo.sync", "Sync Completed", &detail)
    };
    let before = yard.put_run("categories", "full", "success", -60).await;
    let too_little = yard
        .put_run("warehouses", "incremental", "success", 1)
        .await;
    // It reads only what its times tell of.
    let other = yard.put_run("sales", "reconcile", "success", 1).await;
    let enough = yard.put_run("products", "full", "success", 1).await;
    for (data_type, run, state) in [
        ("categories", before, "requested"),
        ("warehouses", too_little, "requested"),
        ("sales", other, "pending"),
        ("products", enough, "success"),
    ] {
        function.call(&told(data_type, run)).await;
        assert_eq!(yard.part(data_type).await["state"], state, "{data_type}");
    }
    assert_eq!(yard.part("products").await["run_id"], enough.to_string());
    // One that failed ends it as well, with its code.
    let run = yard.put_run("purchases", "full", "failed", 1).await;
    let detail = json!({"dataType": "purchases", "runId": run, "error": {"code": "odoo_fault"}});
    function
        .call(&event("odoo.sync", "Sync Failed", &detail))
        .await;
    let part = yard.part("purchases").await;
    assert_eq!(part["error_code"], "odoo_fault");
    assert_eq!(part["batch_id"], batch);
}

/// The nightly reconcile came first, and the guard stopped it; or it had nothing to guard.
#[tokio::test]
async fn a_run_that_lacked_the_batch_s_confirmation_ends_its_part_only_by_success() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let request = json!({"mode": "reconcile", "confirmDeletes": true});
    function.call(&request).await;
    let occasion = event("odoo.sync", "Sync Completed", &json!({"dataType": "sales"}));
    for (data_type, status, confirmed, state) in [
        ("categories", "failed", false, "requested"),
        ("warehouses", "success", false, "success"),
        ("products", "failed", true, "failed"),
    ] {
        let run = yard.put_run(data_type, "reconcile", status, 1).await;
        yard.execute(&format!(
            "update odoo.sync_runs set confirm_deletes = {confirmed} where run_id = '{run}'"
        ))
        .await;
        function.call(&occasion).await;
        assert_eq!(yard.part(data_type).await["state"], state, "{data_type}");
    }
}

#[tokio::test]
async fn an_event_of_another_batch_says_nothing_of_this_one() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    start(&mut function).await;
    let other = Uuid::new_v4().to_string();
    function.call(&completed("categories", &other)).await;
    function.call(&failed("warehouses", &other, "busy")).await;
    let request = requested("products", &other);
    function.call(&crashed("products", &request)).await;
    assert_eq!(yard.in_state("requested").await.len(), 3);
    assert_eq!(yard.requested().len(), 3);
}
