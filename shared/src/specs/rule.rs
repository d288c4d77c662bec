//! What the rows of a stream should be like, as data: a small closed set of checks.
//!
//! A rule warns. The row that breaks it is mirrored as Odoo has it, and a finding says
//! what looks wrong with it, until a later run finds it mended. How a rule is checked
//! stands in `mirror::rules`.

use std::borrow::Cow;

/// One rule about the rows of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// What must hold.
    pub check: Check,
    /// The rows that it must hold for; `None`: all of them.
    pub only_where: Option<Condition>,
}

/// Rows whose column has this value, compared as text.
#[derive(Debug, PartialEq, Eq)]
pub struct Condition {
    /// A column of the stream.
    pub column: &'static str,
    /// Its value's text in Postgres, such as `done` or `true`.
    pub value: &'static str,
}

/// What a rule checks. A null passes every check but [`Check::Required`]. Columns are
/// those of the stream's table.
#[derive(Debug, PartialEq, Eq)]
pub enum Check {
    /// The column has a value.
    Required(&'static str),
    /// The text holds more than white space.
    NotBlank(&'static str),
    /// The number is zero or more.
    NonNegative(&'static str),
    /// The text is one of these.
    OneOf(&'static str, &'static [&'static str]),
    /// No other row that the rule is about has this value.
    Unique {
        /// The column.
        column: &'static str,
        /// Two rows with different values in this column may share it; an empty one
        /// differs from none.
        within: &'static str,
    },
    /// The parts add up to the total within a cent.
    SumsUpTo {
        /// The columns added up.
        parts: &'static [&'static str],
        /// The column that has their sum.
        total: &'static str,
    },
    /// The id is that of a row mirrored in another table, or in the same. Data types
    /// arrive in any order, so this is checked at the end of a reconcile, not with each page.
    RefersTo {
        /// The column with the id.
        column: &'static str,
        /// The stream, and so the table, that has the row.
        stream: &'static str,
    },
}

impl Rule {
    /// Name under which its findings are kept, such as `unique:barcode`.
    pub fn name(&self) -> String {
        let (check, column) = match self.check {
            Check::Required(column) => ("required", column),
            Check::NotBlank(column) => ("not_blank", column),
            Check::NonNegative(column) => ("non_negative", column),
            Check::OneOf(column, _) => ("one_of", column),
            Check::Unique { column, .. } => ("unique", column),
            Check::SumsUpTo { total, .. } => ("sums_up_to", total),
            Check::RefersTo { column, .. } => ("refers_to", column),
        };
        format!("{check}:{column}")
    }

    /// What is wrong with a row that breaks it, in words and without the row's values.
    pub fn reason(&self) -> Cow<'static, str> {
        match self.check {
            Check::Required(column) => format!("{column} is empty"),
            Check::NotBlank(column) => format!("{column} is blank"),
            Check::NonNegative(column) => format!("{column} is negative"),
            Check::OneOf(column, values) => {
                format!("{column} is none of {}", values.join(", "))
            }
            Check::Unique { column, .. } => format!("another row has the same {column}"),
            Check::SumsUpTo { parts, total } => {
                format!("{} is not {total}", parts.join(" + "))
            }
            Check::RefersTo { column, stream } => {
                format!("{column} is the id of a row that {stream} does not have")
            }
        }
        .into()
    }

    /// The same rule for those rows alone.
    pub(super) const fn only_where(mut self, column: &'static str, value: &'static str) -> Self {
        self.only_where = Some(Condition { column, value });
        self
    }
}

const fn rule(check: Check) -> Rule {
    Rule {
        check,
        only_where: None,
    }
}

/// [`Check::Required`].
pub(super) const fn required(column: &'static str) -> Rule {
    rule(Check::Required(column))
}

/// [`Check::NotBlank`].
pub(super) const fn not_blank(column: &'static str) -> Rule {
    rule(Check::NotBlank(column))
}

/// [`Check::NonNegative`].
pub(super) const fn non_negative(column: &'static str) -> Rule {
    rule(Check::NonNegative(column))
}

/// [`Check::OneOf`].
pub(super) const fn one_of(column: &'static str, values: &'static [&'static str]) -> Rule {
    rule(Check::OneOf(column, values))
}

/// [`Check::Unique`].
pub(super) const fn unique(column: &'static str, within: &'static str) -> Rule {
    rule(Check::Unique { column, within })
}

/// [`Check::SumsUpTo`].
pub(super) const fn sums_up_to(total: &'static str, parts: &'static [&'static str]) -> Rule {
    rule(Check::SumsUpTo { parts, total })
}

/// [`Check::RefersTo`].
pub(super) const fn refers_to(column: &'static str, stream: &'static str) -> Rule {
    rule(Check::RefersTo { column, stream })
}
