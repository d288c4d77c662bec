//! All data types at once, by `sync-all`: a crash, a failure and a data type that is busy keep
//! the others from nothing.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use odoo_sim::{Fault, When};
use reqwest::Method;
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::surface::{Settings, Surface};
use crate::support::hold::Hold;
use crate::support::snapshot::assert_mirror_equals;
use crate::support::wait_until;

/// State and error code of each data type of the batch.
async fn batch(surface: &Surface) -> BTreeMap<String, (String, Option<String>)> {
    let query = "select data_type, state, error_code from odoo.sync_batches";
    let rows = surface
        .database
        .client
        .query(query, &[])
        .await
        .expect("a table");
    rows.iter()
        .map(|row| (row.get(0), (row.get(1), row.get(2))))
        .collect()
}

async fn wait_until_over(surface: &Surface) {
    wait_until("the batch is over", async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let batch = batch(surface).await;
        batch.len() == REGISTRY.len()
            && batch
                .values()
                .all(|(state, _)| state == "success" || state == "failed")
    })
    .await;
}

#[tokio::test]
async fn all_data_types_at_once() {
    let surface = Surface::open(Settings::default()).await;
    let (status, body) = surface.ask(Method::POST, "/api/sync/all", &json!({})).await;
    assert_eq!(status, 202, "{body}\n{}", surface.log());
    wait_until_over(&surface).await;
    for spec in REGISTRY {
        assert_eq!(
            batch(&surface).await[spec.name].0,
            "success",
            "{}",
            surface.log()
        );
        assert_mirror_equals(&surface.odoo, &surface.database.client, spec).await;
    }
    let (status, body) = surface
        .ask(Method::GET, "/api/sync/status", &Value::Null)
        .await;
    assert_eq!(status, 200, "{body}");
    for spec in REGISTRY {
        assert_eq!(body["data"]["status"][spec.name], "success");
    }
}

#[tokio::test]
async fn one_crashes_one_fails_one_is_busy_and_the_others_are_synced() {
    let surface = Surface::open(Settings::default()).await;
    let busy = Hold::the_next(&surface.sim, When::method("read").model("stock.location"));
    surface.request(&json!({"dataType": "warehouses"})).await;
    busy.reached().await;
    let orders = || When::method("read").model("sale.order");
    let mut crashing = Hold::the_next(&surface.sim, orders());
    let fails = When::method("read").model("purchase.order").forever();
    surface.sim.inject(fails, Fault::AccessDenied);

    let (status, body) = surface.ask(Method::POST, "/api/sync/all", &json!({})).await;
    assert_eq!(status, 202, "{body}\n{}", surface.log());
    // Each of Lambda's three attempts dies while it reads Odoo's orders, a run on record.
    for _ in 0..3 {
        crashing.reached().await;
        assert_eq!(sync_status(&surface, "sales").await, "in_progress");
        let next = Hold::the_next(&surface.sim, orders());
        kill(&surface, "sync-sales");
        // Stands for the minute that Lambda waits, in which the lease ends.
        let end =
            "update odoo.sync_metadata set lease_expires_at = now() where data_type = 'sales'";
        let ended = surface.database.client.batch_execute(end).await;
        ended.expect("a table");
        crashing = next;
    }
    wait_until_over(&surface).await;

    let batch = batch(&surface).await;
    let code = |name: &str| batch[name].1.as_deref();
    assert_eq!(batch["warehouses"].0, "failed", "{batch:?}");
    assert_eq!(code("warehouses"), Some("busy"));
    assert_eq!(batch["purchases"].0, "failed");
    assert_eq!(code("purchases"), Some("odoo_auth"));
    assert_eq!(batch["sales"].0, "failed");
    assert_eq!(code("sales"), Some("internal"));
    for name in ["categories", "products", "transfers"] {
        assert_eq!(batch[name].0, "success", "{name}: {batch:?}");
    }
    let crashes = surface
        .heard("Lambda Function Invocation Result - Failure")
        .await;
    assert_eq!(crashes.len(), 1, "{crashes:?}");

    // The run that was there first has been left alone.
    busy.release();
    let done = async || {
        let told = surface.heard("Sync Completed").await;
        told.iter()
            .any(|event| event["detail"]["dataType"] == "warehouses")
    };
    wait_until("the first run is done", done).await;
}

/// What `sync_metadata` says of a data type.
async fn sync_status(surface: &Surface, data_type: &str) -> String {
    let query = "select sync_status::text from odoo.sync_metadata where data_type = $1";
    let row = surface
        .database
        .client
        .query_one(query, &[&data_type])
        .await;
    row.expect("a row").get(0)
}

/// Kills the processes of a function that write into this test's database.
fn kill(surface: &Surface, binary: &str) {
    let database = surface.database.url.as_bytes();
    for process in fs::read_dir("/proc").expect("processes").flatten() {
        let is_it = fs::read_link(process.path().join("exe")).is_ok_and(|it| it.ends_with(binary));
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        if is_it
            && environment
                .windows(database.len())
                .any(|part| part == database)
        {
            let id = process.file_name();
            let killed = Command::new("kill").arg("-9").arg(id).status();
            // It may have been gone already.
            killed.expect("a program to kill with");
        }
    }
}
