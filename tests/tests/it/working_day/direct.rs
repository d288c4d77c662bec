//! Changes written straight to records: what any Odoo takes, the simulator too.

use serde_json::{Value, json};

use crate::support::odoo::Odoo;

/// Something in every table.
pub(super) async fn change_everything(odoo: &Odoo) {
    change_products(odoo).await;
    change_places(odoo).await;
    change_orders(odoo, "purchase.order", "product_qty", "purchase").await;
    change_orders(odoo, "sale.order", "product_uom_qty", "sale").await;
    change_transfers(odoo).await;
}

/// Products and categories: a new price for a template with several variants, a category renamed
/// that has children, a product archived, and one created.
pub(super) async fn change_products(odoo: &Odoo) {
    let products = odoo
        .all(
            "product.product",
            &["product_tmpl_id".to_owned(), "active".to_owned()],
        )
        .await;
    let template = |index: usize| -> i64 {
        let text = products[index]["product_tmpl_id"].get();
        text.parse().expect("an id")
    };
    let several = (1..products.len())
        .find(|index| template(*index) == template(*index - 1))
        .expect("a template with several variants");
    odoo.write(
        "product.template",
        template(several),
        json!({"list_price": 77.31}),
    )
    .await;

    let other = products
        .iter()
        .find(|product| {
            product["active"].get() == "true"
                && product["product_tmpl_id"].get() != template(several).to_string()
        })
        .expect("an active product of another template");
    let id: i64 = other["id"].get().parse().expect("an id");
    odoo.write("product.product", id, json!({"active": false}))
        .await;

    let name = json!({"name": "Tasse für Käse 茶", "list_price": 12.345});
    odoo.create("product.product", name).await;

    let categories = odoo
        .all("product.category", &["parent_id".to_owned()])
        .await;
    let parent = categories
        .iter()
        .find_map(|category| category["parent_id"].get().parse::<i64>().ok())
        .expect("a category with children");
    odoo.write("product.category", parent, json!({"name": "Renamed"}))
        .await;
}

/// Names of a warehouse, of a location with others below it and of an operation type, and
/// a new location.
async fn change_places(odoo: &Odoo) {
    for model in ["stock.warehouse", "stock.picking.type"] {
        let id = any(odoo, model, json!([])).await;
        odoo.write(model, id, json!({"name": "Renamed"})).await;
    }
    let location = "stock.location";
    let parent = json!([["child_ids", "!=", false], ["usage", "=", "internal"]]);
    let parent = any(odoo, location, parent).await;
    odoo.write(location, parent, json!({"name": "Rack"})).await;
    let below = json!({"name": "Box", "location_id": parent});
    odoo.create(location, below).await;
}

/// One confirmed, a line of it with a new quantity; a line of another with a new text; one
/// cancelled.
async fn change_orders(odoo: &Odoo, model: &str, quantity: &str, confirmed: &str) {
    let lines = format!("{model}.line");
    let drafts = json!([["state", "=", "draft"], ["order_line", "!=", false]]);
    let [first, second, third, ..] = odoo.search(model, drafts).await[..] else {
        panic!("three drafts of {model}");
    };
    let line = odoo.ids(model, first, "order_line").await[0];
    odoo.write(&lines, line, json!({quantity: 1234.5})).await;
    odoo.write(model, first, json!({"state": confirmed})).await;
    let line = odoo.ids(model, second, "order_line").await[0];
    let text = json!({"name": "Süß & 茶\nnew"});
    odoo.write(&lines, line, text).await;
    odoo.write(model, third, json!({"state": "cancel"})).await;
}

/// One done with its moves, one cancelled, and a line's quantity of a third.
async fn change_transfers(odoo: &Odoo) {
    let (transfer, stock_move, line) = ("stock.picking", "stock.move", "stock.move.line");
    let open = json!([["state", "=", "assigned"], ["move_line_ids", "!=", false]]);
    let [first, second, third, ..] = odoo.search(transfer, open).await[..] else {
        panic!("three transfers that are ready");
    };
    let when = "2030-01-07 09:30:00";
    let done = json!({"state": "done", "date_done": when});
    odoo.write(transfer, first, done).await;
    for id in odoo
        .search(stock_move, json!([["picking_id", "=", first]]))
        .await
    {
        odoo.write(stock_move, id, json!({"state": "done", "date": when}))
            .await;
    }
    odoo.write(transfer, second, json!({"state": "cancel"}))
        .await;
    let fields = odoo.fields(line).await;
    let is_14 = fields.iter().any(|field| field == "qty_done");
    let quantity = if is_14 { "qty_done" } else { "quantity" };
    let id = odoo.ids(transfer, third, "move_line_ids").await[0];
    odoo.write(line, id, json!({quantity: 0.5})).await;
}

async fn any(odoo: &Odoo, model: &str, domain: Value) -> i64 {
    let found = odoo.search(model, domain).await;
    *found.first().unwrap_or_else(|| panic!("no {model}"))
}
