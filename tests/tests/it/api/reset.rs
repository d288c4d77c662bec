//! A reset makes the next run a full one, and only by force stops the one that is on.

use odoo_sim::{Version, When};
use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::hold::Hold;
use crate::support::odoo::{Odoo, simulator};
use crate::support::shop::{Shop, assert_failed};

const RESET: &str = "/api/sync/reset/products";
const FORCED: &str = "/api/sync/reset/products?force=true";

/// Everything that a run may write.
async fn state(shop: &Shop) -> Vec<Value> {
    let mut rows = shop.runs().await;
    for table in [
        "sync_metadata",
        "sync_streams",
        "sync_findings",
        "products",
        "uoms",
    ] {
        let query = format!("select * from odoo.{table} it order by it::text");
        rows.extend(shop.rows(&query).await);
    }
    rows
}

#[tokio::test]
async fn a_reset_keeps_the_mirror_and_the_next_run_reads_everything() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let first = shop.sync(&mut function).await;
    let mut caller = Caller::of(&shop).await;
    let before = shop
        .rows("select * from odoo.products order by odoo_id")
        .await;
    let metadata = shop.metadata().await;

    let (status, body) = caller.ask("POST", RESET).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        body["data"],
        json!({"dataType": "products", "status": "pending", "endedRunId": null})
    );
    assert_eq!(shop.watermarks().await, Vec::<Value>::new());
    assert_eq!(
        shop.rows("select * from odoo.products order by odoo_id")
            .await,
        before
    );
    let after = shop.metadata().await;
    assert_eq!(after["sync_status"], "pending");
    assert_eq!(
        after["last_sync_timestamp"],
        metadata["last_sync_timestamp"]
    );

    let second = shop.sync(&mut function).await;
    assert_eq!(second["recordsUnchanged"], first["recordsProcessed"]);
    assert_eq!(second["recordsProcessed"], first["recordsProcessed"]);
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn after_a_reset_a_mirror_can_be_filled_from_another_odoo() {
    let mut shop = Shop::open(Version::V19).await;
    shop.sync(&mut shop.function().await).await;
    let other = simulator(Version::V19, 130).await;
    shop.odoo = Odoo::simulated(&other).await;
    let environment = shop.odoo.environment(&shop.database.url);
    shop.environment.extend(environment);
    let mut function = shop.function().await;
    assert_failed(&function.call(&json!({})).await, "config");

    let mut caller = Caller::of(&shop).await;
    assert_eq!(caller.ask("POST", RESET).await.0, 200);
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn what_was_never_synced_can_be_reset_and_nothing_comes_of_it() {
    let shop = Shop::open(Version::V14).await;
    let mut caller = Caller::of(&shop).await;
    for target in [RESET, FORCED, "/api/sync/reset/products?force=false"] {
        assert_eq!(caller.ask("POST", target).await.0, 200);
    }
    assert_eq!(state(&shop).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_running_sync_is_only_stopped_by_force_and_then_writes_nothing_any_more() {
    for version in [Version::V14, Version::V19] {
        let shop = Shop::open(version).await;
        let third_page = When::method("read").model("product.product").nth(3);
        let hold = Hold::the_next(&shop.sim, third_page);
        let mut sleeper = shop.function().await;
        sleeper.send(&json!({"mode": "full"}));
        hold.reached().await;
        let running = shop.runs().await[0]["run_id"].clone();
        let mut caller = Caller::of(&shop).await;

        let (status, body) = caller.ask("POST", RESET).await;
        assert_eq!(status, 409);
        assert_failed(&body, "busy");
        assert_eq!(
            body["data"],
            json!({"dataType": "products", "runId": running, "status": "in_progress"})
        );
        assert!(
            !shop.metadata().await["lease_token"].is_null(),
            "it goes on"
        );

        let (status, body) = caller.ask("POST", FORCED).await;
        assert_eq!(
            (status, &body["data"]["endedRunId"]),
            (200, &running),
            "{body}"
        );
        let run = shop.runs().await.remove(0);
        assert_eq!(
            (&run["status"], &run["error_code"]),
            (&json!("failed"), &json!("busy"))
        );
        assert!(!run["finished_at"].is_null());
        let before = state(&shop).await;

        hold.release();
        let late = sleeper.answered().await;
        assert_failed(&late, "busy");
        assert_eq!(state(&shop).await, before, "the sleeper wrote something");

        let report = shop.sync(&mut sleeper).await;
        let rows = shop.sim.count("product.product") + shop.sim.count("uom.uom");
        assert_eq!(
            report["recordsProcessed"], rows,
            "the next run reads everything"
        );
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_run_that_waits_for_its_next_slice_is_on_and_one_whose_holder_is_gone_is_not() {
    let shop = Shop::open(Version::V19).await;
    let hold = Hold::the_next(&shop.sim, When::method("read").model("product.product"));
    let mut function = shop.function().await;
    function.send(&json!({}));
    hold.reached().await;
    function.kill().await;
    let run_id = shop.runs().await[0]["run_id"].clone();
    let mut caller = Caller::of(&shop).await;

    let token = shop.metadata().await["lease_token"].clone();
    shop.execute("update odoo.sync_metadata set lease_token = null, lease_expires_at = null")
        .await;
    let (status, body) = caller.ask("POST", RESET).await;
    assert_eq!(
        (status, &body["data"]["runId"]),
        (409, &run_id),
        "handed over"
    );

    let token = token.as_str().expect("a token");
    shop.execute(&format!(
        "update odoo.sync_metadata
         set lease_token = '{token}', lease_expires_at = now() - interval '1 second'"
    ))
    .await;
    let (status, body) = caller.ask("POST", RESET).await;
    assert_eq!(
        (status, &body["data"]["endedRunId"]),
        (200, &run_id),
        "its holder is gone"
    );
    assert_eq!(shop.runs().await[0]["status"], "failed");
    hold.release();
}

#[tokio::test]
async fn a_batch_that_waits_for_the_run_is_told_at_once_also_between_two_slices() {
    let shop = Shop::open(Version::V19).await;
    let (batch, run) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    shop.execute(&format!(
        "insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status)
         values ('{run}', 'products', 'full', 'event', 'in_progress');
         insert into odoo.sync_metadata (data_type, sync_status, run_id, run_mode, slice)
         values ('products', 'in_progress', '{run}', 'full', 2);
         insert into odoo.sync_batches (batch_id, data_type, place, mode, triggered_by, state,
             requested_at, run_id)
         values ('{batch}', 'products', 1, 'full', 'http', 'requested', now(), '{run}'),
                ('{batch}', 'sales', 2, 'full', 'http', 'requested', now(), null)"
    ))
    .await;
    let mut caller = Caller::of(&shop).await;
    let (status, body) = caller.ask("POST", FORCED).await;
    assert_eq!((status, &body["data"]["endedRunId"]), (200, &json!(run)));
    let parts = shop
        .rows("select * from odoo.sync_batches order by place")
        .await;
    assert_eq!(parts[0]["state"], "failed");
    assert_eq!(parts[0]["error_code"], "busy");
    assert_eq!(parts[0]["error_message"], "ended by a reset");
    assert!(!parts[0]["finished_at"].is_null());
    // What waits for no run of this data type goes on.
    assert_eq!(parts[1]["state"], "requested");
}

#[tokio::test]
async fn what_waited_to_run_is_dropped() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    shop.execute(
        "update odoo.sync_metadata
         set pending_mode = 'reconcile', pending_confirm_deletes = true",
    )
    .await;
    let mut caller = Caller::of(&shop).await;
    assert_eq!(caller.ask("POST", RESET).await.0, 200);
    let metadata = shop.metadata().await;
    assert_eq!(metadata["pending_mode"], Value::Null);
    assert_eq!(metadata["pending_confirm_deletes"], false);
    assert_eq!(shop.sync(&mut function).await["mode"], "incremental");
}

#[tokio::test]
async fn a_reset_of_one_data_type_leaves_the_others_alone() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&mut shop.function().await).await;
    let before = state(&shop).await;
    let mut caller = Caller::of(&shop).await;
    let (status, _) = caller
        .ask("POST", "/api/sync/reset/categories?force=true")
        .await;
    assert_eq!(status, 200);
    assert_eq!(state(&shop).await, before);
}

#[tokio::test]
async fn a_body_that_might_mean_something_is_refused() {
    let shop = Shop::open(Version::V14).await;
    let mut caller = Caller::of(&shop).await;
    for body in ["{\"force\": true}", "{", "[]", "null", "true"] {
        let (status, answer) = caller.send("POST", RESET, Some(body)).await;
        assert_eq!(status, 400, "{body}");
        assert!(assert_failed(&answer, "bad_request").contains("force=true"));
    }
    for body in ["", " \n", "{}"] {
        assert_eq!(caller.send("POST", RESET, Some(body)).await.0, 200);
    }
    for target in [
        "?force=yes",
        "?force",
        "?Force=true",
        "?force=true&force=true",
    ] {
        let (status, _) = caller.ask("POST", &format!("{RESET}{target}")).await;
        assert_eq!(status, 400, "{target}");
    }
    let large = " ".repeat(64 * 1024 + 1);
    assert_eq!(caller.send("POST", RESET, Some(&large)).await.0, 413);
}
