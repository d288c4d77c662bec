//! Warehouses, locations and operation types: Odoo's module `stock`.

use super::{Brings, Default, Display, FieldDef, Kind, ModelDef, OnDelete, Tree};

pub(super) static MODELS: &[ModelDef] = &[LOCATION, WAREHOUSE, OPERATION_TYPE];

const LOCATION: ModelDef = ModelDef {
    order: "complete_name, id",
    display: Display::Field("complete_name"),
    company_rule: true,
    tree: Some(Tree {
        parent: "location_id",
        full_name: "complete_name",
        separator: "/",
        stands_alone: Some(("usage", "view")),
    }),
    ..ModelDef::plain(
        "stock.location",
        "Inventory Locations",
        &[
            FieldDef::new("name", "Location Name", Kind::Char).required(),
            FieldDef::new("complete_name", "Full Location Name", Kind::Char).readonly(),
            FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            FieldDef::new("usage", "Location Type", Kind::Selection(USAGES))
                .required()
                .default(Default::Text("internal")),
            FieldDef::many2one("location_id", "Parent Location", "stock.location")
                .on_delete(OnDelete::Cascade)
                .until(18),
            FieldDef::many2one("location_id", "Parent Location", "stock.location").since(19),
            FieldDef::one2many("child_ids", "Contains", "stock.location", "location_id"),
            FieldDef::new("parent_path", "Parent Path", Kind::Char),
            FieldDef::many2one("company_id", "Company", "res.company").default(Default::Ref(1)),
            FieldDef::new("scrap_location", "Is a Scrap Location?", Kind::Boolean).until(18),
            FieldDef::new("return_location", "Is a Return Location?", Kind::Boolean).until(17),
        ],
    )
};

const USAGES: &[(&str, &str)] = &[
    ("supplier", "Vendor Location"),
    ("view", "View"),
    ("internal", "Internal Location"),
    ("customer", "Customer Location"),
    ("inventory", "Inventory Loss"),
    ("production", "Production"),
    ("transit", "Transit Location"),
];

const WAREHOUSE: ModelDef = ModelDef {
    order: "sequence, id",
    company_rule: true,
    brings: Some(Brings::LocationsAndTypes),
    ..ModelDef::plain(
        "stock.warehouse",
        "Warehouse",
        &[
            FieldDef::new("name", "Warehouse", Kind::Char).required(),
            FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .readonly()
                .default(Default::Ref(1)),
            FieldDef::many2one("partner_id", "Address", "res.partner").default(Default::Ref(1)),
            FieldDef::many2one("view_location_id", "View Location", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::many2one("lot_stock_id", "Location Stock", "stock.location")
                .required()
                .on_delete(OnDelete::Restrict),
            FieldDef::new("code", "Short Name", Kind::Char).required(),
            FieldDef::many2one("wh_input_stock_loc_id", "Input Location", "stock.location"),
            FieldDef::many2one(
                "wh_output_stock_loc_id",
                "Output Location",
                "stock.location",
            ),
            FieldDef::many2one("in_type_id", "In Type", "stock.picking.type"),
            FieldDef::many2one("out_type_id", "Out Type", "stock.picking.type"),
            FieldDef::many2one("int_type_id", "Internal Type", "stock.picking.type"),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
        ],
    )
};

const OPERATION_TYPE: ModelDef = ModelDef {
    order: "sequence, id",
    company_rule: true,
    ..ModelDef::plain(
        "stock.picking.type",
        "Picking Type",
        &[
            FieldDef::new("name", "Operation Type", Kind::Char)
                .required()
                .translate(),
            FieldDef::new("sequence", "Sequence", Kind::Integer),
            FieldDef::new("sequence_code", "Code", Kind::Char).required(),
            FieldDef::new("code", "Type of Operation", Kind::Selection(CODES)).required(),
            FieldDef::many2one(
                "default_location_src_id",
                "Default Source Location",
                "stock.location",
            ),
            FieldDef::many2one(
                "default_location_dest_id",
                "Default Destination Location",
                "stock.location",
            ),
            FieldDef::many2one("warehouse_id", "Warehouse", "stock.warehouse")
                .on_delete(OnDelete::Cascade),
            FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            FieldDef::many2one("company_id", "Company", "res.company")
                .required()
                .default(Default::Ref(1)),
        ],
    )
};

const CODES: &[(&str, &str)] = &[
    ("incoming", "Receipt"),
    ("outgoing", "Delivery"),
    ("internal", "Internal Transfer"),
];
