//! What differs is read, whatever the direction; what is equal is left alone.

use odoo_sim::{Fault, Version, When};
use serde_json::json;
use shared::specs::{PRODUCTS, TRANSFERS};

use super::shop::{Shop, VERSIONS};

const PRODUCT: &str = "product.product";

#[tokio::test]
async fn rows_that_are_equal_are_neither_read_nor_written() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let before = shop.writes("products").await;
        let report = shop.reconcile().await;
        assert_eq!(report["recordsProcessed"], 0, "{version:?}: {report}");
        assert_eq!(shop.writes("products").await, before);
        let stream = shop.stream("products").await;
        let rows = shop.sim.count(PRODUCT);
        assert_eq!(stream["source_count"], rows);
        assert_eq!(stream["mirror_count"], rows);
        assert_eq!(stream["rows_done"], rows);
        assert_eq!(stream["count_mismatches"], 0);
        assert!(!stream["verified_at"].is_null());
    }
}

#[tokio::test]
async fn a_row_of_another_time_is_read_in_either_direction_and_null_is_a_time() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        for (id, change) in ids.iter().zip([
            "odoo_updated_at = odoo_updated_at + interval '1 s'",
            "odoo_updated_at = odoo_updated_at - interval '1 s'",
            "odoo_updated_at = null",
            "odoo_related_at = odoo_related_at + interval '1 s'",
            "odoo_related_at = odoo_related_at - interval '1 s'",
            "odoo_related_at = null",
        ]) {
            shop.execute(&format!(
                "update odoo.products set name = 'wrong', {change} where odoo_id = {id}"
            ))
            .await;
        }
        // The other way round: Odoo has none, and an older one, as after a restored backup.
        shop.sim.set_raw(PRODUCT, ids[7], "write_date", json!(null));
        let old = json!("2001-02-03 04:05:06");
        shop.sim.set_raw(PRODUCT, ids[8], "write_date", old);
        let report = shop.reconcile().await;
        assert_eq!(report["recordsUpdated"], 8, "{version:?}: {report}");
        assert_eq!(report["recordsProcessed"], 8);
        shop.assert_equal().await;
        assert_eq!(shop.reconcile().await["recordsProcessed"], 0);
    }
}

#[tokio::test]
async fn what_is_missing_comes_and_what_is_marked_as_deleted_comes_back() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.execute(&format!(
            "delete from odoo.products where odoo_id in ({}, {});
             update odoo.products set deleted_at = now() where odoo_id in ({}, {})",
            ids[0],
            ids[50],
            ids[7],
            ids[ids.len() - 1],
        ))
        .await;
        let report = shop.reconcile().await;
        assert_eq!(report["recordsInserted"], 2, "{version:?}: {report}");
        assert_eq!(report["recordsUpdated"], 2);
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn an_emptied_mirror_is_filled_again_also_where_it_has_a_watermark() {
    let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    // Small portions, and much more in the source than the mirror makes one expect.
    shop.environment.insert("SYNC_BATCH_SIZE", "1".to_owned());
    shop.execute("delete from odoo.products").await;
    let report = shop.reconcile().await;
    assert_eq!(report["recordsInserted"], shop.sim.count(PRODUCT));
    shop.assert_equal().await;
}

#[tokio::test]
async fn small_portions_find_what_one_large_one_does() {
    for version in VERSIONS {
        for concurrency in ["1", "4"] {
            let mut shop = Shop::at_rest(version, &PRODUCTS).await;
            shop.environment.insert("SYNC_BATCH_SIZE", "1".to_owned());
            shop.environment
                .insert("SYNC_FETCH_CONCURRENCY", concurrency.to_owned());
            let ids = shop.sim.ids(PRODUCT);
            // The ends of portions of twenty, and what lies beyond the last.
            shop.sim.hide(PRODUCT, &[ids[0], ids[19], ids[20], ids[40]]);
            shop.execute(&format!(
                "delete from odoo.products where odoo_id in ({}, {}, {})",
                ids[39], ids[60], ids[61]
            ))
            .await;
            shop.sim.tie(PRODUCT, 60);
            let report = shop.reconcile().await;
            assert_eq!(report["recordsInserted"], 63, "{version:?}: {report}");
            assert_eq!(report["recordsDeleted"], 4);
            shop.assert_equal().await;
        }
    }
}

