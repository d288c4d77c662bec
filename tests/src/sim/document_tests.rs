//! The made up shop's documents, and what can be done to them that Odoo would refuse.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use crate::{OdooSim, Version};

type Record = Map<String, Json>;

fn shop(version: Version, products: usize) -> OdooSim {
    OdooSim::builder()
        .version(version)
        .products(products)
        .start_blocking()
}

fn number(record: &Record, field: &str) -> f64 {
    record[field].as_f64().unwrap()
}

fn values<'a>(records: &'a [Record], field: &str) -> BTreeSet<&'a str> {
    records.iter().filter_map(|it| it[field].as_str()).collect()
}

#[test]
fn every_version_has_documents_of_every_kind() {
    for version in Version::ALL {
        let sim = shop(version, 300);
        for model in ["purchase.order", "sale.order"] {
            assert_eq!(sim.count(model), 100);
            let states = values(&sim.records(model), "state").len();
            assert!(states >= 4, "{version} {model}");
            let lines = sim.records(&format!("{model}.line"));
            assert!(lines.len() > 200);
            assert_eq!(values(&lines, "display_type").len(), 2);
        }
        let moves = sim.records("stock.move");
        assert!(moves.len() > 400, "{version}: {}", moves.len());
        let states = values(&moves, "state");
        assert!(states.contains("done") && states.contains("cancel"));
        for field in [
            "origin_returned_move_id",
            "purchase_line_id",
            "sale_line_id",
            if version.major() >= 17 {
                "scrap_id"
            } else {
                "scrapped"
            },
        ] {
            let some = moves.iter().any(|it| it[field] != json!(false));
            assert!(some, "{version} {field}");
        }
        assert!(
            moves
                .iter()
                .any(|it| it["product_qty"] != it["product_uom_qty"])
        );
        let pickings = sim.records("stock.picking");
        assert!(pickings.iter().any(|it| it["backorder_id"] != json!(false)));
        let active = |it: &Record| it["active"] == json!(true);
        let warehouses = sim.records("stock.warehouse");
        assert_eq!(warehouses.iter().filter(|it| active(it)).count(), 2);
        assert_eq!(warehouses.len(), 3);
        let usages = sim.records("stock.location");
        assert_eq!(values(&usages, "usage").len(), 7, "{version}");
    }
}

#[test]
fn done_moves_go_every_way_there_is() {
    let sim = shop(Version::V19, 600);
    let usage = |id: &Json| sim.record("stock.location", id.as_i64().unwrap())["usage"].clone();
    let ways: BTreeSet<String> = sim
        .records("stock.move")
        .iter()
        .filter(|it| it["state"] == "done")
        .map(|it| {
            format!(
                "{} {}",
                usage(&it["location_id"]).as_str().unwrap(),
                usage(&it["location_dest_id"]).as_str().unwrap()
            )
        })
        .collect();
    for way in [
        "supplier internal",
        "internal supplier",
        "internal customer",
        "customer internal",
        "internal internal",
        "internal transit",
        "transit internal",
        "inventory internal",
        "internal inventory",
        "production internal",
        "internal production",
    ] {
        assert!(ways.contains(way), "{way} is not in {ways:?}");
    }
}

#[test]
fn stored_amounts_and_quantities_agree() {
    for version in Version::ALL {
        let sim = shop(version, 150);
        for model in ["purchase.order", "sale.order"] {
            let lines = sim.records(&format!("{model}.line"));
            for order in sim.records(model) {
                let sum: f64 = lines
                    .iter()
                    .filter(|line| line["order_id"] == order["id"])
                    .map(|line| number(line, "price_total"))
                    .sum();
                assert!((sum - number(&order, "amount_total")).abs() < 0.005);
            }
        }
        let done = if version.major() >= 17 {
            "quantity"
        } else {
            "quantity_done"
        };
        let moves = sim.records("stock.move");
        for it in moves.iter().filter(|it| it["state"] == "done") {
            assert_eq!(it[done], it["product_uom_qty"], "{version}");
        }
    }
}

#[test]
fn a_shop_has_as_many_orders_as_asked_for() {
    let sim = OdooSim::builder().products(20).orders(35).start_blocking();
    assert_eq!(sim.count("sale.order"), 35);
    assert_eq!(sim.count("purchase.order"), 35);
    let none = OdooSim::builder().products(0).start_blocking();
    assert_eq!(none.count("sale.order"), 0);
}

