//! Rules about a row itself, and about values that no two rows may share.

use odoo_sim::Version;
use serde_json::{Map, Value, json};
use shared::specs::{Check, DataType, PRODUCTS, PURCHASES, REGISTRY, SALES, TRANSFERS};

use super::shop::Shop;
use crate::support::shop::VERSIONS;
use crate::support::snapshot::assert_mirror_equals;

/// One way to break one rule and only that one.
struct Breach {
    spec: &'static DataType,
    stream: &'static str,
    model: &'static str,
    /// The row that is looked at is one with this field set, or set to this text.
    of: (&'static str, Option<&'static str>),
    broken: Value,
    rule: &'static str,
}

fn breaches() -> Vec<Breach> {
    let breach = |spec, stream, model, of, broken, rule| Breach {
        spec,
        stream,
        model,
        of,
        broken,
        rule,
    };
    let (product, po, so) = ("product.product", "purchase.order", "sale.order");
    let (pol, sol) = ("purchase.order.line", "sale.order.line");
    let (picking, move_) = ("stock.picking", "stock.move");
    let any = ("id", None);
    let state = |text| json!({"state": text});
    vec![
        breach(
            &PRODUCTS,
            "products",
            product,
            any,
            json!({"name": null}),
            "required:name",
        ),
        breach(
            &PRODUCTS,
            "products",
            product,
            any,
            json!({"name": " \t"}),
            "not_blank:name",
        ),
        breach(
            &PURCHASES,
            "purchase_orders",
            po,
            any,
            state(Value::Null),
            "required:state",
        ),
        breach(
            &PURCHASES,
            "purchase_orders",
            po,
            any,
            state("lost".into()),
            "one_of:state",
        ),
        breach(
            &PURCHASES,
            "purchase_orders",
            po,
            any,
            json!({"amount_total": 12_345.67}),
            "sums_up_to:amount_total",
        ),
        breach(
            &PURCHASES,
            "purchase_order_lines",
            pol,
            any,
            json!({"order_id": null}),
            "required:order_id",
        ),
        breach(
            &SALES,
            "sale_orders",
            so,
            any,
            state(Value::Null),
            "required:state",
        ),
        breach(
            &SALES,
            "sale_orders",
            so,
            any,
            state("lost".into()),
            "one_of:state",
        ),
        breach(
            &SALES,
            "sale_orders",
            so,
            any,
            json!({"amount_tax": -0.5}),
            "sums_up_to:amount_total",
        ),
        breach(
            &SALES,
            "sale_order_lines",
            sol,
            any,
            json!({"order_id": null}),
            "required:order_id",
        ),
        breach(
            &TRANSFERS,
            "transfers",
            picking,
            any,
            state(Value::Null),
            "required:state",
        ),
        breach(
            &TRANSFERS,
            "transfers",
            picking,
            any,
            state("lost".into()),
            "one_of:state",
        ),
        breach(
            &TRANSFERS,
            "stock_moves",
            move_,
            any,
            state(Value::Null),
            "required:state",
        ),
        breach(
            &TRANSFERS,
            "stock_moves",
            move_,
            any,
            state("lost".into()),
            "one_of:state",
        ),
    ]
}

impl Breach {
    /// A row that breaks no rule so far.
    fn row(&self, shop: &Shop) -> i64 {
        let (field, text) = self.of;
        shop.find(self.model, |record| match text {
            Some(text) => record[field] == text,
            None => record[field] != false,
        })
    }

    /// What the row has now in the fields that are to be broken.
    fn right(&self, shop: &Shop, id: i64) -> Value {
        let record = shop.sim.record(self.model, id);
        let fields = self.broken.as_object().expect("fields").keys();
        fields
            .map(|field| (field.clone(), record[field].clone()))
            .collect()
    }
}

#[tokio::test]
async fn a_row_that_breaks_a_rule_is_mirrored_with_a_warning_until_it_is_mended() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        for spec in [&PRODUCTS, &PURCHASES, &SALES, &TRANSFERS] {
            shop.sync(spec, "full").await;
        }
        assert_eq!(shop.count_open().await, 0, "the shop is in order");
        for breach in breaches() {
            let (id, stream, rule) = (breach.row(&shop), breach.stream, breach.rule);
            let right = breach.right(&shop, id);
            shop.sim.force(breach.model, id, breach.broken.clone());
            let report = shop.sync(breach.spec, "incremental").await;
            assert_eq!(report["recordsSkipped"], 0, "{rule} is no reject");
            assert_eq!(shop.open_warnings(stream, id).await, [rule], "{stream}");
            assert_mirror_equals(&shop.odoo, &shop.database.client, breach.spec).await;

            shop.sim.force(breach.model, id, right);
            shop.sync(breach.spec, "incremental").await;
            assert_eq!(shop.open_warnings(stream, id).await, [""; 0], "{rule}");
            let resolutions = shop.resolutions(stream, id, rule).await;
            assert_eq!(resolutions, ["mended"], "{rule} of {stream}");
        }
        assert_eq!(shop.count_open().await, 0, "no other row was blamed");
    }
}

#[tokio::test]
async fn the_breaches_above_and_below_break_every_rule_there_is() {
    let elsewhere = ["unique:barcode", "non_negative:done_quantity"];
    for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
        for rule in stream.rules {
            let name = rule.name();
            let is_broken = breaches()
                .iter()
                .any(|it| it.stream == stream.name && it.rule == name);
            let is_reference = matches!(rule.check, Check::RefersTo { .. });
            assert!(
                is_broken || is_reference || elsewhere.contains(&name.as_str()),
                "no test breaks {name} of {}",
                stream.name
            );
        }
    }
}

