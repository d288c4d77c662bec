//! The view `stock_movements`, summed, is what a real Odoo itself says to have on hand, before
//! and after a working day; and it tells apart what moved the stock.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::specs::REGISTRY;
use tokio_postgres::Client;

use crate::support::day::{Day, Movement};
use crate::support::function::{Environment, Function};
use crate::support::odoo::Odoo;
use crate::support::postgres::TestDatabase;

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn movements_add_up_to_the_stock_on_hand_of_real_odoo_14() {
    movements_add_up_to_the_stock_on_hand(&Odoo::real(14, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn movements_add_up_to_the_stock_on_hand_of_real_odoo_19() {
    movements_add_up_to_the_stock_on_hand(&Odoo::real(19, true).await).await;
}

async fn movements_add_up_to_the_stock_on_hand(odoo: &Odoo) {
    let database = TestDatabase::create().await;
    let environment = odoo.environment(&database.url);

    let day = Day::dawn(odoo).await;
    sync_all(&environment).await;
    let before = assert_stock_on_hand(odoo, &database.client).await;

    let made = day.pass().await;
    sync_all(&environment).await;
    let after = assert_stock_on_hand(odoo, &database.client).await;
    assert_ne!(before, after, "the day moved something");
    assert_told(&database.client, made).await;
}

/// Products of a warehouse.
type Pair = (i64, i64);

/// The sums are Odoo's quantities, asked in two ways. Returns them.
async fn assert_stock_on_hand(odoo: &Odoo, client: &Client) -> BTreeMap<Pair, i64> {
    let mut quants = BTreeMap::new();
    let mut available = BTreeMap::new();
    let products = stored_products(odoo).await;
    for warehouse in odoo.search("stock.warehouse", json!([])).await {
        for (&product, &quantity) in &quants_in(odoo, warehouse).await {
            if products.contains(&product) {
                quants.insert((warehouse, product), in_millionths(quantity));
            }
        }
        for (product, quantity) in available_in(odoo, warehouse, &products).await {
            available.insert((warehouse, product), in_millionths(quantity));
        }
    }
    assert!(!quants.is_empty(), "Odoo has something in stock");
    let summed = summed(client, &products).await;
    assert_eq!(without_zeros(&summed), without_zeros(&quants));
    assert_eq!(without_zeros(&summed), without_zeros(&available));
    summed
}

/// Ids of the products that Odoo keeps stock of, archived ones included.
async fn stored_products(odoo: &Odoo) -> BTreeSet<i64> {
    let fields = odoo.fields("product.product").await;
    let domain = if fields.iter().any(|field| field == "is_storable") {
        json!([["is_storable", "=", true]])
    } else {
        json!([["type", "=", "product"]])
    };
    odoo.search("product.product", domain)
        .await
        .into_iter()
        .collect()
}

/// Odoo's quants in a warehouse's internal locations, added up for each product.
async fn quants_in(odoo: &Odoo, warehouse: i64) -> BTreeMap<i64, f64> {
    let view = odoo.id("stock.warehouse", warehouse, "view_location_id");
    let here = json!([["id", "child_of", view.await], ["usage", "=", "internal"]]);
    let locations = odoo.search("stock.location", here).await;
    let domain = json!([["location_id", "in", locations]]);
    let ids = odoo.search("stock.quant", domain).await;
    let kwargs = json!({"fields": ["product_id", "quantity"], "load": null});
    let quants = odoo.call_with("stock.quant", "read", json!([ids]), kwargs);
    let mut sums = BTreeMap::new();
    for quant in quants.await.as_array().expect("quants") {
        *sums.entry(id(&quant["product_id"])).or_default() += number(&quant["quantity"]);
    }
    sums
}

/// What Odoo shows as a product's quantity on hand to who looks at one warehouse.
async fn available_in(odoo: &Odoo, warehouse: i64, products: &BTreeSet<i64>) -> Vec<(i64, f64)> {
    // Until 17 the context's key is `warehouse`.
    let context = json!({"warehouse": warehouse, "warehouse_id": warehouse});
    let kwargs = json!({"fields": ["qty_available"], "context": context});
    let read = odoo.call_with("product.product", "read", json!([products]), kwargs);
    let read = read.await;
    let records = read.as_array().expect("products").iter();
    records
        .map(|record| (id(&record["id"]), number(&record["qty_available"])))
        .collect()
}

async fn summed(client: &Client, products: &BTreeSet<i64>) -> BTreeMap<Pair, i64> {
    let products: Vec<i64> = products.iter().copied().collect();
    let rows = client
        .query(
            "select warehouse_id, product_id, sum(quantity)::float8
             from odoo.stock_movements where product_id = any($1)
             group by warehouse_id, product_id",
            &[&products],
        )
        .await
        .expect("the view");
    rows.iter()
        .map(|row| ((row.get(0), row.get(1)), in_millionths(row.get(2))))
        .collect()
}

/// Each of the day's moves makes the movements that it should make, and no others.
async fn assert_told(client: &Client, mut made: Vec<Movement>) {
    let moves: Vec<i64> = made.iter().map(|it| it.stock_move).collect();
    let rows = client
        .query(
            "select stock_move_id, movement_type, warehouse_id, product_id, quantity::float8
             from odoo.stock_movements where stock_move_id = any($1)",
            &[&moves],
        )
        .await
        .expect("the view");
    let mut told: Vec<Movement> = rows
        .iter()
        .map(|row| Movement {
            stock_move: row.get(0),
            kind: row.get(1),
            warehouse: row.get(2),
            product: row.get(3),
            quantity: row.get(4),
        })
        .collect();
    for list in [&mut told, &mut made] {
        list.sort_by(|a, b| (a.stock_move, &a.kind).cmp(&(b.stock_move, &b.kind)));
    }
    assert_eq!(told, made);
}

async fn sync_all(environment: &Environment) {
    for spec in REGISTRY {
        let mut function = Function::start(&spec.function_name(), environment).await;
        let answer = function.call(&json!({})).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
}

/// Odoo adds floats, so what is equal may differ far behind the point.
#[expect(clippy::cast_possible_truncation, reason = "no stock is that large")]
fn in_millionths(quantity: f64) -> i64 {
    (quantity * 1e6).round() as i64
}

/// One side has a row for what it has none of, the other has no row.
fn without_zeros(quantities: &BTreeMap<Pair, i64>) -> BTreeMap<Pair, i64> {
    let some = quantities.iter().filter(|(_, quantity)| **quantity != 0);
    some.map(|(pair, quantity)| (*pair, *quantity)).collect()
}

fn id(value: &Value) -> i64 {
    value.as_i64().expect("an id")
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}