#[test]
fn a_shop_is_there_in_a_moment() {
    let began = Instant::now();
    shop(Version::V19, 300);
    // A limit with much room: machines that run tests are busy.
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn lines_can_come_with_their_order() {
    for version in Version::ALL {
        let sim = shop(version, 10);
        let unit = if version.major() >= 19 {
            "product_uom_id"
        } else {
            "product_uom"
        };
        let product = sim.ids("product.product")[0];
        let line = json!({
            "name": "Two", "product_id": product, "product_qty": 2.0, "price_unit": 4.5, unit: 1,
        });
        let order = json!({"partner_id": 1, "order_line": [[0, 0, line]]});
        let order = sim.create("purchase.order", order);
        assert_eq!(
            sim.record("purchase.order", order)["amount_total"],
            json!(9.0)
        );
        let line = sim.record("purchase.order", order)["order_line"][0]
            .as_i64()
            .unwrap();
        let change = json!({"order_line": [[1, line, {"product_qty": 3.0}]]});
        sim.write("purchase.order", &[order], change);
        assert_eq!(
            sim.record("purchase.order", order)["amount_total"],
            json!(13.5)
        );
        sim.write(
            "purchase.order",
            &[order],
            json!({"order_line": [[2, line]]}),
        );
        assert_eq!(
            sim.record("purchase.order", order)["amount_total"],
            json!(0.0)
        );
    }
}

#[test]
fn a_done_quantity_written_to_a_move_is_put_into_its_lines() {
    for version in Version::ALL {
        let sim = shop(version, 10);
        let done = if version.major() >= 17 {
            "quantity"
        } else {
            "quantity_done"
        };
        let mut values = json!({
            "product_id": sim.ids("product.product")[0], "product_uom": 1, "product_uom_qty": 4.0,
            "location_id": 1, "location_dest_id": 2, done: 3.0,
        });
        if version.major() <= 18 {
            values["name"] = json!("Four");
        }
        let id = sim.create("stock.move", values);
        assert_eq!(sim.record("stock.move", id)[done], json!(3.0));
        sim.write("stock.move", &[id], json!({done: 4.0}));
        let record = sim.record("stock.move", id);
        assert_eq!(record[done], json!(4.0));
        assert_eq!(record["move_line_ids"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_products_type_and_detailed_type_are_one() {
    let sim = shop(Version::V17, 5);
    let id = sim.create(
        "product.template",
        json!({"name": "Kept", "type": "product"}),
    );
    assert_eq!(
        sim.record("product.template", id)["detailed_type"],
        "product"
    );
    sim.write(
        "product.template",
        &[id],
        json!({"detailed_type": "service"}),
    );
    assert_eq!(sim.record("product.template", id)["type"], "service");
}

#[test]
fn a_new_warehouse_brings_its_locations_and_types() {
    for version in Version::ALL {
        let sim = shop(version, 5);
        let id = sim.create("stock.warehouse", json!({"name": "North", "code": "NORTH"}));
        let warehouse = sim.record("stock.warehouse", id);
        let stock = warehouse["lot_stock_id"].as_i64().unwrap();
        assert_eq!(
            sim.record("stock.location", stock)["complete_name"],
            "NORTH/Stock"
        );
        let kind = warehouse["in_type_id"].as_i64().unwrap();
        assert_eq!(
            sim.record("stock.picking.type", kind)["warehouse_id"],
            json!(id)
        );
    }
}

#[test]
fn what_odoo_would_refuse_can_be_forced() {
    for version in Version::ALL {
        let sim = shop(version, 60);
        let [product, twin] = sim.ids("product.product")[..2] else {
            panic!("two products")
        };
        sim.clock().advance(Duration::from_secs(60));
        let before = sim.write_date("product.product", product);
        sim.force(
            "product.product",
            product,
            json!({"name": null, "barcode": "4012"}),
        );
        sim.force("product.product", twin, json!({"barcode": "4012"}));
        assert_eq!(sim.record("product.product", product)["name"], json!(false));
        assert_eq!(
            sim.record("product.product", product)["barcode"],
            sim.record("product.product", twin)["barcode"]
        );
        assert!(sim.write_date("product.product", product) > before);

        let line = sim.ids("sale.order.line")[0];
        let order = sim.record("sale.order.line", line)["order_id"]
            .as_i64()
            .unwrap();
        sim.force("sale.order.line", line, json!({"order_id": null}));
        assert_eq!(
            sim.record("sale.order.line", line)["order_id"],
            json!(false)
        );
        let left = sim.record("sale.order", order)["order_line"].clone();
        assert!(!left.as_array().unwrap().contains(&json!(line)));

        let total = number(&sim.record("sale.order", order), "amount_total");
        let changes = json!({"amount_total": total + 1.0, "state": "elsewhere"});
        sim.force("sale.order", order, changes);
        let record = sim.record("sale.order", order);
        assert_eq!(record["amount_total"], json!(total + 1.0));
        assert_eq!(record["state"], "elsewhere");

        let made = sim.force_create("stock.move", json!({"state": "done", "product_qty": -3.0}));
        let record = sim.record("stock.move", made);
        assert_eq!(
            (&record["product_qty"], &record["state"]),
            (&json!(-3.0), &json!("done"))
        );
        assert_eq!(record["product_id"], json!(false));
    }
}
