//! `warehouses`: warehouses, the tree of stock locations, and the operation types.

use super::rule::refers_to;
use super::{DataType, Stream, column};

/// Where stock lies and what is done with it. A renamed location moves the change time
/// of those below it (`complete_name` is stored), so no related record is named.
pub const WAREHOUSES: DataType = DataType {
    name: "warehouses",
    title: "Warehouses",
    streams: &[STOCK_WAREHOUSES, LOCATIONS, OPERATION_TYPES],
};

const STOCK_WAREHOUSES: Stream = Stream {
    name: "warehouses",
    model: "stock.warehouse",
    columns: &[
        column!("name", Text),
        column!("code", Text),
        column!("company_id", Id),
        column!("partner_id", Id),
        column!("stock_location_id", Id, "lot_stock_id"),
        column!("view_location_id", Id),
        column!("active", Boolean),
    ],
    related: &[],
    rules: &[
        refers_to("stock_location_id", "locations"),
        refers_to("view_location_id", "locations"),
    ],
};

const LOCATIONS: Stream = Stream {
    name: "locations",
    model: "stock.location",
    columns: &[
        column!("name", Text),
        column!("complete_name", Text),
        column!("usage", Text),
        column!("parent_id", Id, "location_id"),
        column!("company_id", Id),
        column!("active", Boolean),
    ],
    related: &[],
    rules: &[refers_to("parent_id", "locations")],
};

const OPERATION_TYPES: Stream = Stream {
    name: "operation_types",
    model: "stock.picking.type",
    columns: &[
        column!("name", Text),
        column!("code", Text),
        column!("warehouse_id", Id),
        column!("company_id", Id),
        column!("active", Boolean),
    ],
    related: &[],
    rules: &[refers_to("warehouse_id", "warehouses")],
};