#[tokio::test]
async fn a_done_move_with_a_negative_quantity_is_warned_of_and_one_under_way_is_not() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        shop.sync(&TRANSFERS, "full").await;
        let has_lines = |record: &Map<String, Value>| {
            record["move_line_ids"]
                .as_array()
                .is_some_and(|it| it.len() == 1)
        };
        let done = shop.find("stock.move", |it| it["state"] == "done" && has_lines(it));
        let open = shop.find("stock.move", |it| {
            it["state"] == "assigned" && has_lines(it)
        });
        // Odoo 14 computes the quantity from the move's lines, and only their time moves.
        let set = |id: i64, to: &dyn Fn(f64) -> f64| {
            let record = shop.sim.record("stock.move", id);
            if record.contains_key("quantity") {
                let now = record["quantity"].as_f64().expect("a number");
                shop.sim
                    .force("stock.move", id, json!({"quantity": to(now)}));
            } else {
                let line = record["move_line_ids"][0].as_i64().expect("a line");
                let now = shop.sim.record("stock.move.line", line)["qty_done"].as_f64();
                let now = now.expect("a number");
                shop.sim
                    .force("stock.move.line", line, json!({"qty_done": to(now)}));
            }
        };
        set(done, &|now| -now);
        set(open, &|_| -1.0);
        shop.sync(&TRANSFERS, "incremental").await;
        let rule = "non_negative:done_quantity";
        assert_eq!(shop.open_warnings("stock_moves", done).await, [rule]);
        assert_eq!(shop.open_warnings("stock_moves", open).await, [""; 0]);

        set(done, &|now| -now);
        shop.sync(&TRANSFERS, "incremental").await;
        assert_eq!(shop.open_warnings("stock_moves", done).await, [""; 0]);
        assert_eq!(
            shop.resolutions("stock_moves", done, rule).await,
            ["mended"]
        );
    }
}

#[tokio::test]
async fn both_products_of_one_barcode_are_warned_of_and_either_s_change_mends_both() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        shop.sync(&PRODUCTS, "full").await;
        let has_barcode =
            |it: &Map<String, Value>| it["barcode"].is_string() && it["active"] == true;
        let one = shop.find("product.product", has_barcode);
        let code = shop.sim.record("product.product", one)["barcode"].clone();
        let other = shop.find("product.product", |it| {
            has_barcode(it) && it["id"] != json!(one)
        });
        let own = shop.sim.record("product.product", other)["barcode"].clone();
        let rule = "unique:barcode";

        shop.sim
            .force("product.product", other, json!({"barcode": code}));
        shop.sync(&PRODUCTS, "incremental").await;
        for id in [one, other] {
            assert_eq!(shop.open_warnings("products", id).await, [rule]);
        }

        // An archived product may keep the barcode that its successor has.
        shop.sim
            .force("product.product", other, json!({"active": false}));
        shop.sync(&PRODUCTS, "incremental").await;
        for id in [one, other] {
            assert_eq!(shop.open_warnings("products", id).await, [""; 0]);
            assert_eq!(shop.resolutions("products", id, rule).await, ["mended"]);
        }

        shop.sim
            .force("product.product", other, json!({"active": true}));
        shop.sync(&PRODUCTS, "incremental").await;
        assert_eq!(shop.open_warnings("products", one).await, [rule]);
        shop.sim
            .force("product.product", other, json!({"barcode": own}));
        shop.sync(&PRODUCTS, "incremental").await;
        for id in [one, other] {
            assert_eq!(shop.open_warnings("products", id).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_deleted_twin_mends_the_other() {
    let shop = Shop::open(Version::V19).await;
    let barcode = json!("4006381333931");
    let ids: Vec<i64> = ["Stift", "Stift zwei"]
        .iter()
        .map(|name| {
            let id = shop.sim.create("product.product", json!({"name": name}));
            shop.sim
                .force("product.product", id, json!({"barcode": barcode}));
            id
        })
        .collect();
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(shop.open_warnings("products", ids[0]).await.len(), 1);
    shop.sim.unlink("product.product", &ids[1..]);
    shop.sync(&PRODUCTS, "reconcile").await;
    let rule = "unique:barcode";
    assert_eq!(shop.resolutions("products", ids[0], rule).await, ["mended"]);
    assert_eq!(shop.resolutions("products", ids[1], rule).await, ["gone"]);
    assert_eq!(shop.count_open().await, 0);
}

#[tokio::test]
async fn a_cent_is_no_difference_and_more_is_one() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&SALES, "full").await;
    let order = shop.find("sale.order", |_| true);
    let amounts = |untaxed: f64, tax: f64, total: f64| json!({"amount_untaxed": untaxed, "amount_tax": tax, "amount_total": total});
    for (broken, warnings) in [
        // 0.1 + 0.2 is 0.30000000000000004 as floats.
        (amounts(0.1, 0.2, 0.3), 0),
        (amounts(100.0, 19.0, 119.01), 0),
        (amounts(100.0, 19.0, 119.02), 1),
        (amounts(100.0, 19.0, 118.98), 1),
    ] {
        shop.sim.force("sale.order", order, broken.clone());
        shop.sync(&SALES, "incremental").await;
        let found = shop.open_warnings("sale_orders", order).await;
        assert_eq!(found.len(), warnings, "{broken}: {found:?}");
    }
}
