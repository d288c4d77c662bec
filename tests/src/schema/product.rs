//! Units, categories, templates and variants: Odoo's modules `uom` and `product`, with the fields
//! that `stock`, `sale` and `purchase` add to them.

use super::{Compute, Default, Derived, Display, FieldDef, Kind, ModelDef, OnDelete, Touch, Tree};

/// Decimal precision `Product Price`, `Stock Weight`, `Volume` of a new database.
const TWO: u8 = 2;

pub(super) static MODELS: &[ModelDef] = &[
    UOM_CATEGORY,
    UOM,
    PRODUCT_CATEGORY,
    PRODUCT_TEMPLATE,
    PRODUCT,
];

const UOM_CATEGORY: ModelDef = ModelDef::plain(
    "uom.category",
    "Product UoM Categories",
    &[
        FieldDef::new("name", "Unit of Measure Category", Kind::Char)
            .required()
            .translate()
            .until(18),
    ],
);

const UOM: ModelDef = ModelDef::plain(
    "uom.uom",
    "Product Unit of Measure",
    &[
        FieldDef::new("name", "Unit of Measure", Kind::Char)
            .required()
            .translate(),
        FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
        FieldDef::many2one("category_id", "Category", "uom.category")
            .required()
            .on_delete(OnDelete::Restrict)
            .default(Default::Ref(1))
            .until(18),
        FieldDef::new("uom_type", "Type", Kind::Selection(UOM_TYPES))
            .required()
            .default(Default::Text("reference"))
            .until(18),
        // Until 18 `factor` counts this unit in one reference unit; from 19 on the reverse, as
        // `factor_inv` did.
        FieldDef::new("factor", "Ratio", Kind::Float)
            .required()
            .default(Default::Float(1.0))
            .until(18),
        FieldDef::new("factor_inv", "Bigger Ratio", Kind::Float)
            .computed(Compute::Inverse("factor"))
            .until(18),
        FieldDef::new("rounding", "Rounding Precision", Kind::Float)
            .default(Default::Float(0.01))
            .required(),
        FieldDef::new("factor", "Absolute Quantity", Kind::Float)
            .computed(Compute::ProductUp("relative_factor", "relative_uom_id"))
            .readonly()
            .since(19),
        FieldDef::new("relative_factor", "Contains", Kind::Float)
            .required()
            .default(Default::Float(1.0))
            .since(19),
        FieldDef::many2one("relative_uom_id", "Reference Unit", "uom.uom")
            .on_delete(OnDelete::Cascade)
            .since(19),
    ],
);

const UOM_TYPES: &[(&str, &str)] = &[
    ("bigger", "Bigger than the reference Unit of Measure"),
    ("reference", "Reference Unit of Measure for this category"),
    ("smaller", "Smaller than the reference Unit of Measure"),
];

const PRODUCT_CATEGORY: ModelDef = ModelDef {
    order: "complete_name",
    display: Display::Field("complete_name"),
    tree: Some(Tree {
        parent: "parent_id",
        full_name: "complete_name",
        separator: " / ",
        stands_alone: None,
    }),
    ..ModelDef::plain(
        "product.category",
        "Product Category",
        &[
            FieldDef::new("name", "Name", Kind::Char).required(),
            FieldDef::new("complete_name", "Complete Name", Kind::Char).readonly(),
            FieldDef::many2one("parent_id", "Parent Category", "product.category")
                .on_delete(OnDelete::Cascade),
            FieldDef::new("parent_path", "Parent Path", Kind::Char),
            FieldDef::one2many(
                "child_id",
                "Child Categories",
                "product.category",
                "parent_id",
            ),
        ],
    )
};

