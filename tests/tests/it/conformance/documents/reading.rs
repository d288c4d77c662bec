//! Finding and reading documents.

use odoo_sim::Version;
use serde_json::json;

use super::super::on_every_server;
use super::super::server::{Server, ids, unique};
use super::made::{delivery, done_field};

on_every_server!(
    a_move_is_found_by_the_change_time_of_its_lines,
    an_archived_place_is_hidden_unless_asked_for,
    a_location_in_a_view_has_its_name_and_a_view_its_own_alone,
    a_moves_reference_is_its_transfers_name,
    a_transfers_moves_are_its_one2many,
    a_stored_copy_follows_its_original,
    an_order_can_come_with_its_lines,
);

/// Until 16 a move's own time does not tell that its lines changed, so both are asked for.
async fn a_move_is_found_by_the_change_time_of_its_lines(server: &Server) {
    let changed = delivery(server, 1).await;
    let unchanged = delivery(server, 1).await;
    server.next_second().await;
    let values = json!({done_field(server): 4.0});
    server.write("stock.move.line", changed.line, values).await;
    let since = server.write_date("stock.move.line", changed.line).await;
    let domain = json!([
        ["id", "in", [changed.stock_move, unchanged.stock_move]],
        "|",
        ["write_date", ">=", since],
        ["move_line_ids.write_date", ">=", since]
    ]);
    assert_eq!(
        server.search("stock.move", domain).await,
        [changed.stock_move]
    );
    let lines = json!([["move_id", "in", [changed.stock_move]]]);
    assert_eq!(
        server.search("stock.move.line", lines).await,
        [changed.line]
    );
    let alone = json!([["id", "=", changed.stock_move], ["write_date", ">=", since]]);
    let by_itself = server.search("stock.move", alone).await;
    assert_eq!(by_itself.is_empty(), server.is(Version::V14));
}

async fn an_archived_place_is_hidden_unless_asked_for(server: &Server) {
    let location = server
        .create("stock.location", json!({"name": unique("Archived")}))
        .await;
    server
        .write("stock.location", location, json!({"active": false}))
        .await;
    for model in ["stock.warehouse", "stock.location", "stock.picking.type"] {
        let all = server.search(model, json!([])).await;
        let archived = server.search(model, json!([["active", "=", false]])).await;
        let kwargs = json!({"order": "id"});
        let shown = ids(&server.call(model, "search", json!([[]]), kwargs).await);
        let expected: Vec<i64> = all
            .into_iter()
            .filter(|id| !archived.contains(id))
            .collect();
        assert_eq!(shown, expected, "{model}");
        let some = model == "stock.warehouse" || !archived.is_empty();
        assert!(some, "{model} has archived records");
    }
}

async fn a_location_in_a_view_has_its_name_and_a_view_its_own_alone(server: &Server) {
    let warehouse = server.search("stock.warehouse", json!([])).await[0];
    let fields = ["view_location_id", "lot_stock_id", "code"];
    let warehouse = server.read("stock.warehouse", warehouse, &fields).await;
    let full_name = async |field: &str| {
        let id = warehouse[field].as_i64().expect("an id");
        let fields = ["complete_name", "usage", "display_name"];
        server.read("stock.location", id, &fields).await
    };
    let view = full_name("view_location_id").await;
    assert_eq!(view["usage"], "view");
    assert_eq!(view["complete_name"], warehouse["code"]);
    let stock = full_name("lot_stock_id").await;
    let code = warehouse["code"].as_str().expect("a code");
    assert_eq!(stock["complete_name"], format!("{code}/Stock"));
    assert_eq!(stock["display_name"], stock["complete_name"]);
}

async fn a_moves_reference_is_its_transfers_name(server: &Server) {
    let made = delivery(server, 1).await;
    let picking = server.read("stock.picking", made.picking, &["name"]).await;
    let row = server
        .read("stock.move", made.stock_move, &["reference"])
        .await;
    assert_eq!(row["reference"], picking["name"]);
    let row = server
        .read("stock.move.line", made.line, &["reference"])
        .await;
    assert_eq!(row["reference"], picking["name"]);
}

async fn a_transfers_moves_are_its_one2many(server: &Server) {
    let made = delivery(server, 1).await;
    let field = match server.version {
        Version::V14 => "move_lines",
        _ => "move_ids",
    };
    let fields = [field, "move_line_ids", "company_id"];
    let row = server.read("stock.picking", made.picking, &fields).await;
    assert_eq!(ids(&row[field]), [made.stock_move]);
    assert_eq!(ids(&row["move_line_ids"]), [made.line]);
    assert_eq!(row["company_id"], 1);
    let row = server
        .read("stock.move", made.stock_move, &["move_line_ids"])
        .await;
    assert_eq!(ids(&row["move_line_ids"]), [made.line]);
}

async fn an_order_can_come_with_its_lines(server: &Server) {
    let partner = json!({"name": unique("Customer")});
    let partner = server.create("res.partner", partner).await;
    let note = json!({"name": "A note", "display_type": "line_note"});
    let order = json!({"partner_id": partner, "order_line": [[0, 0, note], [0, 0, note]]});
    let order = server.create("sale.order", order).await;
    let row = server.read("sale.order", order, &["order_line"]).await;
    let lines = ids(&row["order_line"]);
    assert_eq!(lines.len(), 2);
    let change = json!({"order_line": [[1, lines[0], {"name": "Changed"}], [2, lines[1]]]});
    server.write("sale.order", order, change).await;
    let row = server.read("sale.order", order, &["order_line"]).await;
    assert_eq!(ids(&row["order_line"]), lines[..1]);
    let row = server.read("sale.order.line", lines[0], &["name"]).await;
    assert_eq!(row["name"], "Changed");
}

async fn a_stored_copy_follows_its_original(server: &Server) {
    let (order, line) = super::made::order_with_line(server, "sale.order").await;
    server
        .write("sale.order", order, json!({"state": "cancel"}))
        .await;
    let domain = json!([["id", "=", line], ["state", "=", "cancel"]]);
    assert_eq!(server.search("sale.order.line", domain).await, [line]);
}
