//! Odoo's models as data: which fields a model has, of what type, since and until which version.
//!
//! A further data type is one more list of [`ModelDef`]s, added to [`ALL`]; nothing else in the
//! simulator names a model. The definitions follow Odoo's own `models/*.py` of the module that
//! each file here names.

mod base;
mod field;
mod product;
mod purchase;
mod sale;
mod stock;
mod transfer;

pub(crate) use field::{Compute, Default, FieldDef, Kind, OnDelete, Source};

/// Every model that the simulator has, in the order in which its data is made.
pub(crate) static ALL: &[&[ModelDef]] = &[
    base::MODELS,
    product::MODELS,
    stock::MODELS,
    transfer::MODELS,
    purchase::MODELS,
    sale::MODELS,
];

/// A model.
pub(crate) struct ModelDef {
    pub(crate) name: &'static str,
    /// `_description`.
    pub(crate) label: &'static str,
    /// `_order`.
    pub(crate) order: &'static str,
    pub(crate) fields: &'static [FieldDef],
    /// `_inherits`: the model whose fields this one shows as its own, and the many2one to it.
    pub(crate) inherits: Option<(&'static str, &'static str)>,
    pub(crate) display: Display,
    /// `_parent_name` with a stored, recursive full name.
    pub(crate) tree: Option<Tree>,
    /// The one2many of its variants: creating a record makes one there, archiving it archives
    /// them, deleting the last of them deletes it.
    pub(crate) variants: Option<&'static str>,
    /// Which of its changes move other records' `write_date`.
    pub(crate) touches: &'static [Touch],
    /// Stored values that Odoo computes from other fields of the record or of its lines.
    pub(crate) derived: &'static [Derived],
    /// The many2ones to the records that compute something from this one: they are computed anew
    /// when it is created, changed or deleted, and get its change time if a value differs.
    pub(crate) lifts: &'static [&'static str],
    /// What is created together with a new record that names none.
    pub(crate) brings: Option<Brings>,
    /// Has the usual rule: `company_id` is empty or one of the user's companies.
    pub(crate) company_rule: bool,
    /// Only readable: `create`, `write` and `unlink` are refused over the wire.
    pub(crate) fixed: bool,
}

/// How `display_name` is made.
pub(crate) enum Display {
    /// `_rec_name`.
    Field(&'static str),
    /// `[default_code] name (variant)`, as product.product does it.
    Product,
    /// `[default_code] name`, as product.template does it.
    Template,
}

/// A tree whose full name is stored in each node, so that renaming one rewrites its descendants.
pub(crate) struct Tree {
    pub(crate) parent: &'static str,
    pub(crate) full_name: &'static str,
    pub(crate) separator: &'static str,
    /// A node whose field has this value takes no parent's name into its own.
    pub(crate) stands_alone: Option<(&'static str, &'static str)>,
}

/// Records that Odoo creates along with another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Brings {
    /// A warehouse's locations and operation types.
    LocationsAndTypes,
}

/// A stored value that follows from others. One whose fields this version lacks is passed over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Derived {
    /// `price_subtotal`, `price_tax` and `price_total` of an order line from this quantity,
    /// `price_unit`, `discount` and the simulator's own `tax_percent`.
    Amounts { quantity: &'static str },
    /// `amount_untaxed`, `amount_tax` and `amount_total`, summed over these lines. (Odoo may round
    /// the tax once an order instead of once a line; with one tax rate that differs by cents.)
    Totals { lines: &'static str },
    /// The earliest value of a field among these lines.
    Earliest {
        field: &'static str,
        lines: &'static str,
    },
    /// A quantity in the product's own unit, rounded as that unit says.
    InProductUnit {
        quantity: &'static str,
        unit: &'static str,
        into: &'static str,
    },
    /// The stored form of [`Compute::SumInUnit`].
    SumInUnit {
        lines: &'static str,
        field: &'static str,
        into: &'static str,
    },
    /// A stored copy of another field.
    SameAs {
        field: &'static str,
        into: &'static str,
    },
    /// The `reference` of a stock move: its transfer's name, else a name of its own.
    Reference,
}

impl Derived {
    /// Computed from lines, so it changes only with them.
    pub(crate) fn is_of_lines(self) -> bool {
        matches!(
            self,
            Derived::Totals { .. } | Derived::Earliest { .. } | Derived::SumInUnit { .. }
        )
    }
}

/// A change here moves other records' `write_date`.
pub(crate) enum Touch {
    /// Any change moves the records of a one2many.
    All { through: &'static str, since: u8 },
    /// A new value in one of the fields moves the record of a many2one, if this is the only one
    /// that points there: the value is stored there too.
    Only {
        fields: &'static [&'static str],
        through: &'static str,
    },
}

impl ModelDef {
    /// A model of its name only; what it has beyond that is said with struct update syntax.
    pub(crate) const fn plain(
        name: &'static str,
        label: &'static str,
        fields: &'static [FieldDef],
    ) -> Self {
        ModelDef {
            name,
            label,
            order: "id",
            fields,
            inherits: None,
            display: Display::Field("name"),
            tree: None,
            variants: None,
            touches: &[],
            derived: &[],
            lifts: &[],
            brings: None,
            company_rule: false,
            fixed: false,
        }
    }
}

/// The fields that every model has (`_log_access` and the magic ones).
pub(crate) static COMMON: &[FieldDef] = &[
    FieldDef::new("id", "ID", Kind::Integer).readonly(),
    FieldDef::new("display_name", "Display Name", Kind::Char)
        .computed(Compute::DisplayName)
        .readonly(),
    FieldDef::many2one("create_uid", "Created by", "res.users").readonly(),
    FieldDef::new("create_date", "Created on", Kind::Datetime).readonly(),
    FieldDef::many2one("write_uid", "Last Updated by", "res.users").readonly(),
    FieldDef::new("write_date", "Last Updated on", Kind::Datetime).readonly(),
];
