//! The shapes that Odoo's models had from 14 to 19: whatever a version calls a field, the
//! mirror has one column for it.

use odoo_sim::{OdooSim, Version};
use serde_json::{Map, Value, json};
use shared::specs::{PRODUCTS, PURCHASES, REGISTRY, SALES, TRANSFERS};

use crate::support::function::Function;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::shop::assert_failed;
use crate::support::snapshot::assert_mirror_equals;

type Record = Map<String, Value>;

/// A column, and what it has to be for a record of one version of Odoo.
struct Shape {
    model: &'static str,
    table: &'static str,
    column: &'static str,
    /// The first version for which `is` holds, and the last.
    versions: (u8, u8),
    is: fn(&Record) -> Value,
}

const fn shape(
    model: &'static str,
    table: &'static str,
    column: &'static str,
    versions: (u8, u8),
    is: fn(&Record) -> Value,
) -> Shape {
    Shape {
        model,
        table,
        column,
        versions,
        is,
    }
}

const SHAPES: &[Shape] = &[
    shape(
        "product.product",
        "products",
        "is_storable",
        (14, 14),
        |it| json!(it["type"] == "product"),
    ),
    shape(
        "product.product",
        "products",
        "is_storable",
        (15, 17),
        |it| json!(it["detailed_type"] == "product"),
    ),
    shape(
        "product.product",
        "products",
        "is_storable",
        (18, 19),
        |it| it["is_storable"].clone(),
    ),
    shape(
        "stock.move",
        "stock_moves",
        "done_quantity",
        (14, 16),
        |it| it["quantity_done"].clone(),
    ),
    shape(
        "stock.move",
        "stock_moves",
        "done_quantity",
        (17, 19),
        |it| it["quantity"].clone(),
    ),
    shape("stock.move", "stock_moves", "is_scrap", (14, 18), |it| {
        it["scrapped"].clone()
    }),
    shape("stock.move", "stock_moves", "is_scrap", (19, 19), |it| {
        json!(it["scrap_id"] != false)
    }),
    shape(
        "purchase.order.line",
        "purchase_order_lines",
        "uom_id",
        (14, 18),
        |it| it["product_uom"].clone(),
    ),
    shape(
        "purchase.order.line",
        "purchase_order_lines",
        "uom_id",
        (19, 19),
        |it| it["product_uom_id"].clone(),
    ),
    shape(
        "sale.order.line",
        "sale_order_lines",
        "uom_id",
        (14, 18),
        |it| it["product_uom"].clone(),
    ),
    shape(
        "sale.order.line",
        "sale_order_lines",
        "uom_id",
        (19, 19),
        |it| it["product_uom_id"].clone(),
    ),
    shape("uom.uom", "uoms", "factor", (14, 18), |it| {
        it["factor_inv"].clone()
    }),
    shape("uom.uom", "uoms", "factor", (19, 19), |it| {
        it["factor"].clone()
    }),
];

#[tokio::test]
async fn every_version_s_fields_come_into_the_same_columns() {
    for version in Version::ALL {
        let sim = simulator(version, 90).await;
        let odoo = Odoo::simulated(&sim).await;
        let database = TestDatabase::create().await;
        let environment = odoo.environment(&database.url);
        for spec in REGISTRY {
            let mut function = Function::start(&spec.function_name(), &environment).await;
            let answer = function.call(&json!({})).await;
            assert_eq!(answer["success"], true, "Odoo {version}: {answer}");
            assert_mirror_equals(&odoo, &database.client, spec).await;
        }
        let mut checked = 0;
        for shape in SHAPES {
            let (from, to) = shape.versions;
            if (from..=to).contains(&version.major()) {
                check(shape, &sim, &database).await;
                checked += 1;
            }
        }
        assert_eq!(checked, 6, "one shape a column on Odoo {version}");
    }
}

async fn check(shape: &Shape, sim: &OdooSim, database: &TestDatabase) {
    let sql = format!(
        "select odoo_id, to_jsonb({}) from odoo.{} order by odoo_id",
        shape.column, shape.table
    );
    let rows = database.client.query(&sql, &[]).await.expect("the mirror");
    let records = sim.records(shape.model);
    assert_eq!(rows.len(), records.len());
    let mut seen = Vec::new();
    for (row, record) in rows.iter().zip(&records) {
        let (id, found): (i64, Option<Value>) = (row.get(0), row.get(1));
        let found = found.unwrap_or_default();
        let expected = (shape.is)(record);
        let is_same = match (found.as_f64(), expected.as_f64()) {
            (Some(found), Some(expected)) => (found - expected).abs() < 1e-9,
            _ => found == expected || (found.is_null() && expected == false),
        };
        let Shape { model, column, .. } = shape;
        assert!(
            is_same,
            "{column} of {model} {id}: {found} is not {expected}"
        );
        seen.push(found.to_string());
    }
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 1, "{} is the same everywhere", shape.column);
}

#[tokio::test]
async fn what_an_app_brings_is_null_where_a_shop_has_it_not() {
    for (spec, model, field, table, column) in [
        (
            &PRODUCTS,
            "product.product",
            "tracking",
            "products",
            "tracking",
        ),
        (
            &PURCHASES,
            "purchase.order",
            "picking_type_id",
            "purchase_orders",
            "operation_type_id",
        ),
        (
            &SALES,
            "sale.order",
            "warehouse_id",
            "sale_orders",
            "warehouse_id",
        ),
        (
            &TRANSFERS,
            "stock.move",
            "purchase_line_id",
            "stock_moves",
            "purchase_line_id",
        ),
        (
            &TRANSFERS,
            "stock.move",
            "sale_line_id",
            "stock_moves",
            "sale_line_id",
        ),
    ] {
        let sim = simulator(Version::V19, 30).await;
        sim.hide_field(model, field);
        let odoo = Odoo::simulated(&sim).await;
        let database = TestDatabase::create().await;
        let environment = odoo.environment(&database.url);
        let mut function = Function::start(&spec.function_name(), &environment).await;
        let answer = function.call(&json!({})).await;
        assert_eq!(answer["success"], true, "{answer}");
        let sql = format!("select count(*), count({column}) from odoo.{table}");
        let row = database
            .client
            .query_one(&sql, &[])
            .await
            .expect("the mirror");
        let (rows, filled): (i64, i64) = (row.get(0), row.get(1));
        assert!(rows > 0);
        assert_eq!(filled, 0, "{table}.{column}");
    }
}

#[tokio::test]
async fn a_field_that_is_required_and_missing_fails_before_the_first_page() {
    let sim = simulator(Version::V19, 30).await;
    for (model, field) in [
        ("sale.order", "amount_tax"),
        ("sale.order", "client_order_ref"),
        ("sale.order.line", "discount"),
    ] {
        sim.hide_field(model, field);
    }
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let environment = odoo.environment(&database.url);
    let mut function = Function::start(&SALES.function_name(), &environment).await;
    let message = assert_failed(&function.call(&json!({})).await, "odoo_schema");
    for name in [
        "sale.order",
        "amount_tax",
        "client_order_ref",
        "sale.order.line",
        "discount",
    ] {
        assert!(message.contains(name), "{message}");
    }
    let sql = "select count(*) from odoo.sale_orders";
    let row = database
        .client
        .query_one(sql, &[])
        .await
        .expect("the table");
    assert_eq!(row.get::<_, i64>(0), 0);
}
