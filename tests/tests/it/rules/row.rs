//! Rules about a row itself, and about values that no two rows may share.

use odoo_sim::Version;
use serde_json::{Map, Value, json};
use shared::specs::{Check, PRODUCTS, REGISTRY, SALES, TRANSFERS};

use super::breach::{Breach, breaches};
use super::shop::Shop;
use crate::support::shop::VERSIONS;
use crate::support::snapshot::assert_mirror_equals;

#[tokio::test]
async fn a_row_that_breaks_a_rule_is_mirrored_with_a_warning_until_it_is_mended() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        for spec in REGISTRY {
            shop.sync(spec, "full").await;
        }
        assert_eq!(shop.count_open().await, 0, "the shop is in order");
        let breaches = breaches(&shop.sim);
        assert_eq!(untested(&breaches), [""; 0]);
        for breach in breaches {
            let (id, stream, rule) = (breach.id, breach.stream.name, breach.rule.as_str());
            let model = breach.stream.model;
            shop.sim.force(model, id, breach.broken);
            let report = shop.sync(breach.spec, "incremental").await;
            assert_eq!(report["recordsSkipped"], 0, "{rule} is no reject");
            assert_eq!(shop.open_warnings(stream, id).await, [rule], "{stream}");
            assert_mirror_equals(&shop.odoo, &shop.database.client, breach.spec).await;

            shop.sim.force(model, id, breach.right);
            shop.sync(breach.spec, "incremental").await;
            assert_eq!(shop.open_warnings(stream, id).await, [""; 0], "{rule}");
            let resolutions = shop.resolutions(stream, id, rule).await;
            assert_eq!(resolutions, ["mended"], "{rule} of {stream}");
        }
        assert_eq!(shop.count_open().await, 0, "no other row was blamed");
    }
}

/// Rules that nothing here breaks.
fn untested(breaches: &[Breach]) -> Vec<String> {
    let have_tests = ["unique:barcode", "non_negative:done_quantity"];
    let rules = REGISTRY
        .iter()
        .flat_map(|spec| spec.streams)
        .flat_map(|stream| stream.rules.iter().map(|rule| (stream.name, rule)));
    rules
        .filter(|(_, rule)| !matches!(rule.check, Check::RefersTo { .. }))
        .map(|(stream, rule)| (stream, rule.name()))
        .filter(|(_, rule)| !have_tests.contains(&rule.as_str()))
        .filter(|(stream, rule)| {
            let is_it = |it: &Breach| it.stream.name == *stream && it.rule == *rule;
            !breaches.iter().any(is_it)
        })
        .map(|(stream, rule)| format!("{rule} of {stream}"))
        .collect()
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

/// Two active products with one barcode, and the one that the second had before.
struct Twins {
    one: i64,
    other: i64,
    own: Value,
}

fn make_twins(shop: &Shop) -> Twins {
    let has_barcode = |it: &Map<String, Value>| it["barcode"].is_string() && it["active"] == true;
    let one = shop.find("product.product", has_barcode);
    let code = shop.sim.record("product.product", one)["barcode"].clone();
    let other = shop.find("product.product", |it| {
        has_barcode(it) && it["id"] != json!(one)
    });
    let own = shop.sim.record("product.product", other)["barcode"].clone();
    shop.sim
        .force("product.product", other, json!({"barcode": code}));
    Twins { one, other, own }
}

#[tokio::test]
async fn both_products_of_one_barcode_are_warned_of_and_either_s_change_mends_both() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        shop.sync(&PRODUCTS, "full").await;
        let Twins { one, other, own } = make_twins(&shop);
        let rule = "unique:barcode";

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
async fn what_a_rule_found_that_a_new_version_drops_is_over_with_its_first_full_run() {
    let shop = Shop::open(Version::V19).await;
    shop.sync(&PRODUCTS, "full").await;
    let product = shop.find("product.product", |_| true);
    for rule in ["unique:weight", "refers_to:weight", "required:weight"] {
        shop.execute(&format!(
            "insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason)
             values ('products', 'products', {product}, 'warning', '{rule}', 'as it was')"
        ))
        .await;
    }
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(shop.open_warnings("products", product).await, [""; 0]);
}

#[tokio::test]
async fn a_warning_that_is_still_true_is_not_written_again_by_each_run() {
    let shop = Shop::open(Version::V14).await;
    make_twins(&shop);
    shop.sync(&PRODUCTS, "full").await;
    let written = async || {
        let sql = "select string_agg(xmin::text, ' ' order by id) from odoo.sync_findings";
        let row = shop.database.client.query_one(sql, &[]).await;
        row.expect("the findings").get::<_, Option<String>>(0)
    };
    let before = written().await;
    assert!(before.is_some());
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(written().await, before);
    // Now and then it is, so that one can tell that it is still looked at.
    shop.execute("update odoo.sync_findings set last_seen_at = now() - interval '2 hours'")
        .await;
    shop.sync(&PRODUCTS, "full").await;
    let sql =
        "select count(*) from odoo.sync_findings where last_seen_at < now() - interval '1 hour'";
    let row = shop.database.client.query_one(sql, &[]).await;
    assert_eq!(row.expect("the findings").get::<_, i64>(0), 0);
}

#[tokio::test]
async fn a_check_that_postgres_breaks_off_keeps_no_row_out() {
    let shop = Shop::open(Version::V19).await;
    make_twins(&shop);
    // As a statement that takes longer than its transaction may.
    shop.execute(
        "create function too_slow() returns trigger language plpgsql as
             $$begin raise 'canceled' using errcode = '57014'; end$$;
         create trigger too_slow before insert on odoo.sync_findings
             for each row execute function too_slow()",
    )
    .await;
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(shop.count_open().await, 0);
    assert_mirror_equals(&shop.odoo, &shop.database.client, &PRODUCTS).await;

    shop.execute("drop trigger too_slow on odoo.sync_findings")
        .await;
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(shop.count_open().await, 2);
}

#[tokio::test]
async fn two_companies_may_have_one_barcode_each_and_none_beside_it() {
    let shop = Shop::open(Version::V19).await;
    let barcode = "4006381333931";
    let products: Vec<i64> = (0..3)
        .map(|_| shop.sim.create("product.product", json!({"name": "Stift"})))
        .collect();
    for (id, company) in products.iter().zip([json!(1), json!(2), Value::Null]) {
        let values = json!({"barcode": barcode, "company_id": company});
        shop.sim.force("product.product", *id, values);
    }
    let archived = json!({"active": false});
    shop.sim.force("product.product", products[2], archived);
    shop.sync(&PRODUCTS, "full").await;
    assert_eq!(shop.count_open().await, 0);
    let active = json!({"active": true});
    shop.sim.force("product.product", products[2], active);
    shop.sync(&PRODUCTS, "incremental").await;
    for id in products {
        let open = shop.open_warnings("products", id).await;
        assert_eq!(open, ["unique:barcode"]);
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
