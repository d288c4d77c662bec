//! `transfers`: pickings, and the stock moves that they and others make.

use super::rule::{non_negative, one_of, refers_to, required};
use super::{Column, DataType, Kind, Related, Source, Stream, column};

/// Pickings and stock moves. A move need not belong to a picking: scraps, inventory
/// adjustments and manufacturing make moves of their own.
pub const TRANSFERS: DataType = DataType {
    name: "transfers",
    title: "Transfers",
    streams: &[PICKINGS, STOCK_MOVES],
};

const PICKINGS: Stream = Stream {
    name: "transfers",
    model: "stock.picking",
    columns: &[
        column!("name", Text),
        column!("state", Text),
        column!("origin", Text),
        column!("partner_id", Id),
        column!("operation_type_id", Id, "picking_type_id"),
        column!("source_location_id", Id, "location_id"),
        column!("destination_location_id", Id, "location_dest_id"),
        column!("scheduled_date", Timestamp),
        column!("date_done", Timestamp),
        column!("backorder_id", Id),
        column!("company_id", Id),
    ],
    related: &[],
    rules: &[
        required("state"),
        one_of(
            "state",
            &[
                "draft",
                "waiting",
                "confirmed",
                "assigned",
                "done",
                "cancel",
            ],
        ),
        refers_to("operation_type_id", "operation_types"),
        refers_to("source_location_id", "locations"),
        refers_to("destination_location_id", "locations"),
        refers_to("backorder_id", "transfers"),
    ],
};

const STOCK_MOVES: Stream = Stream {
    name: "stock_moves",
    model: "stock.move",
    columns: &[
        column!("reference", Text),
        column!("state", Text),
        column!("transfer_id", Id, "picking_id"),
        column!("product_id", Id),
        column!("demand_quantity", Numeric, "product_uom_qty"),
        column!("product_quantity", Numeric, "product_qty"),
        column!("done_quantity", Numeric, "quantity", "quantity_done"),
        // From 19 on a scrap is known only by the document that made the move.
        Column::required(
            "is_scrap",
            Kind::Boolean,
            &[Source::Field("scrapped"), Source::IsSet("scrap_id")],
        ),
        column!("uom_id", Id, "product_uom"),
        column!("price_unit", Numeric),
        column!("source_location_id", Id, "location_id"),
        column!("destination_location_id", Id, "location_dest_id"),
        column!("date", Timestamp),
        column!("origin", Text),
        column!("origin_returned_move_id", Id),
        // Come with purchase_stock and sale_stock.
        column!("purchase_line_id", Id).optional(),
        column!("sale_line_id", Id).optional(),
        column!("operation_type_id", Id, "picking_type_id"),
        column!("company_id", Id),
    ],
    // Until 16 the quantity done is computed from the move's lines and not stored, so
    // that a line's change leaves the move's own time unmoved.
    related: &[Related {
        field: "move_line_ids",
        model: "stock.move.line",
        inverse: "move_id",
        where_field: Some("quantity_done"),
    }],
    rules: &[
        required("state"),
        one_of(
            "state",
            &[
                "draft",
                "waiting",
                "confirmed",
                "partially_available",
                "assigned",
                "done",
                "cancel",
            ],
        ),
        non_negative("done_quantity").only_where("state", "done"),
        refers_to("transfer_id", "transfers"),
        refers_to("product_id", "products"),
        refers_to("uom_id", "uoms"),
        refers_to("source_location_id", "locations"),
        refers_to("destination_location_id", "locations"),
        refers_to("origin_returned_move_id", "stock_moves"),
        refers_to("purchase_line_id", "purchase_order_lines"),
        refers_to("sale_line_id", "sale_order_lines"),
        refers_to("operation_type_id", "operation_types"),
    ],
};
