//! Batches from their start to their end, with every data type's real function.

use odoo_sim::When;
use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};

use super::shop::Shop;
use super::yard::ALL;
use crate::support::hold::Hold;

#[tokio::test]
async fn a_batch_brings_everything_over_and_finds_no_broken_reference_in_order() {
    let mut shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    for mode in ["incremental", "incremental", "full", "reconcile"] {
        shop.sync_all(&mut all, mode).await;
        assert_eq!(shop.yard.in_state("success").await, ALL);
        for part in shop.yard.batches().await {
            assert!(!part["checked_at"].is_null(), "{part}");
            assert!(!part["run_id"].is_null(), "{part}");
        }
    }
    for spec in REGISTRY {
        shop.assert_mirrored(spec).await;
    }
    assert_eq!(shop.open_warnings().await, Vec::<Value>::new());
}

#[tokio::test]
async fn one_that_crashes_one_that_fails_and_one_that_is_busy_keep_no_other_from_its_turn() {
    let mut shop = Shop::open_with(&[("purchases", "ODOO_PASSWORD", "wrong")]).await;
    let mut all = shop.yard.function().await;
    // A run of sales is on from before.
    let hold = Hold::the_next(&shop.sim, When::method("read").model("sale.order"));
    let mut other = shop.another("sales").await;
    other.send(&json!({}));
    hold.reached().await;
    shop.function("warehouses").kill().await;

    shop.sync_all(&mut all, "incremental").await;
    let code = async |data_type: &str| shop.yard.part(data_type).await["error_code"].clone();
    assert_eq!(code("warehouses").await, "internal");
    assert_eq!(code("purchases").await, "odoo_auth");
    assert_eq!(code("sales").await, "busy");
    assert_eq!(
        shop.yard.in_state("success").await,
        ["categories", "products", "transfers"]
    );
    for name in ["categories", "products", "transfers"] {
        shop.assert_mirrored(DataType::find(name).expect("known"))
            .await;
    }
    hold.release();
    other.answered().await;
}
