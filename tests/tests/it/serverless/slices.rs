//! A run that is longer than an invocation may be.

use std::time::Duration;

use odoo_sim::{Fault, When};
use reqwest::Method;
use serde_json::json;
use shared::specs::PRODUCTS;

use super::surface::{Settings, Surface};
use crate::support::snapshot::assert_mirror_equals;

/// Five invocations at the least: 60 products in 20 pages, of which each takes Odoo 1.3 seconds, and an invocation
/// has six, of which it works for 5.4. The rest is enough for the hand-over also on a machine that does much else; there
/// it takes more slices.
#[tokio::test]
async fn a_full_sync_goes_from_slice_to_slice_until_it_is_done() {
    let surface = Surface::open(Settings {
        timeout: Some(Duration::from_secs(6)),
        variables: vec![("SYNC_BATCH_SIZE", "3"), ("SYNC_FETCH_CONCURRENCY", "1")],
        ..Settings::default()
    })
    .await;
    let slow = When::method("read").model("product.product").forever();
    surface
        .sim
        .inject(slow, Fault::Delay(Duration::from_millis(1300)));

    let full = json!({"mode": "full"});
    let (status, body) = surface.ask(Method::POST, "/api/sync/products", &full).await;
    assert_eq!(status, 202, "{body}\n{}", surface.log());
    assert_eq!(body["data"]["status"], "in_progress");

    let told = surface.details("Sync Completed", 1).await;
    assert_eq!(told[0]["runId"], body["data"]["runId"], "{}", surface.log());
    let slices = told[0]["slices"].as_u64().expect("a number");
    assert!(slices >= 5, "{slices} slices");
    assert_mirror_equals(&surface.odoo, &surface.database.client, &PRODUCTS).await;

    // Each slice was asked for once, in order, and a late repeat does nothing.
    let asked = surface.details("Sync Requested", 1).await;
    let numbers: Vec<u64> = asked.iter().filter_map(|it| it["slice"].as_u64()).collect();
    assert_eq!(numbers, (2..=slices).collect::<Vec<u64>>(), "{asked:?}");
    let requests = surface.sim.requests().len();
    let late = &surface.heard("Sync Requested").await[0];
    let (status, answer) = surface.invoke("sync-products", late).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(surface.sim.requests().len(), requests, "{answer}");
    assert_eq!(surface.heard("Sync Completed").await.len(), 1);
}
