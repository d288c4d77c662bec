//! A page of rows as typed columns, the form in which they go to Postgres.

use std::borrow::Cow;

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};

use super::texts::Texts;

use crate::specs::Kind;

/// The values of one column, one a row, in the order of [`Batch::ids`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Text(Texts),
    Boolean(Vec<Option<bool>>),
    Id(Vec<Option<i64>>),
    /// The number's text as Odoo sent it: exact at any size, cast by Postgres.
    Numeric(Texts),
    Timestamp(Vec<Option<Timestamp>>),
    /// JSON text, never null.
    Json(Texts),
}

/// One value on its way into a column. Its text is that of the answer where it can be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Boolean(bool),
    Id(i64),
    Numeric(&'a str),
    Timestamp(Timestamp),
    Json(Cow<'a, str>),
}

/// Type of a column of the statement, beside those of the specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Spec(Kind),
    Json,
}

impl ColumnType {
    /// Type of the array that carries the column.
    pub(crate) fn array_type(self) -> &'static str {
        match self {
            Self::Spec(Kind::Boolean) => "boolean[]",
            Self::Spec(Kind::Id) => "bigint[]",
            Self::Spec(Kind::Timestamp) => "timestamptz[]",
            Self::Spec(Kind::Text | Kind::Numeric) | Self::Json => "text[]",
        }
    }

    /// What turns an element of the array into the column's value.
    pub(crate) fn cast(self) -> &'static str {
        match self {
            Self::Spec(Kind::Numeric) => "::numeric",
            Self::Json => "::jsonb",
            Self::Spec(_) => "",
        }
    }
}

impl Values {
    pub(crate) fn with_capacity(kind: ColumnType, rows: usize) -> Self {
        match kind {
            ColumnType::Json => Self::Json(Texts::with_capacity(rows)),
            ColumnType::Spec(Kind::Text) => Self::Text(Texts::with_capacity(rows)),
            ColumnType::Spec(Kind::Boolean) => Self::Boolean(Vec::with_capacity(rows)),
            ColumnType::Spec(Kind::Id) => Self::Id(Vec::with_capacity(rows)),
            ColumnType::Spec(Kind::Numeric) => Self::Numeric(Texts::with_capacity(rows)),
            ColumnType::Spec(Kind::Timestamp) => Self::Timestamp(Vec::with_capacity(rows)),
        }
    }

    /// Appends a cell. The caller made it for this column's kind; one of another kind
    /// would be a bug and is stored as null rather than shifting the rows that follow.
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(value)) => values.push(Some(&value)),
            (Self::Numeric(values), Cell::Numeric(value)) => values.push(Some(value)),
            (Self::Boolean(values), Cell::Boolean(value)) => values.push(Some(value)),
            (Self::Id(values), Cell::Id(value)) => values.push(Some(value)),
            (Self::Timestamp(values), Cell::Timestamp(value)) => values.push(Some(value)),
            (Self::Json(values), Cell::Json(value)) => values.push(Some(&value)),
            (Self::Text(values) | Self::Numeric(values), _) => values.push(None),
            (Self::Boolean(values), _) => values.push(None),
            (Self::Id(values), _) => values.push(None),
            (Self::Timestamp(values), _) => values.push(None),
            (Self::Json(values), _) => values.push(Some("{}")),
        }
    }

    /// Takes back what was pushed after the first `rows` values.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Text(values) | Self::Numeric(values) | Self::Json(values) => {
                values.truncate(rows);
            }
            Self::Boolean(values) => values.truncate(rows),
            Self::Id(values) => values.truncate(rows),
            Self::Timestamp(values) => values.truncate(rows),
        }
    }

    pub(crate) fn parameter(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(values) | Self::Numeric(values) | Self::Json(values) => {
                (values, Type::TEXT_ARRAY)
            }
            Self::Boolean(values) => (values, Type::BOOL_ARRAY),
            Self::Id(values) => (values, Type::INT8_ARRAY),
            Self::Timestamp(values) => (values, Type::TIMESTAMPTZ_ARRAY),
        }
    }

    /// Puts those of the same column after these. Of another kind they would be a bug, and are
    /// stored as null, as a cell would be.
    fn append(&mut self, values: &Self, rows: usize) {
        match (self, values) {
            (Self::Text(ours), Self::Text(theirs))
            | (Self::Numeric(ours), Self::Numeric(theirs))
            | (Self::Json(ours), Self::Json(theirs)) => ours.append(theirs),
            (Self::Boolean(ours), Self::Boolean(theirs)) => ours.extend_from_slice(theirs),
            (Self::Id(ours), Self::Id(theirs)) => ours.extend_from_slice(theirs),
            (Self::Timestamp(ours), Self::Timestamp(theirs)) => ours.extend_from_slice(theirs),
            (ours, _) => (0..rows).for_each(|_| ours.push(Cell::Null)),
        }
    }

    fn slice(&self, from: usize, to: usize) -> Self {
        match self {
            Self::Text(values) => Self::Text(values.slice(from, to)),
            Self::Boolean(values) => Self::Boolean(values[from..to].to_vec()),
            Self::Id(values) => Self::Id(values[from..to].to_vec()),
            Self::Numeric(values) => Self::Numeric(values.slice(from, to)),
            Self::Timestamp(values) => Self::Timestamp(values[from..to].to_vec()),
            Self::Json(values) => Self::Json(values.slice(from, to)),
        }
    }
}

/// Rows of a page that could be represented, as columns.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) ids: Vec<i64>,
    /// In the order of the plan's columns.
    pub(crate) columns: Vec<Values>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Puts the rows of another batch with the same columns after these.
    pub(crate) fn append(&mut self, batch: &Self) {
        self.ids.extend_from_slice(&batch.ids);
        for (ours, theirs) in self.columns.iter_mut().zip(&batch.columns) {
            ours.append(theirs, batch.len());
        }
    }

    /// The rows `from..to`. Only a page that Postgres refused is ever split.
    pub(crate) fn slice(&self, from: usize, to: usize) -> Self {
        Self {
            ids: self.ids[from..to].to_vec(),
            columns: self
                .columns
                .iter()
                .map(|values| values.slice(from, to))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_behind_another_keeps_every_column_in_step() {
        let kinds = [
            Kind::Text,
            Kind::Boolean,
            Kind::Id,
            Kind::Numeric,
            Kind::Timestamp,
        ];
        let types = kinds
            .map(ColumnType::Spec)
            .into_iter()
            .chain([ColumnType::Json]);
        let batch = |ids: &[i64]| {
            let columns = types.clone().map(|kind| {
                let mut values = Values::with_capacity(kind, ids.len());
                for id in ids {
                    values.push(match kind {
                        ColumnType::Json => Cell::Json("[]".into()),
                        ColumnType::Spec(Kind::Text) => Cell::Text(id.to_string().into()),
                        ColumnType::Spec(Kind::Boolean) => Cell::Boolean(id % 2 == 0),
                        ColumnType::Spec(Kind::Id) => Cell::Id(*id),
                        ColumnType::Spec(Kind::Numeric) => Cell::Numeric("1.50"),
                        ColumnType::Spec(Kind::Timestamp) => Cell::Null,
                    });
                }
                values
            });
            Batch {
                ids: ids.to_vec(),
                columns: columns.collect(),
            }
        };
        let mut joined = batch(&[1, 2]);
        joined.append(&batch(&[5]));
        let whole = batch(&[1, 2, 5]);
        assert_eq!((joined.ids, joined.columns), (whole.ids, whole.columns));
    }
}
