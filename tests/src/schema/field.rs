//! One field's definition, written as a chain: `FieldDef::new(…).required().since(19)`.

/// Odoo's field types, as far as the mirrored models use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Float,
    /// A float rounded to its currency's digits, which are two for all here.
    Monetary,
    Char,
    Text,
    Datetime,
    /// The keys with their labels.
    Selection(&'static [(&'static str, &'static str)]),
    Many2one,
    One2many,
    Many2many,
}

impl Kind {
    /// The `type` that `fields_get` tells.
    pub(crate) fn type_name(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Float => "float",
            Kind::Monetary => "monetary",
            Kind::Char => "char",
            Kind::Text => "text",
            Kind::Datetime => "datetime",
            Kind::Selection(_) => "selection",
            Kind::Many2one => "many2one",
            Kind::One2many => "one2many",
            Kind::Many2many => "many2many",
        }
    }
}

/// Where a field's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A column of the model's own table.
    Stored,
    /// A field of the record that a many2one leads to.
    Through(&'static str, &'static str),
    /// The value of the only record in a one2many; empty where there are several (a template's
    /// `default_code`, which is its only variant's).
    OnlyOf(&'static str, &'static str),
    Computed(Compute),
}

/// Values made of other fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compute {
    DisplayName,
    /// One over the field: a unit's `factor_inv` on 14.
    Inverse(&'static str),
    /// The field times those of all records up a many2one: a unit's `factor` from 19 on.
    ProductUp(&'static str, &'static str),
    /// How many records a one2many holds.
    CountOf(&'static str),
    /// The first record of a one2many.
    FirstOf(&'static str),
    /// The sum of a field of the records in a one2many, each turned from the unit in its own
    /// `product_uom_id` into this record's `product_uom`: a move's `quantity_done` until 16.
    SumInUnit(&'static str, &'static str),
}

/// What a new record has where nothing was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Default {
    None,
    True,
    Float(f64),
    Text(&'static str),
    /// The record of this id.
    Ref(i64),
    /// When the transaction began.
    Now,
    /// This prefix and the record's id in five digits, as an `ir.sequence` would count.
    Numbered(&'static str),
}

/// What deleting the record does to those that point to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDelete {
    SetNull,
    Restrict,
    Cascade,
}

/// A field.
#[derive(Debug)]
pub(crate) struct FieldDef {
    pub(crate) name: &'static str,
    /// `string`.
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    pub(crate) relation: Option<&'static str>,
    /// The many2one that a one2many is the other side of.
    pub(crate) inverse: Option<&'static str>,
    pub(crate) source: Source,
    pub(crate) since: u8,
    pub(crate) until: u8,
    pub(crate) required: bool,
    pub(crate) readonly: bool,
    pub(crate) translate: bool,
    pub(crate) company_dependent: bool,
    /// Digits after the point that a write keeps (decimal.precision as a new database has it).
    pub(crate) digits: Option<u8>,
    pub(crate) default: Default,
    pub(crate) on_delete: OnDelete,
    /// `related=…, store=True`: the many2one and the field there that is copied into the column.
    pub(crate) copies: Option<(&'static str, &'static str)>,
    /// The simulator's own bookkeeping: not shown to clients.
    pub(crate) hidden: bool,
}

impl FieldDef {
    pub(crate) const fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        FieldDef {
            name,
            label,
            kind,
            relation: None,
            inverse: None,
            source: Source::Stored,
            since: 0,
            until: u8::MAX,
            required: false,
            readonly: false,
            translate: false,
            company_dependent: false,
            digits: None,
            default: Default::None,
            on_delete: OnDelete::SetNull,
            copies: None,
            hidden: false,
        }
    }

    pub(crate) const fn many2one(
        name: &'static str,
        label: &'static str,
        relation: &'static str,
    ) -> Self {
        let mut field = FieldDef::new(name, label, Kind::Many2one);
        field.relation = Some(relation);
        field
    }

    pub(crate) const fn one2many(
        name: &'static str,
        label: &'static str,
        relation: &'static str,
        inverse: &'static str,
    ) -> Self {
        let mut field = FieldDef::new(name, label, Kind::One2many);
        field.relation = Some(relation);
        field.inverse = Some(inverse);
        field
    }

    pub(crate) const fn many2many(
        name: &'static str,
        label: &'static str,
        relation: &'static str,
    ) -> Self {
        let mut field = FieldDef::new(name, label, Kind::Many2many);
        field.relation = Some(relation);
        field
    }

    pub(crate) const fn since(mut self, major: u8) -> Self {
        self.since = major;
        self
    }

    pub(crate) const fn until(mut self, major: u8) -> Self {
        self.until = major;
        self
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    pub(crate) const fn translate(mut self) -> Self {
        self.translate = true;
        self
    }

    pub(crate) const fn company_dependent(mut self) -> Self {
        self.company_dependent = true;
        self
    }

    pub(crate) const fn digits(mut self, digits: u8) -> Self {
        self.digits = Some(digits);
        self
    }

    pub(crate) const fn default(mut self, default: Default) -> Self {
        self.default = default;
        self
    }

    pub(crate) const fn on_delete(mut self, on_delete: OnDelete) -> Self {
        self.on_delete = on_delete;
        self
    }

    pub(crate) const fn computed(mut self, compute: Compute) -> Self {
        self.source = Source::Computed(compute);
        self
    }

    pub(crate) const fn only_of(mut self, one2many: &'static str, field: &'static str) -> Self {
        self.source = Source::OnlyOf(one2many, field);
        self
    }

    pub(crate) const fn through(mut self, many2one: &'static str, field: &'static str) -> Self {
        self.source = Source::Through(many2one, field);
        self
    }

    /// A stored copy of a field of the record that a many2one leads to.
    pub(crate) const fn copies(mut self, many2one: &'static str, field: &'static str) -> Self {
        self.copies = Some((many2one, field));
        self.readonly = true;
        self
    }

    pub(crate) const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Whether this version has the field.
    pub(crate) fn exists_in(&self, major: u8) -> bool {
        self.since <= major && major <= self.until
    }
}
