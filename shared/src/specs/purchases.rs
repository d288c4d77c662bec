//! `purchases`: purchase orders and their lines.

use super::rule::{one_of, refers_to, required, sums_up_to};
use super::{DataType, Stream, column};

/// Purchase orders, drafts and cancelled ones included, and their lines.
pub const PURCHASES: DataType = DataType {
    name: "purchases",
    title: "Purchases",
    streams: &[PURCHASE_ORDERS, PURCHASE_ORDER_LINES],
};

const PURCHASE_ORDERS: Stream = Stream {
    name: "purchase_orders",
    model: "purchase.order",
    columns: &[
        column!("name", Text),
        column!("state", Text),
        column!("partner_id", Id),
        column!("partner_ref", Text),
        column!("origin", Text),
        column!("date_order", Timestamp),
        column!("date_approve", Timestamp),
        column!("date_planned", Timestamp),
        // Comes with purchase_stock; a shop may buy without keeping stock.
        column!("operation_type_id", Id, "picking_type_id").optional(),
        column!("currency_id", Id),
        column!("company_id", Id),
        column!("amount_untaxed", Numeric),
        column!("amount_tax", Numeric),
        column!("amount_total", Numeric),
        column!("invoice_status", Text),
    ],
    related: &[],
    rules: &[
        required("state"),
        // `done` (locked) until 18; in 19 locking is a field of its own.
        one_of(
            "state",
            &["draft", "sent", "to approve", "purchase", "done", "cancel"],
        ),
        sums_up_to("amount_total", &["amount_untaxed", "amount_tax"]),
        refers_to("operation_type_id", "operation_types"),
    ],
};

const PURCHASE_ORDER_LINES: Stream = Stream {
    name: "purchase_order_lines",
    model: "purchase.order.line",
    columns: &[
        column!("order_id", Id),
        column!("product_id", Id),
        column!("name", Text),
        column!("display_type", Text),
        column!("quantity", Numeric, "product_qty"),
        column!("qty_received", Numeric),
        column!("qty_invoiced", Numeric),
        column!("uom_id", Id, "product_uom_id", "product_uom"),
        column!("price_unit", Numeric),
        column!("price_subtotal", Numeric),
        column!("price_tax", Numeric),
        column!("price_total", Numeric),
        column!("date_planned", Timestamp),
    ],
    related: &[],
    rules: &[
        required("order_id"),
        refers_to("order_id", "purchase_orders"),
        refers_to("product_id", "products"),
        refers_to("uom_id", "uoms"),
    ],
};
