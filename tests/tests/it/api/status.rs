//! Where each data type stands.

use std::collections::BTreeSet;

use odoo_sim::{Version, When};
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::caller::Caller;
use crate::support::hold::Hold;
use crate::support::shop::Shop;
use crate::support::wait_until;

#[tokio::test]
async fn a_data_type_that_was_never_synced_is_pending_and_has_no_row() {
    let shop = Shop::open(Version::V19).await;
    let mut caller = Caller::of(&shop).await;
    let data = caller.get("/api/sync/status").await;
    let pending = REGISTRY
        .iter()
        .map(|spec| (spec.name.to_owned(), json!("pending")));
    assert_eq!(data["status"], Value::Object(pending.collect()));
    assert_eq!(data["metadata"], json!([]));
    let one = caller.get("/api/sync/status/sales").await;
    assert_eq!(
        one,
        json!({"status": {"sales": "pending"}, "metadata": [], "batch": null})
    );
}

#[tokio::test]
async fn a_synced_one_shows_its_row_and_its_streams() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&mut shop.function().await).await;
    let mut caller = Caller::of(&shop).await;
    let all = caller.get("/api/sync/status").await;
    assert_eq!(all["status"]["products"], "success");
    assert_eq!(all["status"]["categories"], "pending");
    let one = caller.get("/api/sync/status/products").await;
    assert_eq!(one["metadata"], all["metadata"]);

    let shown = &all["metadata"][0];
    let row = shop.metadata().await;
    for column in [
        "id",
        "last_sync_count",
        "sync_status",
        "error_message",
        "slice",
    ] {
        assert_eq!(shown[column], row[column], "{column}");
    }
    assert_eq!(shown["progress"], Value::Null);
    let streams: Vec<&str> = shown["streams"]
        .as_array()
        .expect("streams")
        .iter()
        .map(|stream| stream["stream"].as_str().expect("a name"))
        .collect();
    assert_eq!(streams, ["products", "uoms"]);
    assert_eq!(
        shown["streams"][0]["rows_done"],
        shop.sim.count("product.product")
    );
}

#[tokio::test]
async fn a_reconciled_one_shows_the_rows_here_and_there_and_when_they_were_compared() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let mut caller = Caller::of(&shop).await;
    let before = caller.get("/api/sync/status/products").await;
    assert!(before["metadata"][0]["streams"][0]["verified_at"].is_null());
    let answer = function.call(&json!({"mode": "reconcile"})).await;
    assert_eq!(answer["success"], true, "{answer}");
    let after = caller.get("/api/sync/status/products").await;
    let stream = &after["metadata"][0]["streams"][0];
    let rows = shop.sim.count("product.product");
    assert_eq!(stream["source_count"], rows, "there");
    assert_eq!(stream["mirror_count"], rows, "here");
    assert!(stream["verified_at"].is_string());
}

#[tokio::test]
async fn a_run_that_nobody_works_on_is_stale_until_somebody_goes_on_in_it() {
    let shop = Shop::open(Version::V19).await;
    let hold = Hold::the_next(&shop.sim, When::method("read"));
    let mut function = shop.function().await;
    function.send(&json!({}));
    hold.reached().await;
    let mut caller = Caller::of(&shop).await;
    let mut shown = async || {
        let data = caller.get("/api/sync/status/products").await;
        assert_eq!(data["status"]["products"], "in_progress");
        data["metadata"][0]["stale"].clone()
    };
    assert_eq!(shown().await, false, "its function is at work");
    function.kill().await;
    hold.release();
    assert_eq!(shown().await, false, "its lease has not ended");
    shop.execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 s'")
        .await;
    assert_eq!(shown().await, true);
    // Handed over, and the event for its next slice lost.
    shop.execute("update odoo.sync_metadata set lease_token = null, lease_expires_at = null, updated_at = now()")
        .await;
    assert_eq!(shown().await, false, "the event may be on its way");
    shop.execute("update odoo.sync_metadata set updated_at = now() - interval '61 s'")
        .await;
    assert_eq!(shown().await, true);
    shop.sync(&mut shop.function().await).await;
    let data = caller.get("/api/sync/status/products").await;
    assert_eq!(data["metadata"][0]["stale"], false);
}