/// Where Odoo has more than was asked for, what comes of the rows of one list says nothing of its end.
#[tokio::test]
async fn a_row_that_is_deleted_where_a_list_is_cut_hides_none_of_those_behind_it() {
    for version in VERSIONS {
        let mut shop = Shop::at_rest(version, &PRODUCTS).await;
        // Lists of forty rows at most.
        shop.environment.insert("SYNC_BATCH_SIZE", "1".to_owned());
        let ids = shop.sim.ids(PRODUCT);
        let (first, last) = (ids[0], ids[ids.len() - 1]);
        shop.execute(&format!(
            "delete from odoo.products where odoo_id not in ({first}, {last})"
        ))
        .await;
        let deleted = ids[20];
        let products = When::method("read").model(PRODUCT);
        shop.sim.on_request(products, move |sim| {
            sim.unlink(PRODUCT, &[deleted]);
        });
        let report = shop.reconcile().await;
        assert_eq!(report["recordsDeleted"], 0, "{version:?}: {report}");
        assert_eq!(report["recordsInserted"], ids.len() - 3);
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn lines_that_a_move_s_quantity_comes_from_are_compared_as_well() {
    let shop = Shop::at_rest(Version::V14, &TRANSFERS).await;
    let line = shop.sim.ids("stock.move.line")[0];
    let done = shop.sim.record("stock.move.line", line)["qty_done"].as_f64();
    let more = done.expect("a number") + 1.0;
    shop.sim
        .write("stock.move.line", &[line], json!({"qty_done": more}));
    // Where the change is older than all windows, only a comparison can find it.
    shop.sim.set_raw(
        "stock.move.line",
        line,
        "write_date",
        json!("2001-02-03 04:05:06"),
    );
    let report = shop.reconcile().await;
    assert_eq!(report["recordsUpdated"], 1, "{report}");
    shop.assert_equal().await;
}

#[tokio::test]
async fn a_template_that_changes_after_its_time_was_told_is_looked_at_again() {
    let shop = Shop::at_rest(Version::V14, &PRODUCTS).await;
    let id = shop.sim.ids(PRODUCT)[5];
    let template = shop.sim.record(PRODUCT, id)["product_tmpl_id"].as_i64();
    let template = template.expect("a template");
    shop.execute(&format!(
        "update odoo.products set odoo_updated_at = null where odoo_id = {id}"
    ))
    .await;
    // Its time has been told when the row is read.
    shop.sim
        .on_request(When::method("read").model(PRODUCT), move |sim| {
            sim.write("product.template", &[template], json!({"list_price": 77.5}));
            // Begun long ago: no window reaches back to it.
            sim.set_raw(
                "product.template",
                template,
                "write_date",
                json!("2001-02-03 04:05:06"),
            );
        });
    shop.reconcile().await;
    // The row has its new price already, and too old a time, never too new a one.
    let again = shop.reconcile().await;
    assert_eq!(again["recordsUpdated"], 1, "{again}");
    shop.assert_equal().await;
}

#[tokio::test]
async fn what_an_incremental_run_would_read_is_read_whatever_its_times() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let id = shop.sim.ids(PRODUCT)[9];
        shop.sim.write(PRODUCT, &[id], json!({"weight": 1.5}));
        shop.sync(&json!({})).await;
        // As if it had changed again within the second that the run saw.
        shop.execute(&format!(
            "update odoo.products set weight = 1.25 where odoo_id = {id}"
        ))
        .await;
        let report = shop.reconcile().await;
        assert_eq!(report["recordsUpdated"], 1, "{version:?}: {report}");
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_reconcile_moves_the_watermark_to_what_it_saw() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let id = shop.sim.ids(PRODUCT)[9];
    shop.sim.write(PRODUCT, &[id], json!({"weight": 1.5}));
    let changed = shop.sim.write_date(PRODUCT, id).expect("a time");
    shop.reconcile().await;
    let watermark = shop.stream("products").await["watermark"].clone();
    let watermark: jiff::Timestamp = watermark.as_str().expect("a time").parse().expect("a time");
    assert_eq!(watermark.as_second(), changed.as_second());
    shop.rest().await;
    assert_eq!(shop.sync(&json!({})).await["recordsProcessed"], 0);
}

#[tokio::test]
async fn a_first_reconcile_reads_everything_once() {
    let shop = Shop::at_rest(Version::V14, &PRODUCTS).await;
    shop.execute("delete from odoo.sync_streams; delete from odoo.products")
        .await;
    let report = shop.reconcile().await;
    let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
    assert_eq!(report["recordsProcessed"], rows);
    shop.assert_equal().await;
}

#[tokio::test]
async fn another_language_makes_a_reconcile_read_everything() {
    let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    shop.environment.insert("ODOO_LANG", "fr_FR".to_owned());
    let report = shop.reconcile().await;
    let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
    assert_eq!(report["recordsProcessed"], rows);
    assert_eq!(shop.reconcile().await["recordsProcessed"], 0);
}

/// Otherwise the rows that the failed run brought in would stay in its language for ever.
#[tokio::test]
async fn a_language_that_was_only_begun_with_makes_the_next_run_in_the_old_one_full() {
    for mode in ["incremental", "reconcile"] {
        let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        shop.environment.insert("SYNC_BATCH_SIZE", "30".to_owned());
        shop.environment.insert("ODOO_LANG", "fr_FR".to_owned());
        for language in ["fr_FR", "en_US"] {
            shop.environment.insert("ODOO_LANG", language.to_owned());
            let third = When::method("read").model(PRODUCT).nth(3);
            shop.sim.inject(third.forever(), Fault::AccessDenied);
            let answer = shop.ask(&json!({})).await;
            assert_eq!(answer["success"], false, "{answer}");
            shop.sim.clear_faults();
        }
        let report = shop.sync(&json!({"mode": mode})).await;
        let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
        assert_eq!(report["recordsProcessed"], rows, "{mode}");
    }
}
