//! The models of Odoo's module `base` that others point to, with the fields that matter here.

use super::{Default, FieldDef, Kind, ModelDef};

pub(super) static MODELS: &[ModelDef] = &[
    ModelDef {
        order: "name",
        ..ModelDef::plain(
            "res.partner",
            "Contact",
            &[
                FieldDef::new("name", "Name", Kind::Char),
                FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
                FieldDef::new("email", "Email", Kind::Char),
                FieldDef::many2one("company_id", "Company", "res.company"),
            ],
        )
    },
    ModelDef {
        order: "name",
        ..ModelDef::plain(
            "res.company",
            "Companies",
            &[
                FieldDef::new("name", "Company Name", Kind::Char).required(),
                FieldDef::many2one("partner_id", "Partner", "res.partner").required(),
                FieldDef::new("active", "Active", Kind::Boolean)
                    .default(Default::True)
                    .since(16),
            ],
        )
    },
    ModelDef {
        order: "active desc, name",
        ..ModelDef::plain(
            "res.currency",
            "Currency",
            &[
                FieldDef::new("name", "Currency", Kind::Char).required(),
                FieldDef::new("symbol", "Symbol", Kind::Char).required(),
                FieldDef::new("rounding", "Rounding Factor", Kind::Float)
                    .default(Default::Float(0.01)),
                FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
            ],
        )
    },
    ModelDef {
        order: "name, login",
        ..ModelDef::plain(
            "res.users",
            "User",
            &[
                FieldDef::new("login", "Login", Kind::Char).required(),
                FieldDef::new("name", "Name", Kind::Char).through("partner_id", "name"),
                FieldDef::new("active", "Active", Kind::Boolean).default(Default::True),
                FieldDef::many2one("partner_id", "Related Partner", "res.partner").required(),
                FieldDef::many2one("company_id", "Company", "res.company").required(),
                FieldDef::many2many("company_ids", "Companies", "res.company"),
                FieldDef::new("lang", "Language", Kind::Char),
                FieldDef::new("tz", "Timezone", Kind::Char),
            ],
        )
    },
    ModelDef {
        order: "model",
        fixed: true,
        ..ModelDef::plain(
            "ir.model",
            "Models",
            &[
                FieldDef::new("name", "Model Description", Kind::Char)
                    .required()
                    .translate(),
                FieldDef::new("model", "Model", Kind::Char).required(),
            ],
        )
    },
];
