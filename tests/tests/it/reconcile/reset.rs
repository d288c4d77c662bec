//! A reset is no way around the delete guard.

use odoo_sim::Version;
use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use super::shop::Shop;
use crate::api::caller::Caller;
use crate::support::shop::assert_failed;

const PRODUCT: &str = "product.product";

/// What the status says of errors.
async fn error_message(shop: &Shop) -> Value {
    let rows = shop.rows("select * from odoo.sync_metadata").await;
    rows[0]["error_message"].clone()
}

/// Asks `api` for a reset, as an operator who hopes that it helps.
async fn reset(shop: &Shop) {
    let database = shop.database.url.clone();
    let mut caller = Caller::with(&[("SUPABASE_DB_URL", database)].into()).await;
    let (status, body) = caller.ask("POST", "/api/sync/reset/products").await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_reset_makes_no_share_smaller() {
    // Before and after the guard has said it.
    for is_said in [false, true] {
        let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        let counts = format!("60 of {} rows", ids.len());
        shop.sim.hide(PRODUCT, &ids[..60]);
        shop.sim.tie(PRODUCT, 1_000);
        assert_eq!(shop.sync(&json!({})).await["recordsInserted"], 1_000);
        if is_said {
            assert_failed(&shop.ask(&json!({})).await, "delete_guard");
        }
        reset(&shop).await;
        let stream = shop.stream("products").await;
        for forgotten in [
            "watermark",
            "read_fingerprint",
            "source_fingerprint",
            "run_id",
        ] {
            assert!(stream[forgotten].is_null(), "{forgotten}: {stream}");
        }
        let report = shop.sync(&json!({})).await;
        let rows = shop.sim.count(PRODUCT) - 60 + shop.sim.count("uom.uom");
        assert_eq!(report["recordsUnchanged"], rows, "all is read: {report}");
        let error_message = error_message(&shop).await;
        if is_said {
            let told = error_message.as_str().expect("what the guard said");
            assert!(told.contains(&counts), "{told}");
            assert_eq!(shop.sync(&json!({})).await["recordsDeleted"], 0);
        } else {
            assert!(error_message.is_null(), "{error_message}");
            let message = shop.ask(&json!({})).await;
            let message = assert_failed(&message, "delete_guard");
            assert!(message.contains(&counts), "{message}");
        }
        let answer = shop.ask(&json!({"mode": "reconcile"})).await;
        let message = assert_failed(&answer, "delete_guard");
        assert!(message.contains(&counts), "{message}");
    }
}

#[tokio::test]
async fn of_an_emptied_mirror_a_reset_leaves_the_guard_nothing() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &ids[..60]);
    shop.sim.tie(PRODUCT, 100);
    shop.sync(&json!({})).await;
    assert_failed(&shop.ask(&json!({})).await, "delete_guard");
    shop.execute("truncate odoo.products").await;
    reset(&shop).await;
    let streams = shop.rows("select * from odoo.sync_streams").await;
    assert!(streams.is_empty(), "{streams:?}");
    shop.sync(&json!({})).await;
    assert!(error_message(&shop).await.is_null());
    shop.assert_equal().await;
}