/// A column that a migration adds is either shown or kept back, and somebody decides which.
#[tokio::test]
async fn every_column_is_shown_but_those_that_are_kept_back() {
    let shop = Shop::open(Version::V14).await;
    shop.sync(&mut shop.function().await).await;
    let mut caller = Caller::of(&shop).await;
    let status = caller.get("/api/sync/status").await;
    let runs = caller.get("/api/sync/runs").await;
    let metadata = &status["metadata"][0];
    for (table, shown, kept_back, added) in [
        (
            "sync_metadata",
            metadata,
            &["given_up_at", "lease_token"][..],
            &["last_reconcile", "progress", "stale", "streams"][..],
        ),
        (
            "sync_streams",
            &metadata["streams"][0],
            &[
                "beside_page",
                "created_at",
                "data_type",
                "delete_guard",
                "read_fingerprint",
                "rows_here",
                "rows_new",
                "run_id",
                "source_fingerprint",
                "watermark_first_seen_at",
                "watermark_last_seen_at",
                "window_fingerprint",
                "window_opened_at",
                "window_seen_at",
                "window_watermark",
            ],
            &[],
        ),
        ("sync_runs", &runs["runs"][0], &[], &[]),
    ] {
        let expected: BTreeSet<String> = columns(&shop, table)
            .await
            .into_iter()
            .filter(|column| !kept_back.contains(&column.as_str()))
            .chain(added.iter().map(|name| (*name).to_owned()))
            .collect();
        let found: BTreeSet<String> = shown.as_object().expect("a row").keys().cloned().collect();
        assert_eq!(found, expected, "{table}");
    }
}

async fn columns(shop: &Shop, table: &str) -> Vec<String> {
    let found = shop
        .rows(&format!(
            "select column_name from information_schema.columns
             where table_schema = 'odoo' and table_name = '{table}'"
        ))
        .await;
    let names = found
        .iter()
        .map(|row| row["column_name"].as_str().expect("a name"));
    names.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_running_one_shows_how_far_it_has_come() {
    let shop = Shop::open(Version::V19).await;
    let units = shop.sim.count("uom.uom");
    let third_page = When::method("read").model("product.product").nth(3);
    let hold = Hold::the_next(&shop.sim, third_page);
    // Else the request for it may overtake the one for the second page.
    let mut function = shop.function_with(&[("SYNC_FETCH_CONCURRENCY", "1")]).await;
    function.send(&json!({}));
    hold.reached().await;
    let mut caller = Caller::of(&shop).await;
    let mut last = Value::Null;
    wait_until("two pages of products are in", async || {
        last = caller.get("/api/sync/status/products").await;
        last["metadata"][0]["progress"]["rows_done"] == units + 100
    })
    .await;
    assert_eq!(last["status"]["products"], "in_progress");
    let row = &last["metadata"][0];
    assert_eq!(
        row["progress"]["rows_to_do"],
        shop.sim.count("product.product") - 100
    );
    assert_eq!(row["run_id"], shop.runs().await[0]["run_id"]);
    let stored = shop.metadata().await;
    let token = stored["lease_token"].as_str().expect("a lease");
    assert!(!last.to_string().contains(token), "the token is shown");
    hold.release();
    function.answered().await;
    let row = &caller.get("/api/sync/status/products").await["metadata"][0];
    assert_eq!(row["progress"], Value::Null);
}

#[tokio::test]
async fn times_are_in_utc_whatever_the_database_s_zone_is() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&mut shop.function().await).await;
    let zone = "do $$ begin
        execute format('alter database %I set timezone to ''Asia/Kolkata''', current_database());
    end $$";
    shop.execute(zone).await;
    let mut caller = Caller::of(&shop).await;
    let runs = caller.get("/api/sync/runs").await;
    let started = runs["runs"][0]["started_at"]
        .as_str()
        .expect("a time")
        .to_owned();
    assert!(started.ends_with("+00:00"), "{started}");
}

#[tokio::test]
async fn a_connection_that_died_meanwhile_is_opened_anew() {
    let shop = Shop::open(Version::V19).await;
    let mut caller = Caller::of(&shop).await;
    caller.get("/api/sync/status").await;
    shop.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await;
    caller.get("/api/sync/status").await;
}

