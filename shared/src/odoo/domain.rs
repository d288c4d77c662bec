//! Search conditions in Odoo's prefix notation, such as `["|", ["a", "=", 1], ["b", "=", 2]]`.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::value::format_datetime;

/// The field that holds when a record was last written.
const WRITE_DATE: &str = "write_date";

/// A condition on the records of one model.
///
/// ```
/// use shared::odoo::Domain;
/// let page = Domain::ids_in(&[7, 9]).and(Domain::all().id_after(7));
/// assert_eq!(
///     page.to_json().to_string(),
///     r#"["&",["id","in",[7,9]],["id",">",7]]"#
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Domain {
    /// Operators and leaves, each operator before its two operands; all of it makes
    /// one operand. Empty: no condition.
    terms: Vec<Value>,
}

impl Domain {
    /// Every record.
    pub fn all() -> Self {
        Self::default()
    }

    /// The records with these ids.
    pub fn ids_in(ids: &[i64]) -> Self {
        Self::leaf("id", "in", json!(ids))
    }

    /// The records whose field, a relation, leads to any of these ids.
    pub(crate) fn leading_to(field: &str, ids: &[i64]) -> Self {
        Self::leaf(field, "in", json!(ids))
    }

    /// The records that changed between `low` and `high`, both included to the second,
    /// they themselves or a record that one of `paths` leads to (`product_tmpl_id`).
    ///
    /// Only `>= S` and `< S + 1 second` are used: every other comparison of change times
    /// means one thing on Odoo 14 and another on 19, for microseconds are stored there and whole
    /// seconds are sent. A path through a to-many field may also find a record of which one
    /// related record is older and another newer than the window: it is read in vain, no harm done.
    pub fn changed_within(paths: &[&str], low: Timestamp, high: Timestamp) -> Self {
        let from = format_datetime(low);
        let before = format_datetime(one_second_after(high));
        let within = |field: &str| {
            Self::leaf(field, ">=", json!(from)).and(Self::leaf(field, "<", json!(before)))
        };
        paths
            .iter()
            .map(|path| format!("{path}.{WRITE_DATE}"))
            .fold(within(WRITE_DATE), |domain, field| {
                domain.or(within(&field))
            })
    }

    /// The records that have a change time at all: rows loaded by SQL may have none.
    pub(crate) fn has_change_time() -> Self {
        Self::leaf(WRITE_DATE, "!=", Value::Bool(false))
    }

    /// The records with ids from the first to the last, both included.
    pub(crate) fn ids_between(first: i64, last: i64) -> Self {
        Self::leaf("id", ">=", json!(first)).id_upto(last)
    }

    /// Of these records, those with an id above `id`.
    #[must_use]
    pub fn id_after(self, id: i64) -> Self {
        self.and(Self::leaf("id", ">", json!(id)))
    }

    /// Of these records, those with an id up to `id`, it included.
    #[must_use]
    pub(crate) fn id_upto(self, id: i64) -> Self {
        self.and(Self::leaf("id", "<=", json!(id)))
    }

    /// The records that meet both conditions.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self.terms.is_empty() {
            return other;
        }
        if other.terms.is_empty() {
            return self;
        }
        self.joined("&", other)
    }

    /// The records that meet either condition.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.terms.is_empty() || other.terms.is_empty() {
            return Self::all();
        }
        self.joined("|", other)
    }

    /// The list as Odoo takes it.
    pub fn to_json(&self) -> Value {
        Value::Array(self.terms.clone())
    }

    fn leaf(field: &str, operator: &str, value: Value) -> Self {
        Self {
            terms: vec![json!([field, operator, value])],
        }
    }

    fn joined(self, operator: &str, other: Self) -> Self {
        let mut terms = vec![json!(operator)];
        terms.extend(self.terms);
        terms.extend(other.terms);
        Self { terms }
    }
}

fn one_second_after(time: Timestamp) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(1))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[test]
    fn no_condition_is_an_empty_list_and_vanishes_in_and() {
        assert_eq!(Domain::all().to_json(), json!([]));
        let ids = Domain::ids_in(&[1]);
        assert_eq!(Domain::all().and(ids.clone()), ids);
        assert_eq!(ids.clone().and(Domain::all()), ids);
    }

    #[test]
    fn everything_or_a_condition_is_everything() {
        let ids = Domain::ids_in(&[1]);
        assert_eq!(Domain::all().or(ids.clone()), Domain::all());
        assert_eq!(ids.or(Domain::all()), Domain::all());
    }

    #[test]
    fn a_window_is_closed_at_both_ends_to_the_second() {
        let domain = Domain::changed_within(
            &[],
            time("2024-05-01T10:00:00.9Z"),
            time("2024-05-01T12:00:00Z"),
        );
        assert_eq!(
            domain.to_json(),
            json!([
                "&",
                ["write_date", ">=", "2024-05-01 10:00:00"],
                ["write_date", "<", "2024-05-01 12:00:01"]
            ])
        );
    }

    #[test]
    fn a_related_record_s_change_counts_as_the_record_s() {
        let domain = Domain::changed_within(
            &["product_tmpl_id", "a.b"],
            time("2024-05-01T10:00:00Z"),
            time("2024-05-01T10:00:00Z"),
        )
        .id_after(5_000_000_000);
        let window = |field: &str| {
            vec![
                json!("&"),
                json!([field, ">=", "2024-05-01 10:00:00"]),
                json!([field, "<", "2024-05-01 10:00:01"]),
            ]
        };
        let mut expected = vec![json!("&"), json!("|"), json!("|")];
        expected.extend(window("write_date"));
        expected.extend(window("product_tmpl_id.write_date"));
        expected.extend(window("a.b.write_date"));
        expected.push(json!(["id", ">", 5_000_000_000_i64]));
        assert_eq!(domain.to_json(), Value::Array(expected));
    }

    #[test]
    fn the_end_of_time_does_not_overflow() {
        let domain = Domain::changed_within(&[], Timestamp::MAX, Timestamp::MAX);
        assert_eq!(domain.to_json().as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn ten_thousand_ids_stay_one_leaf() {
        let ids: Vec<i64> = (1..=10_000).collect();
        let domain = Domain::ids_in(&ids).to_json();
        assert_eq!(domain[0][2].as_array().map(Vec::len), Some(10_000));
    }
}
