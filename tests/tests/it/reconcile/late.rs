//! Odoo dates a change by the beginning of its transaction: it may appear when windows have
//! long moved on.

use std::time::Duration;

use serde_json::json;
use shared::specs::PRODUCTS;

use super::shop::{Shop, VERSIONS};

const PRODUCT: &str = "product.product";

#[tokio::test]
async fn what_is_committed_within_the_overlap_is_found_by_the_next_incremental_run() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        let mut late = shop.sim.begin();
        late.write(PRODUCT, &ids[..1], json!({"weight": 4.25}));
        let made = late.create(PRODUCT, json!({"name": "Late"}));
        shop.sim.clock().advance(Duration::from_secs(60));
        shop.sim.write(PRODUCT, &ids[1..2], json!({"weight": 5.25}));
        shop.sync(&json!({})).await;
        late.commit();
        let report = shop.sync(&json!({})).await;
        assert_eq!(report["recordsUpdated"], 1, "{version:?}: {report}");
        assert_eq!(report["recordsInserted"], 1, "{made} is missing");
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn what_is_committed_later_is_found_by_a_reconcile() {
    for version in VERSIONS {
        let mut shop = Shop::at_rest(version, &PRODUCTS).await;
        shop.environment
            .insert("SYNC_OVERLAP_SECONDS", "5".to_owned());
        let ids = shop.sim.ids(PRODUCT);
        let template = shop.sim.record(PRODUCT, ids[80])["product_tmpl_id"].clone();
        let template = template.as_i64().expect("a template");
        let mut late = shop.sim.begin();
        late.write(PRODUCT, &ids[..1], json!({"weight": 4.25}));
        late.write(
            "product.template",
            &[template],
            json!({"list_price": 33.25}),
        );
        shop.sim.clock().advance(Duration::from_secs(60));
        shop.sim.write(PRODUCT, &ids[1..2], json!({"weight": 5.25}));
        shop.sync(&json!({})).await;
        late.commit();
        let report = shop.sync(&json!({})).await;
        assert_eq!(report["recordsUpdated"], 0, "{version:?}: {report}");
        let report = shop.reconcile().await;
        assert!(report["recordsUpdated"].as_u64() >= Some(2), "{report}");
        shop.assert_equal().await;
        assert_eq!(shop.reconcile().await["recordsUpdated"], 0);
    }
}