#[tokio::test]
async fn the_newest_batch_shows_what_is_done_and_what_is_to_do() {
    let shop = Shop::open(Version::V19).await;
    let (old, new) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    shop.execute(&format!(
        "insert into odoo.sync_batches (batch_id, data_type, place, mode, triggered_by, state,
             created_at, requested_at, finished_at, error_code, error_message)
         values
             ('{old}', 'sales', 1, 'full', 'http', 'success', now() - interval '1 day',
              now(), now(), null, null),
             ('{new}', 'products', 2, 'full', 'http', 'requested', now(), now(), null, null, null),
             ('{new}', 'categories', 1, 'full', 'http', 'failed', now(), now(), now(), 'odoo_auth',
              'no key'),
             ('{new}', 'transfers', 3, 'full', 'http', 'pending', now(), null, null, null, null)"
    ))
    .await;
    let mut caller = Caller::of(&shop).await;
    let batch = caller.get("/api/sync/status").await["batch"].take();
    assert_eq!(batch["batchId"], new.to_string());
    assert_eq!(
        (&batch["mode"], &batch["status"]),
        (&json!("full"), &json!("in_progress"))
    );
    assert_eq!((&batch["done"], &batch["toDo"]), (&json!(1), &json!(2)));
    assert_eq!(batch["finishedAt"], Value::Null);
    let results = |name: &str| -> Vec<Value> {
        let results = batch["results"].as_array().expect("results");
        results.iter().map(|result| result[name].clone()).collect()
    };
    assert_eq!(results("dataType"), ["categories", "products", "transfers"]);
    assert_eq!(results("status"), ["failed", "in_progress", "pending"]);
    let error = &batch["results"][0]["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!("odoo_auth"), &json!("no key"))
    );
    assert_ne!(error["remedy"].as_str().expect("a text"), "");
    assert_eq!(results("error")[1..], [Value::Null, Value::Null]);

    // A data type's own status shows the batch that it was in last.
    let of_sales = caller.get("/api/sync/status/sales").await["batch"].take();
    assert_eq!(of_sales["batchId"], old.to_string());
    assert_eq!(
        (&of_sales["status"], &of_sales["done"]),
        (&json!("success"), &json!(1))
    );
    assert!(of_sales["finishedAt"].is_string());

    shop.execute("update odoo.sync_batches set state = 'success', finished_at = now() where state <> 'failed'")
        .await;
    let batch = caller.get("/api/sync/status").await["batch"].take();
    assert_eq!(
        (&batch["status"], &batch["toDo"]),
        (&json!("failed"), &json!(0))
    );
}

/// The last event of a batch got lost, and no schedule is on that would be the next occasion to look.
#[tokio::test]
async fn a_batch_whose_last_end_nobody_has_heard_of_is_shown_as_it_truly_is() {
    let shop = Shop::open(Version::V19).await;
    let [batch, run] = [1, 2].map(uuid::Uuid::from_u128);
    shop.execute(&format!(
        "insert into odoo.sync_batches (batch_id, data_type, place, mode, triggered_by, state,
             created_at, requested_at, attempts, run_id)
         values
             ('{batch}', 'products', 1, 'full', 'http', 'requested', now() - interval '1 hour',
              now() - interval '1 hour', 1, '{run}'),
             ('{batch}', 'sales', 2, 'full', 'http', 'requested', now() - interval '1 hour',
              now() - interval '1 hour', 1, null),
             ('{batch}', 'transfers', 3, 'full', 'http', 'requested', now() - interval '1 hour',
              now() - interval '1 hour', 3, null);
         insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status, started_at,
             finished_at)
         values ('{run}', 'products', 'full', 'event', 'success', now() - interval '50 minutes',
             now() - interval '40 minutes')"
    ))
    .await;
    let mut caller = Caller::of(&shop).await;
    let statuses = async |caller: &mut Caller| -> Vec<Value> {
        let batch = caller.get("/api/sync/status").await["batch"].take();
        let results = batch["results"].as_array().expect("results");
        results
            .iter()
            .map(|result| result["status"].clone())
            .collect()
    };
    // What nobody works on waits to be asked again, and fails once it was asked too often.
    assert_eq!(
        statuses(&mut caller).await,
        ["success", "pending", "failed"]
    );

    // A database that can only be read shows what it has.
    shop.execute(
        "update odoo.sync_batches set state = 'requested', finished_at = null;
         do $$ begin
             execute format('alter database %I set default_transaction_read_only to on',
                            current_database());
         end $$",
    )
    .await;
    let mut caller = Caller::of(&shop).await;
    assert_eq!(statuses(&mut caller).await, ["in_progress"; 3]);
}
