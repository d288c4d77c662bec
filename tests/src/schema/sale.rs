//! Sale orders: Odoo's module `sale`, with what `sale_stock` adds.

use super::purchase::{DISPLAY_14, DISPLAY_19};
use super::{Default, Derived, FieldDef, Kind, ModelDef, OnDelete};

/// Decimal precision of prices, discounts and quantities of a new database.
const TWO: u8 = 2;

pub(super) static MODELS: &[ModelDef] = &[ORDER, LINE];

const ORDER: ModelDef = ModelDef {
    order: "date_order desc, id desc",
    company_rule: true,
    derived: &[Derived::Totals {
        lines: "order_line",
    }],
    ..ModelDef::plain(
        "sale.order",
        "Sales Order",
        &[
            FieldDef::new("name", "Order Reference", Kind::Char)
                .required()
                .default(Default::Numbered("S")),
            FieldDef::new("origin", "Source Document", Kind::Char),
            FieldDef::new("client_order_ref", "Customer Reference", Kind::Char),
            FieldDef::new("state", "Status", Kind::Selection(STATES_14))
                .readonly()
                .default(Default::Text("draft"))
                .until(16),
            FieldDef::new("state", "Status", Kind::Selection(STATES_17))
                .readonly()
                .default(Default::Text("draft"))
                .since(17),
            FieldDef::new("locked", "Locked", Kind::Boolean).since(17),
            FieldDef::new("date_order", "Order Date", Kind::Datetime)
                .required()
                .default(Default::Now),
            FieldDef::new("commitment_date", "Delivery Date", Kind::Datetime),
            FieldDef::many2one("partner_id", "Customer", "res.partner")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("currency_id", "Currency", "res.currency")
                .readonly()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1)),
            FieldDef::one2many("order_line", "Order Lines", "sale.order.line", "order_id"),
            FieldDef::new(
                "invoice_status",
                "Invoice Status",
                Kind::Selection(INVOICING),
            )
            .readonly()
            .default(Default::Text("no")),
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
            FieldDef::many2one("warehouse_id", "Warehouse", "stock.warehouse")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1)),
        ],
    )
};

const STATES_14: &[(&str, &str)] = &[
    ("draft", "Quotation"),
    ("sent", "Quotation Sent"),
    ("sale", "Sales Order"),
    ("done", "Locked"),
    ("cancel", "Cancelled"),
];

const STATES_17: &[(&str, &str)] = &[
    ("draft", "Quotation"),
    ("sent", "Quotation Sent"),
    ("sale", "Sales Order"),
    ("cancel", "Cancelled"),
];

const INVOICING: &[(&str, &str)] = &[
    ("upselling", "Upselling Opportunity"),
    ("invoiced", "Fully Invoiced"),
    ("to invoice", "To Invoice"),
    ("no", "Nothing to Invoice"),
];

const LINE: ModelDef = ModelDef {
    order: "order_id, sequence, id",
    company_rule: true,
    lifts: &["order_id"],
    derived: &[Derived::Amounts {
        quantity: "product_uom_qty",
    }],
    ..ModelDef::plain(
        "sale.order.line",
        "Sales Order Line",
        &[
            FieldDef::many2one("order_id", "Order Reference", "sale.order")
                .required()
                .on_delete(OnDelete::Cascade),
            FieldDef::new("name", "Description", Kind::Text).required(),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
            FieldDef::new(
                "invoice_status",
                "Invoice Status",
                Kind::Selection(INVOICING),
            )
            .readonly()
            .default(Default::Text("no")),
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
            FieldDef::new("price_tax", "Total Tax", Kind::Float).readonly(),
            FieldDef::new("price_total", "Total", Kind::Monetary).readonly(),
            FieldDef::new("discount", "Discount (%)", Kind::Float)
                .digits(TWO)
                .default(Default::Float(0.0)),
            FieldDef::many2one("product_id", "Product", "product.product")
                .on_delete(OnDelete::Restrict),
            FieldDef::new("product_uom_qty", "Quantity", Kind::Float)
                .required()
                .digits(TWO)
                .default(Default::Float(1.0)),
            FieldDef::many2one("product_uom", "Unit of Measure", "uom.uom").until(18),
            FieldDef::many2one("product_uom_id", "Unit", "uom.uom")
                .on_delete(OnDelete::Restrict)
                .since(19),
            FieldDef::new("qty_delivered", "Delivery Quantity", Kind::Float)
                .digits(TWO)
                .default(Default::Float(0.0)),
            FieldDef::new("qty_invoiced", "Invoiced Quantity", Kind::Float)
                .digits(TWO)
                .readonly(),
            FieldDef::many2one("currency_id", "Currency", "res.currency")
                .copies("order_id", "currency_id"),
            FieldDef::many2one("company_id", "Company", "res.company")
                .copies("order_id", "company_id"),
            FieldDef::new("state", "Order Status", Kind::Selection(STATES_14))
                .copies("order_id", "state")
                .until(16),
            FieldDef::new("state", "Order Status", Kind::Selection(STATES_17))
                .copies("order_id", "state")
                .since(17),
            FieldDef::new("display_type", "Display Type", Kind::Selection(DISPLAY_14)).until(18),
            FieldDef::new("display_type", "Display Type", Kind::Selection(DISPLAY_19)).since(19),
            FieldDef::one2many("move_ids", "Stock Moves", "stock.move", "sale_line_id"),
            FieldDef::new("tax_percent", "Tax", Kind::Float).hidden(),
        ],
    )
};
