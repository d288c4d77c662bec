//! Purchase orders: Odoo's module `purchase`, with what `purchase_stock` adds.

use super::{Default, Derived, FieldDef, Kind, ModelDef, OnDelete};

/// Decimal precision of prices, discounts and quantities of a new database.
const TWO: u8 = 2;

pub(super) static MODELS: &[ModelDef] = &[ORDER, LINE];

const ORDER: ModelDef = ModelDef {
    order: "priority desc, id desc",
    company_rule: true,
    derived: &[
        Derived::Totals {
            lines: "order_line",
        },
        Derived::Earliest {
            field: "date_planned",
            lines: "order_line",
        },
    ],
    ..ModelDef::plain(
        "purchase.order",
        "Purchase Order",
        &[
            FieldDef::new("name", "Order Reference", Kind::Char)
                .required()
                .default(Default::Numbered("P")),
            FieldDef::new("priority", "Priority", Kind::Selection(PRIORITIES))
                .default(Default::Text("0")),
            FieldDef::new("origin", "Source Document", Kind::Char),
            FieldDef::new("partner_ref", "Vendor Reference", Kind::Char),
            FieldDef::new("date_order", "Order Deadline", Kind::Datetime)
                .required()
                .default(Default::Now),
            FieldDef::new("date_approve", "Confirmation Date", Kind::Datetime).readonly(),
            FieldDef::many2one("partner_id", "Vendor", "res.partner")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("currency_id", "Currency", "res.currency")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1)),
            FieldDef::new("state", "Status", Kind::Selection(STATES_14))
                .readonly()
                .default(Default::Text("draft"))
                .until(18),
            FieldDef::new("state", "Status", Kind::Selection(STATES_19))
                .readonly()
                .default(Default::Text("draft"))
                .since(19),
            FieldDef::new("locked", "Locked", Kind::Boolean).since(19),
            FieldDef::one2many(
                "order_line",
                "Order Lines",
                "purchase.order.line",
                "order_id",
            ),
            FieldDef::new("invoice_status", "Billing Status", Kind::Selection(BILLING))
                .readonly()
                .default(Default::Text("no")),
            FieldDef::new("date_planned", "Receipt Date", Kind::Datetime),
            FieldDef::new("amount_untaxed", "Untaxed Amount", Kind::Monetary)
                .readonly()
                .default(Default::Float(0.0)),
            FieldDef::new("amount_tax", "Taxes", Kind::Monetary)
                .readonly()
                .default(Default::Float(0.0)),
            FieldDef::new("amount_total", "Total", Kind::Monetary)
                .readonly()
                .default(Default::Float(0.0)),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .default(Default::Ref(1)),
            // The first operation type is the first warehouse's receipts.
            FieldDef::many2one("picking_type_id", "Deliver To", "stock.picking.type")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1)),
        ],
    )
};

const PRIORITIES: &[(&str, &str)] = &[("0", "Normal"), ("1", "Urgent")];

const STATES_14: &[(&str, &str)] = &[
    ("draft", "RFQ"),
    ("sent", "RFQ Sent"),
    ("to approve", "To Approve"),
    ("purchase", "Purchase Order"),
    ("done", "Locked"),
    ("cancel", "Cancelled"),
];

const STATES_19: &[(&str, &str)] = &[
    ("draft", "RFQ"),
    ("sent", "RFQ Sent"),
    ("to approve", "To Approve"),
    ("purchase", "Purchase Order"),
    ("cancel", "Cancelled"),
];

const BILLING: &[(&str, &str)] = &[
    ("no", "Nothing to Bill"),
    ("to invoice", "Waiting Bills"),
    ("invoiced", "Fully Billed"),
];

const LINE: ModelDef = ModelDef {
    order: "order_id, sequence, id",
    company_rule: true,
    lifts: &["order_id"],
    derived: &[
        Derived::InProductUnit {
            quantity: "product_qty",
            unit: "product_uom",
            into: "product_uom_qty",
        },
        Derived::InProductUnit {
            quantity: "product_qty",
            unit: "product_uom_id",
            into: "product_uom_qty",
        },
        Derived::Amounts {
            quantity: "product_qty",
        },
    ],
    ..ModelDef::plain(
        "purchase.order.line",
        "Purchase Order Line",
        &[
            FieldDef::new("name", "Description", Kind::Text).required(),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
            FieldDef::new("product_qty", "Quantity", Kind::Float)
                .required()
                .digits(TWO),
            FieldDef::new("product_uom_qty", "Total Quantity", Kind::Float).readonly(),
            FieldDef::new("date_planned", "Delivery Date", Kind::Datetime),
            FieldDef::new("discount", "Discount (%)", Kind::Float)
                .digits(TWO)
                .since(17),
            FieldDef::many2one("product_uom", "Unit of Measure", "uom.uom").until(18),
            FieldDef::many2one("product_uom_id", "Unit", "uom.uom")
                .on_delete(OnDelete::Restrict)
                .since(19),
            FieldDef::many2one("product_id", "Product", "product.product")
                .on_delete(OnDelete::Restrict),
            FieldDef::new("price_unit", "Unit Price", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(0.0))
                .until(18),
            FieldDef::new("price_unit", "Unit Price", Kind::Float)
                .required()
                .default(Default::Float(0.0))
                .since(19),
            FieldDef::new("price_subtotal", "Subtotal", Kind::Monetary).readonly(),
            FieldDef::new("price_total", "Total", Kind::Monetary).readonly(),
            FieldDef::new("price_tax", "Tax", Kind::Float).readonly(),
            FieldDef::many2one("order_id", "Order Reference", "purchase.order")
                .required()
                .on_delete(OnDelete::Cascade),
            FieldDef::many2one("company_id", "Company", "res.company")
                .copies("order_id", "company_id"),
            FieldDef::many2one("partner_id", "Partner", "res.partner")
                .copies("order_id", "partner_id"),
            FieldDef::new("state", "Status", Kind::Selection(STATES_14))
                .copies("order_id", "state")
                .until(18),
            FieldDef::new("state", "Status", Kind::Selection(STATES_19))
                .through("order_id", "state")
                .readonly()
                .since(19),
            FieldDef::new("qty_invoiced", "Billed Qty", Kind::Float)
                .digits(TWO)
                .readonly(),
            FieldDef::new("qty_received", "Received Qty", Kind::Float).digits(TWO),
            FieldDef::new("display_type", "Display Type", Kind::Selection(DISPLAY_14)).until(18),
            FieldDef::new("display_type", "Display Type", Kind::Selection(DISPLAY_19)).since(19),
            FieldDef::one2many("move_ids", "Reservation", "stock.move", "purchase_line_id")
                .readonly(),
            FieldDef::new("tax_percent", "Tax", Kind::Float).hidden(),
        ],
    )
};

pub(super) const DISPLAY_14: &[(&str, &str)] =
    &[("line_section", "Section"), ("line_note", "Note")];

pub(super) const DISPLAY_19: &[(&str, &str)] = &[
    ("line_section", "Section"),
    ("line_subsection", "Subsection"),
    ("line_note", "Note"),
];
