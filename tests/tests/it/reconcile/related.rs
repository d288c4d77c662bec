//! A related record that changes while a run reads: whatever the moment, no row is left that
//! only looks fresh, so that a reconcile finds what the run has missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use odoo_sim::{Version, When};
use serde_json::json;
use shared::specs::{DataType, PRODUCTS, TRANSFERS};

use super::shop::Shop;

/// A row and the related record that changes it, by names of Odoo.
struct Related {
    spec: &'static DataType,
    row: (&'static str, i64),
    record: (&'static str, i64),
    /// A number of the row's own.
    own: &'static str,
    /// A number of the record's that shows in the row.
    field: &'static str,
}

impl Related {
    fn template(shop: &Shop) -> Self {
        let row = shop.sim.ids("product.product")[5];
        let template = shop.sim.record("product.product", row)["product_tmpl_id"].as_i64();
        Self {
            spec: &PRODUCTS,
            row: ("product.product", row),
            record: ("product.template", template.expect("a template")),
            own: "weight",
            field: "list_price",
        }
    }

    fn line(shop: &Shop) -> Self {
        let line = shop.sim.ids("stock.move.line")[0];
        let row = shop.sim.record("stock.move.line", line)["move_id"].as_i64();
        Self {
            spec: &TRANSFERS,
            row: ("stock.move", row.expect("a move")),
            record: ("stock.move.line", line),
            own: "price_unit",
            field: "qty_done",
        }
    }

    /// Makes the row one that the next incremental run reads, but no reconcile after that: another
    /// one is newer.
    fn touch(&self, shop: &Shop, number: usize) {
        let (model, row) = self.row;
        let other = *shop.sim.ids(model).last().expect("another row");
        assert_ne!(other, row);
        for id in [row, other] {
            shop.sim.clock().advance(Duration::from_secs(10));
            shop.sim.write(model, &[id], json!({self.own: number}));
        }
    }

    /// Changes the record before the request of this number arrives, in a transaction that began
    /// so long ago that no window reaches back to it. Returns whether that has happened.
    fn change_before(&self, shop: &Shop, request: usize) -> Arc<AtomicBool> {
        let ((model, id), field) = (self.record, self.field);
        let is_changed = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_changed);
        shop.sim.on_request(When::any().nth(request), move |sim| {
            sim.write(model, &[id], json!({field: 100 + request}));
            let old = format!("2001-02-03 04:05:{request:02}");
            sim.set_raw(model, id, "write_date", json!(old));
            done.store(true, Ordering::SeqCst);
        });
        is_changed
    }
}

/// Changes the related record before the first request of a run, before the second of another
/// one, and so on. After each a reconcile brings in what the run has missed.
async fn assert_always_found(version: Version, related: fn(&Shop) -> Related, mode: &str) {
    let spec = related(&Shop::at_rest(version, &PRODUCTS).await).spec;
    let mut shop = Shop::at_rest(version, spec).await;
    for (name, value) in [
        ("SYNC_OVERLAP_SECONDS", "0"),
        // One request after the other, so that each run asks in the same order.
        ("SYNC_FETCH_CONCURRENCY", "1"),
    ] {
        shop.environment.insert(name, value.to_owned());
    }
    let related = related(&shop);
    let mut request = 1;
    loop {
        related.touch(&shop, request);
        let is_changed = related.change_before(&shop, request);
        shop.sync(&json!({"mode": mode})).await;
        shop.sim.clear_faults();
        if !is_changed.load(Ordering::SeqCst) {
            break;
        }
        shop.reconcile().await;
        shop.assert_equal().await;
        request += 1;
    }
    assert!(request > 8, "a run of {request} requests");
}

#[tokio::test]
async fn a_template_that_changes_at_any_moment_of_an_incremental_run_is_found_by_a_reconcile() {
    assert_always_found(Version::V14, Related::template, "incremental").await;
}

#[tokio::test]
async fn a_template_that_changes_at_any_moment_of_a_full_run_is_found_by_a_reconcile() {
    assert_always_found(Version::V14, Related::template, "full").await;
}

#[tokio::test]
async fn a_template_that_changes_at_any_moment_of_a_reconcile_is_found_by_the_next_one() {
    assert_always_found(Version::V14, Related::template, "reconcile").await;
}

#[tokio::test]
async fn a_move_s_line_that_changes_at_any_moment_of_a_run_is_found_by_a_reconcile() {
    assert_always_found(Version::V14, Related::line, "incremental").await;
}