const PRODUCT_TEMPLATE: ModelDef = ModelDef {
    order: "name",
    display: Display::Template,
    company_rule: true,
    variants: Some("product_variant_ids"),
    derived: &[Derived::SameAs {
        field: "detailed_type",
        into: "type",
    }],
    // From 17 on product.product's write_date is computed from its template's
    // ("product_product.py", `_compute_write_date`); before, `__last_update` was.
    touches: &[Touch::All {
        through: "product_variant_ids",
        since: 17,
    }],
    ..ModelDef::plain(
        "product.template",
        "Product",
        &[
            FieldDef::new("name", "Name", Kind::Char)
                .required()
                .translate(),
            FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
            FieldDef::new("type", "Product Type", Kind::Selection(TYPES_14))
                .required()
                .default(Default::Text("consu"))
                .until(14),
            FieldDef::new("detailed_type", "Product Type", Kind::Selection(TYPES_14))
                .required()
                .default(Default::Text("consu"))
                .since(15)
                .until(17),
            // Computed from `detailed_type`, and stored; the module `stock` gives both the key
            // `product`.
            FieldDef::new("type", "Type", Kind::Selection(TYPES_14))
                .default(Default::Text("consu"))
                .since(15)
                .until(17),
            FieldDef::new("type", "Product Type", Kind::Selection(TYPES_19))
                .required()
                .default(Default::Text("consu"))
                .since(18),
            FieldDef::new("is_storable", "Track Inventory", Kind::Boolean).since(18),
            FieldDef::new("tracking", "Tracking", Kind::Selection(TRACKING))
                .required()
                .default(Default::Text("none")),
            FieldDef::many2one("categ_id", "Product Category", "product.category")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1))
                .until(18),
            FieldDef::many2one("categ_id", "Product Category", "product.category").since(19),
            FieldDef::many2one("uom_id", "Unit", "uom.uom")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1)),
            FieldDef::many2one("uom_po_id", "Purchase Unit of Measure", "uom.uom")
                .required()
                .on_delete(OnDelete::Restrict)
                .default(Default::Ref(1))
                .until(18),
            FieldDef::new("list_price", "Sales Price", Kind::Float)
                .digits(TWO)
                .default(Default::Float(1.0))
                .until(18),
            // From 19 on prices are kept as they are written; digits are for display.
            FieldDef::new("list_price", "Sales Price", Kind::Float)
                .default(Default::Float(1.0))
                .since(19),
            FieldDef::new("sale_ok", "Can be Sold", Kind::Boolean).default(Default::True),
            FieldDef::new("purchase_ok", "Can be Purchased", Kind::Boolean).default(Default::True),
            FieldDef::many2one("company_id", "Company", "res.company"),
            FieldDef::new("description_sale", "Sales Description", Kind::Text).translate(),
            FieldDef::one2many(
                "product_variant_ids",
                "Products",
                "product.product",
                "product_tmpl_id",
            ),
            FieldDef::many2one("product_variant_id", "Product", "product.product")
                .computed(Compute::FirstOf("product_variant_ids"))
                .readonly(),
            FieldDef::new("product_variant_count", "# Product Variants", Kind::Integer)
                .computed(Compute::CountOf("product_variant_ids"))
                .readonly(),
            FieldDef::new("default_code", "Internal Reference", Kind::Char)
                .only_of("product_variant_ids", "default_code"),
            FieldDef::new("barcode", "Barcode", Kind::Char)
                .only_of("product_variant_ids", "barcode"),
            FieldDef::new("standard_price", "Cost", Kind::Float)
                .only_of("product_variant_ids", "standard_price"),
            FieldDef::new("weight", "Weight", Kind::Float).only_of("product_variant_ids", "weight"),
            FieldDef::new("volume", "Volume", Kind::Float).only_of("product_variant_ids", "volume"),
        ],
    )
};

const TYPES_14: &[(&str, &str)] = &[
    ("consu", "Consumable"),
    ("service", "Service"),
    ("product", "Storable Product"),
];

const TYPES_19: &[(&str, &str)] = &[
    ("consu", "Goods"),
    ("service", "Service"),
    ("combo", "Combo"),
];

const TRACKING: &[(&str, &str)] = &[
    ("serial", "By Unique Serial Number"),
    ("lot", "By Lots"),
    ("none", "No Tracking"),
];

const PRODUCT: ModelDef = ModelDef {
    order: "default_code, name, id",
    inherits: Some(("product.template", "product_tmpl_id")),
    touches: &[Touch::Only {
        fields: &["default_code", "weight", "volume"],
        through: "product_tmpl_id",
    }],
    display: Display::Product,
    ..ModelDef::plain(
        "product.product",
        "Product Variant",
        &[
            FieldDef::many2one("product_tmpl_id", "Product Template", "product.template")
                .required()
                .on_delete(OnDelete::Cascade),
            FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            FieldDef::new("default_code", "Internal Reference", Kind::Char),
            FieldDef::new("barcode", "Barcode", Kind::Char),
            FieldDef::new("standard_price", "Cost", Kind::Float)
                .digits(TWO)
                .company_dependent()
                .until(18),
            FieldDef::new("standard_price", "Cost", Kind::Float)
                .company_dependent()
                .since(19),
            FieldDef::new("weight", "Weight", Kind::Float).digits(TWO),
            FieldDef::new("volume", "Volume", Kind::Float).digits(TWO),
            FieldDef::new("lst_price", "Sales Price", Kind::Float)
                .through("product_tmpl_id", "list_price"),
            FieldDef::new("combination_label", "Values", Kind::Char).hidden(),
        ],
    )
};
