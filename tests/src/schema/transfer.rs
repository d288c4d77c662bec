//! Transfers, their moves and those moves' lines, scraps: Odoo's module `stock`, with the fields
//! that `sale_stock` and `purchase_stock` add.
//!
//! A transfer's state and dates do not follow its moves here, as they do in Odoo: a test that
//! wants both changed writes both.

use super::{Compute, Default, Derived, Display, FieldDef, Kind, ModelDef, OnDelete};

/// Decimal precision `Product Unit of Measure` of a new database.
const TWO: u8 = 2;

pub(super) static MODELS: &[ModelDef] = &[PICKING, SCRAP, MOVE, MOVE_LINE];

const PICKING: ModelDef = ModelDef {
    order: "priority desc, scheduled_date, id desc",
    company_rule: true,
    ..ModelDef::plain(
        "stock.picking",
        "Transfer",
        &[
            FieldDef::new("name", "Reference", Kind::Char)
                .readonly()
                .default(Default::Numbered("WH/MISC/")),
            FieldDef::new("origin", "Source Document", Kind::Char),
            FieldDef::many2one("backorder_id", "Back Order of", "stock.picking").readonly(),
            FieldDef::new("state", "Status", Kind::Selection(PICKING_STATES))
                .readonly()
                .default(Default::Text("draft")),
            FieldDef::new("priority", "Priority", Kind::Selection(PRIORITIES))
                .default(Default::Text("0")),
            FieldDef::new("scheduled_date", "Scheduled Date", Kind::Datetime).default(Default::Now),
            FieldDef::new("date", "Creation Date", Kind::Datetime)
                .default(Default::Now)
                .until(18),
            FieldDef::new("date_done", "Date of Transfer", Kind::Datetime),
            FieldDef::many2one("location_id", "Source Location", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("location_dest_id", "Destination Location", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::one2many("move_lines", "Stock Moves", "stock.move", "picking_id").until(15),
            FieldDef::one2many("move_ids", "Stock Moves", "stock.move", "picking_id").since(16),
            FieldDef::one2many(
                "move_line_ids",
                "Operations",
                "stock.move.line",
                "picking_id",
            ),
            FieldDef::many2one("picking_type_id", "Operation Type", "stock.picking.type")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("partner_id", "Contact", "res.partner"),
            FieldDef::many2one("company_id", "Company", "res.company")
                .copies("picking_type_id", "company_id"),
        ],
    )
};

const PICKING_STATES: &[(&str, &str)] = &[
    ("draft", "Draft"),
    ("waiting", "Waiting Another Operation"),
    ("confirmed", "Waiting"),
    ("assigned", "Ready"),
    ("done", "Done"),
    ("cancel", "Cancelled"),
];

const PRIORITIES: &[(&str, &str)] = &[("0", "Normal"), ("1", "Urgent")];

const SCRAP: ModelDef = ModelDef {
    order: "id desc",
    company_rule: true,
    ..ModelDef::plain(
        "stock.scrap",
        "Scrap",
        &[
            FieldDef::new("name", "Reference", Kind::Char)
                .required()
                .readonly()
                .default(Default::Numbered("SP/")),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .default(Default::Ref(1)),
            FieldDef::new("origin", "Source Document", Kind::Char),
            FieldDef::many2one("product_id", "Product", "product.product")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("product_uom_id", "Unit", "uom.uom")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::new("scrap_qty", "Quantity", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(1.0)),
            FieldDef::many2one("location_id", "Source Location", "stock.location").required(),
            FieldDef::many2one("scrap_location_id", "Scrap Location", "stock.location").required(),
            FieldDef::many2one("picking_id", "Picking", "stock.picking"),
            FieldDef::many2one("move_id", "Scrap Move", "stock.move")
                .readonly()
                .until(16),
            FieldDef::one2many("move_ids", "Moves", "stock.move", "scrap_id").since(17),
            FieldDef::new("state", "Status", Kind::Selection(SCRAP_STATES))
                .readonly()
                .default(Default::Text("draft")),
            FieldDef::new("date_done", "Date", Kind::Datetime).readonly(),
        ],
    )
};

const SCRAP_STATES: &[(&str, &str)] = &[("draft", "Draft"), ("done", "Done")];

const MOVE: ModelDef = ModelDef {
    order: "sequence, id",
    display: Display::Field("reference"),
    company_rule: true,
    derived: &[
        Derived::InProductUnit {
            quantity: "product_uom_qty",
            unit: "product_uom",
            into: "product_qty",
        },
        Derived::Reference,
        Derived::SumInUnit {
            lines: "move_line_ids",
            field: "quantity",
            into: "quantity",
        },
    ],
    ..ModelDef::plain(
        "stock.move",
        "Stock Move",
        &[
            FieldDef::new("name", "Description", Kind::Char)
                .required()
                .until(18),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
            FieldDef::new("priority", "Priority", Kind::Selection(PRIORITIES))
                .default(Default::Text("0")),
            FieldDef::new("date", "Date Scheduled", Kind::Datetime)
                .required()
                .default(Default::Now),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .default(Default::Ref(1)),
            FieldDef::many2one("product_id", "Product", "product.product")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::new("product_qty", "Real Quantity", Kind::Float).readonly(),
            FieldDef::new("product_uom_qty", "Demand", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(0.0)),
            FieldDef::many2one("product_uom", "Unit", "uom.uom")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("location_id", "Source Location", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("location_dest_id", "Destination Location", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("partner_id", "Destination Address ", "res.partner"),
            FieldDef::many2one("picking_id", "Transfer", "stock.picking"),
            FieldDef::new("state", "Status", Kind::Selection(MOVE_STATES))
                .readonly()
                .default(Default::Text("draft")),
            FieldDef::new("picked", "Picked", Kind::Boolean).since(17),
            FieldDef::new("price_unit", "Unit Price", Kind::Float),
            FieldDef::new("origin", "Source Document", Kind::Char),
            // Changes with the destination here, not with that location's own `scrap_location`.
            FieldDef::new("scrapped", "Scrapped", Kind::Boolean)
                .copies("location_dest_id", "scrap_location")
                .until(18),
            FieldDef::one2many("scrap_ids", "Scraps", "stock.scrap", "move_id").until(16),
            FieldDef::many2one("scrap_id", "Scrap operation", "stock.scrap")
                .readonly()
                .since(17),
            FieldDef::many2one("picking_type_id", "Operation Type", "stock.picking.type"),
            FieldDef::new("is_inventory", "Inventory", Kind::Boolean).since(15),
            FieldDef::new("inventory_name", "Inventory Name", Kind::Char)
                .readonly()
                .since(19),
            FieldDef::one2many("move_line_ids", "Move Lines", "stock.move.line", "move_id"),
            FieldDef::many2one(
                "origin_returned_move_id",
                "Origin return move",
                "stock.move",
            ),
            FieldDef::one2many(
                "returned_move_ids",
                "All returned moves",
                "stock.move",
                "origin_returned_move_id",
            ),
            // Some 16.0 releases store it, so that a line's quantity moves its move there; 16.0 as
            // released computes it as 14 does, and that is harder on who reads.
            FieldDef::new("quantity_done", "Quantity Done", Kind::Float)
                .computed(Compute::SumInUnit("move_line_ids", "qty_done"))
                .until(16),
            FieldDef::new("quantity", "Quantity", Kind::Float)
                .digits(TWO)
                .since(17),
            FieldDef::new("reference", "Reference", Kind::Char).readonly(),
            FieldDef::many2one(
                "purchase_line_id",
                "Purchase Order Line",
                "purchase.order.line",
            )
            .readonly(),
            FieldDef::many2one("sale_line_id", "Sale Line", "sale.order.line"),
        ],
    )
};

const MOVE_STATES: &[(&str, &str)] = &[
    ("draft", "New"),
    ("cancel", "Cancelled"),
    ("waiting", "Waiting Another Move"),
    ("confirmed", "Waiting Availability"),
    ("partially_available", "Partially Available"),
    ("assigned", "Available"),
    ("done", "Done"),
];

const MOVE_LINE: ModelDef = ModelDef {
    order: "id",
    display: Display::Field("reference"),
    company_rule: true,
    lifts: &["move_id"],
    derived: &[
        Derived::InProductUnit {
            quantity: "product_uom_qty",
            unit: "product_uom_id",
            into: "product_qty",
        },
        Derived::InProductUnit {
            quantity: "reserved_uom_qty",
            unit: "product_uom_id",
            into: "reserved_qty",
        },
        Derived::InProductUnit {
            quantity: "quantity",
            unit: "product_uom_id",
            into: "quantity_product_uom",
        },
    ],
    ..ModelDef::plain(
        "stock.move.line",
        "Product Moves (Stock Move Line)",
        &[
            FieldDef::many2one("picking_id", "Transfer", "stock.picking"),
            FieldDef::many2one("move_id", "Stock Move", "stock.move"),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .readonly()
                .default(Default::Ref(1)),
            FieldDef::many2one("product_id", "Product", "product.product")
                .on_delete(OnDelete::Cascade),
            FieldDef::many2one("product_uom_id", "Unit", "uom.uom")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::new("product_qty", "Real Reserved Quantity", Kind::Float).until(15),
            FieldDef::new("product_uom_qty", "Reserved", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(0.0))
                .until(15),
            FieldDef::new("reserved_qty", "Real Reserved Quantity", Kind::Float)
                .since(16)
                .until(16),
            FieldDef::new("reserved_uom_qty", "Reserved", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(0.0))
                .since(16)
                .until(16),
            FieldDef::new("qty_done", "Done", Kind::Float)
                .digits(TWO)
                .default(Default::Float(0.0))
                .until(16),
            FieldDef::new("quantity", "Quantity", Kind::Float)
                .digits(TWO)
                .since(17),
            FieldDef::new(
                "quantity_product_uom",
                "Quantity in Product UoM",
                Kind::Float,
            )
            .since(17),
            FieldDef::new("picked", "Picked", Kind::Boolean).since(17),
            FieldDef::new("date", "Date", Kind::Datetime)
                .required()
                .default(Default::Now),
            FieldDef::many2one("location_id", "From", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("location_dest_id", "To", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::new("state", "Status", Kind::Selection(MOVE_STATES))
                .copies("move_id", "state"),
            FieldDef::new("reference", "Reference", Kind::Char)
                .copies("move_id", "reference")
                .until(18),
            FieldDef::new("reference", "Reference", Kind::Char)
                .through("move_id", "reference")
                .since(19),
        ],
    )
};
