//! What is mirrored, as pure data: one file a data type, and the registry of all.
//!
//! A spec names models, tables, columns and relations; it holds no code. Engine,
//! doctor, demo, template test and xtask all go over [`REGISTRY`], so that a new data
//! type is one more file here, its migration, its function and its template entry.

mod categories;
mod products;
mod purchases;
mod rule;
mod sales;
mod transfers;
mod warehouses;

pub use categories::CATEGORIES;
pub use products::PRODUCTS;
pub use purchases::PURCHASES;
pub use rule::{Check, Condition, Rule};
pub use sales::SALES;
pub use transfers::TRANSFERS;
pub use warehouses::WAREHOUSES;

/// Every data type, master data first: the order in which a first fill makes sense, and in
/// which `sync-all` starts them.
pub const REGISTRY: &[&DataType] = &[
    &CATEGORIES,
    &WAREHOUSES,
    &PRODUCTS,
    &PURCHASES,
    &SALES,
    &TRANSFERS,
];

/// What a user syncs: one function, one lease, one row of `sync_metadata`.
#[derive(Debug, PartialEq, Eq)]
pub struct DataType {
    /// Name in routes, requests and tables, such as `products`.
    pub name: &'static str,
    /// Name in sentences, such as `Products`.
    pub title: &'static str,
    /// Its streams, in the order in which a run reads them.
    pub streams: &'static [Stream],
}

impl DataType {
    /// The data type of that name.
    pub fn find(name: &str) -> Option<&'static DataType> {
        REGISTRY.iter().copied().find(|spec| spec.name == name)
    }

    /// Name of its Lambda function, such as `sync-products`.
    pub fn function_name(&self) -> String {
        format!("sync-{}", self.name)
    }
}

/// One Odoo model mirrored into one table.
#[derive(Debug, PartialEq, Eq)]
pub struct Stream {
    /// Name of the stream and of its table in schema `odoo`.
    pub name: &'static str,
    /// Odoo's model.
    pub model: &'static str,
    /// The table's columns, those that every mirror table has aside.
    pub columns: &'static [Column],
    /// Records whose change also changes a row of this stream.
    pub related: &'static [Related],
    /// What its rows should be like. A row that breaks a rule is mirrored all the same.
    pub rules: &'static [Rule],
}

/// The columns that every mirror table has, the id first.
const STANDARD_COLUMNS: [&str; 7] = [
    "odoo_id",
    "extra",
    "odoo_created_at",
    "odoo_updated_at",
    "odoo_related_at",
    "synced_at",
    "deleted_at",
];

impl Stream {
    /// The names of its table's columns, the id first.
    pub fn table_columns(&self) -> impl Iterator<Item = &'static str> {
        let own = self.columns.iter().map(|column| column.name);
        STANDARD_COLUMNS.into_iter().chain(own)
    }
}

/// A column of a mirror table and where its value comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in Postgres.
    pub name: &'static str,
    /// Type in Postgres and the form that Odoo's value must have.
    pub kind: Kind,
    /// Odoo's names for it; the first that the server has is read.
    pub sources: &'static [Source],
    /// Whether a server without any of the sources is refused (`odoo_schema`);
    /// otherwise the column is null there.
    pub required: bool,
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `text`, from a string.
    Text,
    /// `boolean`, from a boolean; the only kind in which `false` is not null.
    Boolean,
    /// `bigint`, from an id.
    Id,
    /// `numeric`, from a number's text, never through a float.
    Numeric,
    /// `timestamptz`, from Odoo's `YYYY-MM-DD HH:MM:SS` in UTC.
    Timestamp,
}

/// How a column is got from a field of Odoo's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The field's value.
    Field(&'static str),
    /// Whether the field has this value (a selection that a later version made a boolean).
    Equals(&'static str, &'static str),
    /// Whether the field has a value (a boolean that a later version made a relation).
    IsSet(&'static str),
}

impl Source {
    /// Odoo's name of the field that is read.
    pub fn field(self) -> &'static str {
        match self {
            Self::Field(name) | Self::Equals(name, _) | Self::IsSet(name) => name,
        }
    }
}

/// Related records whose change also changes the row.
#[derive(Debug, PartialEq, Eq)]
pub struct Related {
    /// The field of the stream's model that leads there: a many2one or a one2many.
    pub field: &'static str,
    /// The model it leads to.
    pub model: &'static str,
    /// The field of that model that leads back to the stream's: a one2many or a many2one.
    pub inverse: &'static str,
    /// The relation matters only on a server that has this field; `None`: on every one.
    pub where_field: Option<&'static str>,
}

impl Column {
    /// A column that every server must have.
    const fn required(name: &'static str, kind: Kind, sources: &'static [Source]) -> Self {
        Self {
            name,
            kind,
            sources,
            required: true,
        }
    }

    /// The same, null where the server has none of its fields: they come with an app
    /// that a shop may do without.
    const fn optional(mut self) -> Self {
        self.required = false;
        self
    }
}

/// Shortens the specs: `column!("name", Text)`, `column!("parent_id", Id, "location_id")`.
macro_rules! column {
    ($name:literal, $kind:ident) => {
        $crate::specs::column!($name, $kind, $name)
    };
    ($name:literal, $kind:ident, $($field:literal),+) => {
        $crate::specs::Column::required(
            $name,
            $crate::specs::Kind::$kind,
            &[$($crate::specs::Source::Field($field)),+],
        )
    };
}
use column;
