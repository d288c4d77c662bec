//! What Odoo no longer has is marked or removed, and nothing else is.

use odoo_sim::{Version, When};
use serde_json::json;
use shared::specs::PRODUCTS;

use super::shop::{Shop, VERSIONS};

const PRODUCT: &str = "product.product";

#[tokio::test]
async fn deleted_rows_are_marked_and_come_back_when_they_do() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[4..7]);
        assert_eq!(shop.reconcile().await["recordsDeleted"], 3, "{version:?}");
        shop.assert_equal().await;
        let marked = "select odoo_id from odoo.products where deleted_at is not null";
        assert_eq!(shop.rows(marked).await.len(), 3);
        assert_eq!(shop.reconcile().await["recordsDeleted"], 0);
        shop.sim.show_all(PRODUCT);
        let report = shop.reconcile().await;
        assert_eq!(report["recordsUpdated"], 3, "{report}");
        assert_eq!(shop.rows(marked).await.len(), 0);
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn hard_deletion_removes_the_rows() {
    let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    shop.environment
        .insert("SYNC_DELETE_MODE", "hard".to_owned());
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.unlink(PRODUCT, &ids[4..7]);
    assert_eq!(shop.reconcile().await["recordsDeleted"], 3);
    let rows = shop.rows("select odoo_id from odoo.products").await;
    assert_eq!(rows.len(), shop.sim.count(PRODUCT));
    shop.assert_equal().await;
}

#[tokio::test]
async fn what_was_removed_for_good_comes_anew_when_it_comes_back() {
    let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    shop.environment
        .insert("SYNC_DELETE_MODE", "hard".to_owned());
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &ids[4..7]);
    assert_eq!(shop.reconcile().await["recordsDeleted"], 3);
    shop.sim.show_all(PRODUCT);
    assert_eq!(shop.reconcile().await["recordsInserted"], 3);
    shop.assert_equal().await;
}

#[tokio::test]
async fn a_row_that_comes_back_with_a_change_is_revived_by_an_incremental_run() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[4..7]);
        assert_eq!(shop.reconcile().await["recordsDeleted"], 3);
        shop.sim.show_all(PRODUCT);
        shop.sim.write(PRODUCT, &ids[4..7], json!({"weight": 2.25}));
        assert_eq!(shop.sync(&json!({})).await["recordsUpdated"], 3);
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_row_that_is_there_when_it_is_searched_once_more_stays() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        let (hidden, changed) = (ids[4..7].to_vec(), ids[4]);
        shop.sim.hide(PRODUCT, &hidden);
        let search = When::method("search").model(PRODUCT);
        shop.sim.on_request(search, move |sim| {
            sim.show_all(PRODUCT);
            sim.write(PRODUCT, &[changed], json!({"weight": 7.25}));
        });
        let report = shop.reconcile().await;
        assert_eq!(report["recordsDeleted"], 0, "{version:?}: {report}");
        assert_eq!(report["recordsUpdated"], 1, "it had changed meanwhile");
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn what_another_run_put_down_is_not_deleted() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    shop.execute(
        "insert into odoo.sync_deletions (run_id, stream, odoo_id)
         select gen_random_uuid(), 'products', odoo_id from odoo.products limit 5",
    )
    .await;
    assert_eq!(shop.reconcile().await["recordsDeleted"], 0);
    shop.assert_equal().await;
}
