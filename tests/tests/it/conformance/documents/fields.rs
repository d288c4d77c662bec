//! The fields that are mirrored, with their types; a wrong one in the simulator is found here.

use odoo_sim::{OdooSim, Version};
use serde_json::json;

use super::super::on_every_server;
use super::super::server::Server;

on_every_server!(fields_get_tells_the_types_of_the_documents_fields);

/// A field's name, its type on 14, its type on 19; a `-` where there is none, a `*` after it where
/// it is not stored.
type Typed = (&'static str, &'static str, &'static str);

const fn same(name: &'static str, kind: &'static str) -> Typed {
    (name, kind, kind)
}

const TYPES: &[(&str, &[Typed])] = &[
    (
        "stock.warehouse",
        &[
            same("name", "char"),
            same("code", "char"),
            same("company_id", "many2one"),
            same("partner_id", "many2one"),
            same("lot_stock_id", "many2one"),
            same("view_location_id", "many2one"),
            same("active", "boolean"),
        ],
    ),
    (
        "stock.location",
        &[
            same("name", "char"),
            same("complete_name", "char"),
            same("usage", "selection"),
            same("location_id", "many2one"),
            same("company_id", "many2one"),
            same("active", "boolean"),
            same("child_ids", "one2many"),
            ("scrap_location", "boolean", "-"),
            ("return_location", "boolean", "-"),
        ],
    ),
    (
        "stock.picking.type",
        &[
            same("name", "char"),
            same("code", "selection"),
            same("warehouse_id", "many2one"),
            same("company_id", "many2one"),
            same("active", "boolean"),
        ],
    ),
    (
        "purchase.order",
        &[
            same("name", "char"),
            same("state", "selection"),
            same("partner_id", "many2one"),
            same("partner_ref", "char"),
            same("origin", "char"),
            same("date_order", "datetime"),
            same("date_approve", "datetime"),
            same("date_planned", "datetime"),
            same("picking_type_id", "many2one"),
            same("currency_id", "many2one"),
            same("company_id", "many2one"),
            same("amount_untaxed", "monetary"),
            same("amount_tax", "monetary"),
            same("amount_total", "monetary"),
            same("invoice_status", "selection"),
            same("order_line", "one2many"),
            ("locked", "-", "boolean"),
        ],
    ),
    (
        "purchase.order.line",
        &[
            same("order_id", "many2one"),
            same("product_id", "many2one"),
            same("name", "text"),
            same("display_type", "selection"),
            same("product_qty", "float"),
            same("product_uom_qty", "float"),
            same("qty_received", "float"),
            same("qty_invoiced", "float"),
            ("product_uom", "many2one", "-"),
            ("product_uom_id", "-", "many2one"),
            same("price_unit", "float"),
            ("discount", "-", "float"),
            same("price_subtotal", "monetary"),
            same("price_tax", "float"),
            same("price_total", "monetary"),
            same("date_planned", "datetime"),
            ("state", "selection", "selection*"),
            same("company_id", "many2one"),
        ],
    ),
    (
        "sale.order",
        &[
            same("name", "char"),
            same("state", "selection"),
            same("partner_id", "many2one"),
            same("client_order_ref", "char"),
            same("origin", "char"),
            same("date_order", "datetime"),
            same("commitment_date", "datetime"),
            same("warehouse_id", "many2one"),
            same("currency_id", "many2one"),
            same("company_id", "many2one"),
            same("amount_untaxed", "monetary"),
            same("amount_tax", "monetary"),
            same("amount_total", "monetary"),
            same("invoice_status", "selection"),
            same("order_line", "one2many"),
            ("locked", "-", "boolean"),
        ],
    ),
    (
        "sale.order.line",
        &[
            same("order_id", "many2one"),
            same("product_id", "many2one"),
            same("name", "text"),
            same("display_type", "selection"),
            same("product_uom_qty", "float"),
            same("qty_delivered", "float"),
            same("qty_invoiced", "float"),
            ("product_uom", "many2one", "-"),
            ("product_uom_id", "-", "many2one"),
            same("price_unit", "float"),
            same("discount", "float"),
            same("price_subtotal", "monetary"),
            same("price_tax", "float"),
            same("price_total", "monetary"),
            same("state", "selection"),
            same("company_id", "many2one"),
        ],
    ),
    (
        "stock.picking",
        &[
            same("name", "char"),
            same("state", "selection"),
            same("origin", "char"),
            same("partner_id", "many2one"),
            same("picking_type_id", "many2one"),
            same("location_id", "many2one"),
            same("location_dest_id", "many2one"),
            same("scheduled_date", "datetime"),
            same("date_done", "datetime"),
            same("backorder_id", "many2one"),
            same("company_id", "many2one"),
            ("move_lines", "one2many", "-"),
            ("move_ids", "-", "one2many"),
            same("move_line_ids", "one2many"),
        ],
    ),
    (
        "stock.move",
        &[
            same("reference", "char"),
            same("state", "selection"),
            same("picking_id", "many2one"),
            same("product_id", "many2one"),
            same("product_uom_qty", "float"),
            same("product_qty", "float"),
            ("quantity_done", "float*", "-"),
            ("quantity", "-", "float"),
            ("scrapped", "boolean", "-"),
            ("scrap_id", "-", "many2one"),
            ("scrap_ids", "one2many", "-"),
            same("product_uom", "many2one"),
            same("price_unit", "float"),
            same("location_id", "many2one"),
            same("location_dest_id", "many2one"),
            same("date", "datetime"),
            same("origin", "char"),
            same("origin_returned_move_id", "many2one"),
            same("purchase_line_id", "many2one"),
            same("sale_line_id", "many2one"),
            same("picking_type_id", "many2one"),
            same("company_id", "many2one"),
            same("move_line_ids", "one2many"),
            ("name", "char", "-"),
            ("picked", "-", "boolean"),
            ("is_inventory", "-", "boolean"),
        ],
    ),
    (
        "stock.move.line",
        &[
            same("move_id", "many2one"),
            same("picking_id", "many2one"),
            same("product_id", "many2one"),
            same("product_uom_id", "many2one"),
            ("qty_done", "float", "-"),
            ("product_uom_qty", "float", "-"),
            ("quantity", "-", "float"),
            same("state", "selection"),
            ("reference", "char", "char*"),
        ],
    ),
    (
        "stock.scrap",
        &[
            same("name", "char"),
            same("product_id", "many2one"),
            same("scrap_qty", "float"),
            ("move_id", "many2one", "-"),
            ("move_ids", "-", "one2many"),
        ],
    ),
    (
        "res.currency",
        &[same("name", "char"), same("symbol", "char")],
    ),
    (
        "product.template",
        &[
            same("type", "selection"),
            ("detailed_type", "-", "-"),
            ("is_storable", "-", "boolean"),
        ],
    ),
];

async fn fields_get_tells_the_types_of_the_documents_fields(server: &Server) {
    let mut wrong = Vec::new();
    for (model, fields) in TYPES {
        let names: Vec<&str> = fields.iter().map(|(name, ..)| *name).collect();
        let kwargs = json!({"allfields": names, "attributes": ["type", "relation", "store"]});
        let described = server.call(model, "fields_get", json!([]), kwargs).await;
        for (name, on_14, on_19) in *fields {
            let expected = if server.is(Version::V14) {
                on_14
            } else {
                on_19
            };
            let told = &described[*name];
            let kind = told["type"].as_str().unwrap_or("-");
            let stored = if told["store"] == json!(false) {
                "*"
            } else {
                ""
            };
            if format!("{kind}{stored}") != *expected {
                wrong.push(format!("{model}.{name} is {kind}{stored}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Which of these fields the simulated version has.
async fn has(version: Version, model: &str, fields: &[&str]) -> Vec<bool> {
    let sim = OdooSim::builder()
        .version(version)
        .products(5)
        .start()
        .await;
    let record = sim.record(model, sim.ids(model)[0]);
    fields
        .iter()
        .map(|field| record.contains_key(*field))
        .collect()
}

/// The shapes of the versions between those that are held against real servers. They follow
/// Odoo's source and the analyses of its changes by the project OpenUpgrade.
#[tokio::test]
async fn shapes() {
    let units = ["product_uom", "product_uom_id"];
    let done = ["quantity_done", "quantity", "scrapped", "scrap_id", "name"];
    let kinds = ["type", "detailed_type", "is_storable", "uom_po_id"];
    let moves = ["move_lines", "move_ids"];
    for (version, unit, move_fields, product, picking) in [
        (
            Version::V14,
            [true, false],
            [true, false, true, false, true],
            [true, false, false, true],
            [true, false],
        ),
        (
            Version::V16,
            [true, false],
            [true, false, true, false, true],
            [true, true, false, true],
            [false, true],
        ),
        (
            Version::V17,
            [true, false],
            [false, true, true, true, true],
            [true, true, false, true],
            [false, true],
        ),
        (
            Version::V18,
            [true, false],
            [false, true, true, true, true],
            [true, false, true, true],
            [false, true],
        ),
        (
            Version::V19,
            [false, true],
            [false, true, false, true, false],
            [true, false, true, false],
            [false, true],
        ),
    ] {
        for model in ["purchase.order.line", "sale.order.line"] {
            assert_eq!(has(version, model, &units).await, unit, "{version} {model}");
        }
        assert_eq!(
            has(version, "stock.move", &done).await,
            move_fields,
            "{version}"
        );
        assert_eq!(
            has(version, "product.template", &kinds).await,
            product,
            "{version}"
        );
        assert_eq!(
            has(version, "stock.picking", &moves).await,
            picking,
            "{version}"
        );
    }
}
