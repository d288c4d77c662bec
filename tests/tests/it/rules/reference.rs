//! What a row refers to.

use std::time::Duration;

use odoo_sim::Version;
use serde_json::{Value, json};
use shared::specs::{CATEGORIES, Check, PRODUCTS, REGISTRY, Stream};

use super::shop::Shop;
use crate::support::shop::VERSIONS;

/// An id that no row has.
const NOWHERE: i64 = 987_654;

/// A shop in which a reference is judged at once.
async fn judged_at_once(version: Version) -> Shop {
    let mut shop = Shop::open(version).await;
    shop.overlap = 0;
    shop
}

#[tokio::test]
async fn what_a_row_refers_to_is_looked_for_by_a_reconcile_once_that_table_is_filled() {
    for version in VERSIONS {
        let shop = judged_at_once(version).await;
        shop.sync(&PRODUCTS, "full").await;
        let product = shop.find("product.product", |_| true);
        let right = shop.sim.record("product.product", product)["categ_id"].clone();
        let rule = "refers_to:category_id";

        // Categories have not been synced: nothing can be said.
        shop.sync(&PRODUCTS, "reconcile").await;
        assert_eq!(shop.count_open().await, 0);

        shop.sync(&CATEGORIES, "full").await;
        shop.sim
            .force("product.product", product, json!({"categ_id": NOWHERE}));
        shop.sync(&PRODUCTS, "incremental").await;
        // It is older than what the categories were last read from.
        shop.sync(&CATEGORIES, "incremental").await;
        assert_eq!(
            shop.count_open().await,
            0,
            "not while data arrives in any order"
        );
        shop.sync(&PRODUCTS, "reconcile").await;
        let open = shop.open_warnings("products", product).await;
        assert_eq!(open, [rule]);

        // Newer than the categories as they were last read, and no less broken.
        shop.sim.clock().advance(Duration::from_secs(60));
        shop.sim
            .write("product.product", &[product], json!({"weight": 7.5}));
        shop.sync(&PRODUCTS, "reconcile").await;
        let open = shop.open_warnings("products", product).await;
        assert_eq!(open, [rule], "mended by being touched");

        // The template may have other variants, which are blamed as well.
        shop.sim
            .force("product.product", product, json!({"categ_id": right}));
        shop.sync(&PRODUCTS, "incremental").await;
        shop.sync(&PRODUCTS, "reconcile").await;
        assert_eq!(
            shop.resolutions("products", product, rule).await,
            ["mended"]
        );
        assert_eq!(shop.count_open().await, 0);
    }
}

#[tokio::test]
async fn a_row_that_is_newer_than_what_it_refers_to_was_read_is_not_judged() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&CATEGORIES, "full").await;
    shop.sync(&PRODUCTS, "full").await;
    // The category is not mirrored yet, and nothing is wrong with that.
    let category = shop.sim.create("product.category", json!({"name": "Neu"}));
    let product = shop.find("product.product", |_| true);
    let moved = json!({"categ_id": category});
    shop.sim.force("product.product", product, moved);
    shop.sync(&PRODUCTS, "reconcile").await;
    assert_eq!(shop.count_open().await, 0);
}

#[tokio::test]
async fn a_first_reconcile_looks_at_references_within_its_data_type() {
    let shop = judged_at_once(Version::V19).await;
    let category = shop.find("product.category", |it| it["parent_id"] != false);
    let nowhere = json!({"parent_id": NOWHERE});
    shop.sim.force("product.category", category, nowhere);
    shop.sync(&CATEGORIES, "reconcile").await;
    let open = shop.open_warnings("categories", category).await;
    assert_eq!(open, ["refers_to:parent_id"]);
}

/// Odoo deletes a record, and Postgres empties what refers to it: no change time moves.
#[tokio::test]
async fn a_reference_that_odoo_empties_unseen_is_read_anew_by_a_reconcile() {
    for version in VERSIONS {
        let shop = judged_at_once(version).await;
        for spec in REGISTRY {
            shop.sync(spec, "full").await;
        }
        let moved = shop.find("stock.move", |it| it["sale_line_id"] != false);
        let before = shop.sim.record("stock.move", moved);
        let line = before["sale_line_id"].as_i64().expect("a line");
        shop.sim.clock().advance(Duration::from_secs(60));
        shop.sim.unlink("sale.order.line", &[line]);
        let after = shop.sim.record("stock.move", moved);
        assert_eq!(after["sale_line_id"], false);
        assert_eq!(after["write_date"], before["write_date"]);

        shop.reconcile_all().await;
        let lines: Option<i64> = shop.cell("stock_moves", moved, "sale_line_id").await;
        assert_eq!(lines, None, "Odoo {version}");
        // Nobody is told to mend what is mended.
        assert_eq!(shop.count_open().await, 0);
        let rule = "refers_to:sale_line_id";
        assert_eq!(
            shop.resolutions("stock_moves", moved, rule).await,
            ["mended"]
        );
    }
}

#[tokio::test]
async fn a_shop_that_is_in_order_has_no_broken_reference_anywhere() {
    for version in Version::ALL {
        let shop = judged_at_once(version).await;
        for spec in REGISTRY {
            shop.sync(spec, "full").await;
        }
        shop.reconcile_all().await;
        assert_eq!(shop.count_open().await, 0, "Odoo {version}");
    }
}

#[tokio::test]
async fn every_reference_of_every_stream_is_looked_at() {
    let shop = judged_at_once(Version::V19).await;
    for spec in REGISTRY {
        shop.sync(spec, "full").await;
    }
    let mut broken = Vec::new();
    for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
        let fields = references(stream);
        if fields.is_empty() {
            continue;
        }
        let id = shop.find(stream.model, |_| true);
        let record = shop.sim.record(stream.model, id);
        let right: Value = fields
            .iter()
            .map(|(field, _)| ((*field).to_owned(), record[*field].clone()))
            .collect();
        let nowhere: Value = fields
            .iter()
            .map(|(field, _)| ((*field).to_owned(), json!(NOWHERE)))
            .collect();
        shop.sim.force(stream.model, id, nowhere);
        let mut rules: Vec<String> = fields.into_iter().map(|(_, rule)| rule).collect();
        rules.sort();
        broken.push((stream, id, right, rules));
    }
    shop.reconcile_all().await;
    for (stream, id, _, rules) in &broken {
        let found = shop.open_warnings(stream.name, *id).await;
        assert_eq!(found, *rules, "{}", stream.name);
    }
    for (stream, id, right, _) in broken {
        shop.sim.force(stream.model, id, right);
    }
    shop.reconcile_all().await;
    assert_eq!(shop.count_open().await, 0);
}

/// Odoo's fields on 19, by their first name, that refer to a mirrored row, with their rules.
fn references(stream: &Stream) -> Vec<(&'static str, String)> {
    let rules = stream.rules.iter();
    rules
        .filter_map(|rule| {
            let Check::RefersTo { column, .. } = rule.check else {
                return None;
            };
            let column = stream.columns.iter().find(|it| it.name == column)?;
            Some((column.sources[0].field(), rule.name()))
        })
        .collect()
}
