//! Orders, transfers and moves as each version wants them, for the statements to change.

use odoo_sim::Version;
use serde_json::{Value as Json, json};

use super::super::server::{Server, unique};

/// The field of an order line's unit.
pub(super) fn unit_field(server: &Server) -> &'static str {
    match server.version {
        Version::V19 => "product_uom_id",
        _ => "product_uom",
    }
}

/// The field of a move line's done quantity.
pub(super) fn done_field(server: &Server) -> &'static str {
    match server.version {
        Version::V14 | Version::V16 => "qty_done",
        _ => "quantity",
    }
}

/// A product that is bought, sold and moved; its variant.
pub(super) async fn product(server: &Server) -> i64 {
    let values = json!({"name": unique("Good"), "type": "consu", "list_price": 7.5});
    server.create_product(values).await.1
}

async fn partner(server: &Server) -> i64 {
    server
        .create("res.partner", json!({"name": unique("Partner")}))
        .await
}

/// An order without a line.
pub(super) async fn order(server: &Server, model: &str) -> i64 {
    let partner = partner(server).await;
    server.create(model, json!({"partner_id": partner})).await
}

/// The values of a line of three pieces at 7.50 without tax.
pub(super) async fn line_values(server: &Server, model: &str, order: i64) -> Json {
    let product = product(server).await;
    let mut values = json!({
        "order_id": order, "name": "Three pieces", "product_id": product, "price_unit": 7.5,
    });
    values[unit_field(server)] = json!(1);
    let (quantity, taxes) = match (model, server.version) {
        ("purchase.order.line", Version::V19) => ("product_qty", "tax_ids"),
        ("purchase.order.line", _) => ("product_qty", "taxes_id"),
        (_, Version::V19) => ("product_uom_qty", "tax_ids"),
        _ => ("product_uom_qty", "tax_id"),
    };
    values[quantity] = json!(3.0);
    if model == "purchase.order.line" {
        values["date_planned"] = json!("2030-01-31 12:00:00");
    }
    // The simulator knows no taxes; a real product may have the company's own.
    if server.is_real() {
        values[taxes] = json!([[6, 0, []]]);
    }
    values
}

/// An order with such a line: both ids.
pub(super) async fn order_with_line(server: &Server, model: &str) -> (i64, i64) {
    let order = order(server, model).await;
    let lines = format!("{model}.line");
    let values = line_values(server, &lines, order).await;
    let line = server.create(&lines, values).await;
    (order, line)
}

/// A delivery with a move of five pieces and a line of two: their ids.
pub(super) struct Delivery {
    pub(super) picking: i64,
    pub(super) stock_move: i64,
    pub(super) line: i64,
}

/// The location where goods lie, and the operation type that delivers from there.
async fn way(server: &Server) -> (i64, i64, i64) {
    let warehouses = server.search("stock.warehouse", json!([])).await;
    let fields = ["lot_stock_id", "out_type_id"];
    let warehouse = server.read("stock.warehouse", warehouses[0], &fields).await;
    let customers = server
        .search("stock.location", json!([["usage", "=", "customer"]]))
        .await;
    let id = |field: &str| warehouse[field].as_i64().expect("an id");
    (id("lot_stock_id"), customers[0], id("out_type_id"))
}

pub(super) async fn delivery(server: &Server, unit: i64) -> Delivery {
    let (from, to, kind) = way(server).await;
    let product = product(server).await;
    let picking = json!({"picking_type_id": kind, "location_id": from, "location_dest_id": to});
    let picking = server.create("stock.picking", picking).await;
    let mut values = json!({
        "picking_id": picking, "product_id": product, "product_uom": unit, "product_uom_qty": 5.0,
        "location_id": from, "location_dest_id": to, "picking_type_id": kind,
    });
    if !server.is(Version::V19) {
        values["name"] = json!("Five pieces");
    }
    let stock_move = server.create("stock.move", values).await;
    let mut made = Delivery {
        picking,
        stock_move,
        line: 0,
    };
    let values = move_line(server, &made).await;
    made.line = server.create("stock.move.line", values).await;
    made
}

/// The values of a line of two pieces.
pub(super) async fn move_line(server: &Server, made: &Delivery) -> Json {
    let fields = ["product_id", "location_id", "location_dest_id"];
    let mut values = server.read("stock.move", made.stock_move, &fields).await;
    let fields = values.as_object_mut().expect("a record");
    fields.remove("id");
    values["move_id"] = json!(made.stock_move);
    values["picking_id"] = json!(made.picking);
    values["product_uom_id"] = json!(1);
    values[done_field(server)] = json!(2.0);
    values
}
