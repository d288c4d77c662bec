//! `sales`: sale orders and their lines.

use super::rule::{one_of, refers_to, required, sums_up_to};
use super::{DataType, Stream, column};

/// Sale orders, quotations and cancelled ones included, and their lines.
pub const SALES: DataType = DataType {
    name: "sales",
    title: "Sales",
    streams: &[SALE_ORDERS, SALE_ORDER_LINES],
};

const SALE_ORDERS: Stream = Stream {
    name: "sale_orders",
    model: "sale.order",
    columns: &[
        column!("name", Text),
        column!("state", Text),
        column!("partner_id", Id),
        column!("client_order_ref", Text),
        column!("origin", Text),
        column!("date_order", Timestamp),
        column!("commitment_date", Timestamp),
        // Comes with sale_stock; a shop may sell without keeping stock.
        column!("warehouse_id", Id).optional(),
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
        // `done` (locked) until 16; from 17 on locking is a field of its own.
        one_of("state", &["draft", "sent", "sale", "done", "cancel"]),
        sums_up_to("amount_total", &["amount_untaxed", "amount_tax"]),
        refers_to("warehouse_id", "warehouses"),
    ],
};

const SALE_ORDER_LINES: Stream = Stream {
    name: "sale_order_lines",
    model: "sale.order.line",
    columns: &[
        column!("order_id", Id),
        column!("product_id", Id),
        column!("name", Text),
        column!("display_type", Text),
        column!("quantity", Numeric, "product_uom_qty"),
        column!("qty_delivered", Numeric),
        column!("qty_invoiced", Numeric),
        column!("uom_id", Id, "product_uom_id", "product_uom"),
        column!("price_unit", Numeric),
        column!("discount", Numeric),
        column!("price_subtotal", Numeric),
        column!("price_tax", Numeric),
        column!("price_total", Numeric),
    ],
    related: &[],
    rules: &[
        required("order_id"),
        refers_to("order_id", "sale_orders"),
        refers_to("product_id", "products"),
        refers_to("uom_id", "uoms"),
    ],
};
