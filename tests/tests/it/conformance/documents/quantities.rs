//! Quantities and amounts that follow from others.

use odoo_sim::Version;
use serde_json::json;

use super::super::on_every_server;
use super::super::server::Server;
use super::made::{delivery, line_values, order, order_with_line};

on_every_server!(
    an_orders_amounts_are_its_lines_sums,
    a_purchase_orders_date_is_the_earliest_of_its_lines,
    a_lines_numbers_are_sent_as_they_are,
    a_note_has_no_product_and_no_amount,
    a_moves_quantity_is_also_counted_in_its_products_unit,
    a_moves_done_quantity_is_the_sum_of_its_lines_in_its_own_unit,
);

async fn an_orders_amounts_are_its_lines_sums(server: &Server) {
    for model in ["purchase.order", "sale.order"] {
        let (order, line) = order_with_line(server, model).await;
        let lines = format!("{model}.line");
        let values = line_values(server, &lines, order).await;
        server.create(&lines, values).await;
        server
            .write(&lines, line, json!({"price_unit": 0.33}))
            .await;
        let fields = ["amount_untaxed", "amount_tax", "amount_total"];
        let row = server.read(model, order, &fields).await;
        assert_eq!(row["amount_untaxed"], json!(23.49), "{model}");
        assert_eq!(row["amount_tax"], json!(0.0), "{model}");
        assert_eq!(row["amount_total"], json!(23.49), "{model}");
        let fields = ["price_subtotal", "price_tax", "price_total"];
        let row = server.read(&lines, line, &fields).await;
        assert_eq!(row["price_subtotal"], json!(0.99), "{model}");
        assert_eq!(row["price_total"], json!(0.99), "{model}");
    }
}

async fn a_purchase_orders_date_is_the_earliest_of_its_lines(server: &Server) {
    const LINE: &str = "purchase.order.line";
    let (order, line) = order_with_line(server, "purchase.order").await;
    let mut values = line_values(server, LINE, order).await;
    values["date_planned"] = json!("2030-03-31 12:00:00");
    server.create(LINE, values).await;
    let planned = async || {
        let row = server
            .read("purchase.order", order, &["date_planned"])
            .await;
        row["date_planned"].as_str().map(str::to_owned)
    };
    assert_eq!(planned().await.as_deref(), Some("2030-01-31 12:00:00"));
    let before = server.write_date("purchase.order", order).await;
    server.next_second().await;
    let values = json!({"date_planned": "2030-02-28 12:00:00"});
    server.write(LINE, line, values).await;
    assert_eq!(planned().await.as_deref(), Some("2030-02-28 12:00:00"));
    assert_ne!(server.write_date("purchase.order", order).await, before);
}

async fn a_lines_numbers_are_sent_as_they_are(server: &Server) {
    let (_, line) = order_with_line(server, "sale.order").await;
    let values = json!({"product_uom_qty": 2.345, "price_unit": 1.005, "discount": 12.5});
    server.write("sale.order.line", line, values).await;
    let fields = ["product_uom_qty", "price_unit", "discount", "price_tax"];
    let args = json!([[line], fields]);
    let answer = server
        .execute("sale.order.line", "read", args, json!({}))
        .await;
    // Quantities are rounded to the unit's precision; prices only until 18.
    let price = if server.is(Version::V14) {
        "1.01"
    } else {
        "1.005"
    };
    for expected in [
        "\"product_uom_qty\": 2.35".to_owned(),
        format!("\"price_unit\": {price}"),
        "\"discount\": 12.5".to_owned(),
        "\"price_tax\": 0.0".to_owned(),
    ] {
        assert!(
            answer.text.contains(&expected),
            "{expected}: {}",
            answer.text
        );
    }
}

async fn a_note_has_no_product_and_no_amount(server: &Server) {
    let order = order(server, "sale.order").await;
    let values = json!({"order_id": order, "name": "A note", "display_type": "line_note"});
    let note = server.create("sale.order.line", values).await;
    let fields = ["product_id", "display_type", "price_subtotal", "price_unit"];
    let row = server.read("sale.order.line", note, &fields).await;
    assert_eq!(row["product_id"], json!(false));
    assert_eq!(row["display_type"], "line_note");
    assert_eq!(row["price_subtotal"], json!(0.0));
    assert_eq!(row["price_unit"], json!(0.0));
}

/// The unit of twelve pieces.
async fn dozens(server: &Server) -> i64 {
    server
        .search("uom.uom", json!([["name", "=", "Dozens"]]))
        .await[0]
}

async fn a_moves_quantity_is_also_counted_in_its_products_unit(server: &Server) {
    let made = delivery(server, dozens(server).await).await;
    let fields = ["product_uom_qty", "product_qty"];
    let row = server.read("stock.move", made.stock_move, &fields).await;
    assert_eq!(row["product_uom_qty"], json!(5.0));
    assert_eq!(row["product_qty"], json!(60.0));
}

async fn a_moves_done_quantity_is_the_sum_of_its_lines_in_its_own_unit(server: &Server) {
    let made = delivery(server, dozens(server).await).await;
    let (field, of_line) = match server.version {
        Version::V14 => ("quantity_done", "qty_done"),
        _ => ("quantity", "quantity"),
    };
    let values = json!({of_line: 6.0});
    server.write("stock.move.line", made.line, values).await;
    let row = server.read("stock.move", made.stock_move, &[field]).await;
    assert_eq!(row[field], json!(0.5));
}
