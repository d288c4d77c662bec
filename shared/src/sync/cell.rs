//! One value of Odoo's, as JSON text, into one cell of the mirror, or the reason why not.
//!
//! Odoo sends `false` for null in every field that is not a boolean. A number keeps its
//! text. A reason never repeats the value.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::mirror::batch::Cell;
use crate::odoo::FieldType;
use crate::odoo::value::parse_datetime;
use crate::specs::Kind;

/// Why a value has no cell.
pub(crate) type Reason = &'static str;

/// Turns a field's JSON text into a cell of the given kind.
pub(crate) fn parse(kind: Kind, json: &str) -> Result<Cell<'_>, Reason> {
    match (kind, json) {
        (_, "null") => Ok(Cell::Null),
        (Kind::Boolean, "true") => Ok(Cell::Boolean(true)),
        (Kind::Boolean, "false") => Ok(Cell::Boolean(false)),
        (Kind::Boolean, _) => Err("a boolean was expected"),
        (_, "false") => Ok(Cell::Null),
        (Kind::Text, _) => text(json).map(Cell::Text),
        (Kind::Id, _) => id(json).map(Cell::Id),
        (Kind::Numeric, _) => number(json).map(Cell::Numeric),
        (Kind::Timestamp, _) => timestamp(json).map(Cell::Timestamp),
    }
}

/// Whether a selection has this value; null counts as "no".
pub(crate) fn equals(json: &str, value: &str) -> Result<Cell<'static>, Reason> {
    match parse(Kind::Text, json)? {
        Cell::Text(text) => Ok(Cell::Boolean(text == value)),
        _ => Ok(Cell::Boolean(false)),
    }
}

/// Whether a field has a value. `false` says that it has none, as in every field.
pub(crate) fn is_set(json: &str) -> Result<Cell<'static>, Reason> {
    match json {
        "null" | "false" => Ok(Cell::Boolean(false)),
        "true" => Err("a value other than a boolean was expected"),
        _ => Ok(Cell::Boolean(true)),
    }
}

/// The ids that a relation holds: one at most, or with `is_many` a list of them.
pub(crate) fn related_ids(json: &str, is_many: bool) -> impl Iterator<Item = i64> + use<> {
    let (one, many) = if is_many {
        (None, serde_json::from_str(json).unwrap_or_default())
    } else {
        match parse(Kind::Id, json) {
            Ok(Cell::Id(id)) => (Some(id), Vec::new()),
            _ => (None, Vec::new()),
        }
    };
    one.into_iter().chain(many)
}

/// A custom field's value as JSON, as the type that `fields_get` tells has it: null where
/// Odoo has none, the bare id of a related record, and a date with time that says that
/// it is in UTC.
pub(crate) fn json(field_type: FieldType, json: &str) -> Result<Cow<'_, str>, Reason> {
    Ok(match (field_type, json) {
        (FieldType::Boolean, _) => json.into(),
        (_, "false" | "null") => "null".into(),
        (FieldType::Integer | FieldType::Float | FieldType::Monetary, _) => number(json)?.into(),
        (FieldType::Many2one, _) => id(json)?.to_string().into(),
        (FieldType::Datetime, _) => format!("\"{}\"", timestamp(json)?).into(),
        _ => json.into(),
    })
}

fn text(json: &str) -> Result<Cow<'_, str>, Reason> {
    if !json.starts_with('"') {
        return Err("text was expected");
    }
    let bare = json.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    // Most texts have no escapes and are taken as they stand.
    let text = match bare.filter(|bare| memchr::memchr2(b'\\', b'"', bare.as_bytes()).is_none()) {
        Some(bare) => bare.into(),
        None => serde_json::from_str::<String>(json)
            .map(Cow::Owned)
            .map_err(|_| "the text is not valid Unicode")?,
    };
    if text.contains('\0') {
        return Err("the text holds a NUL character, which Postgres cannot store");
    }
    Ok(text)
}

/// A bare id, or Odoo's `[id, "name"]` where a server ignores `load`.
fn id(json: &str) -> Result<i64, Reason> {
    const EXPECTED: Reason = "an id was expected";
    let digits = match json.strip_prefix('[') {
        Some(list) => list.split(',').next().unwrap_or_default().trim(),
        None => json,
    };
    if digits.is_empty()
        || !digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return Err(EXPECTED);
    }
    digits
        .parse()
        .map_err(|_| "the id is outside the range of bigint")
}

fn number(json: &str) -> Result<&str, Reason> {
    match json.as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => Ok(json),
        _ if matches!(json, "\"NaN\"" | "\"Infinity\"" | "\"-Infinity\"") => {
            Err("the number is not finite")
        }
        _ => Err("a number was expected"),
    }
}

fn timestamp(json: &str) -> Result<Timestamp, Reason> {
    let text: &str = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("a date and time was expected")?;
    parse_datetime(text).ok_or("the text is not a date and time of Odoo's form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_is_null_in_everything_but_a_boolean() {
        for kind in [Kind::Text, Kind::Id, Kind::Numeric, Kind::Timestamp] {
            assert_eq!(parse(kind, "false"), Ok(Cell::Null), "{kind:?}");
        }
        assert_eq!(parse(Kind::Boolean, "false"), Ok(Cell::Boolean(false)));
    }

    #[test]
    fn a_number_keeps_its_text() {
        for text in ["12.340", "1e+16", "1e-07", "-0.30000000000000004", "0"] {
            assert_eq!(parse(Kind::Numeric, text), Ok(Cell::Numeric(text)));
        }
    }

    #[test]
    fn a_value_of_another_type_has_a_reason_and_no_cell() {
        for (kind, json) in [
            (Kind::Text, "7"),
            (Kind::Text, "[]"),
            (Kind::Text, r#""\ud800""#),
            (Kind::Text, r#""a\u0000b""#),
            (Kind::Id, "7.5"),
            (Kind::Id, "99999999999999999999"),
            (Kind::Id, r#"["x", 7]"#),
            (Kind::Id, "[]"),
            (Kind::Id, "--7"),
            (Kind::Numeric, r#""12""#),
            (Kind::Numeric, r#""NaN""#),
            (Kind::Numeric, "true"),
            (Kind::Boolean, "1"),
            (Kind::Timestamp, "1700000000"),
            (Kind::Timestamp, r#""yesterday""#),
        ] {
            assert!(parse(kind, json).is_err(), "{kind:?} took {json}");
        }
    }

    #[test]
    fn a_many2one_may_come_with_its_name() {
        assert_eq!(parse(Kind::Id, r#"[7, "Chair"]"#), Ok(Cell::Id(7)));
        assert_eq!(parse(Kind::Id, "7"), Ok(Cell::Id(7)));
    }

    #[test]
    fn what_a_list_of_two_means_depends_on_the_relation() {
        let ids = |json, is_many| related_ids(json, is_many).collect::<Vec<i64>>();
        assert_eq!(ids(r#"[7, "Chair"]"#, false), [7]);
        assert_eq!(ids("[7, 8]", true), [7, 8]);
        assert_eq!(ids("[]", true), [0; 0]);
        for is_many in [false, true] {
            assert_eq!(ids("false", is_many), [0; 0]);
        }
    }

    #[test]
    fn a_relation_says_whether_it_is_set() {
        assert_eq!(is_set("7"), Ok(Cell::Boolean(true)));
        assert_eq!(is_set(r#"[7, "SP/0001"]"#), Ok(Cell::Boolean(true)));
        assert_eq!(is_set("false"), Ok(Cell::Boolean(false)));
        assert!(is_set("true").is_err());
    }

    #[test]
    fn a_custom_field_is_json_of_its_type() {
        for (field_type, from, to) in [
            (FieldType::Boolean, "false", "false"),
            (FieldType::Char, "false", "null"),
            (FieldType::Char, r#""A\"""#, r#""A\"""#),
            (FieldType::Monetary, "1e-07", "1e-07"),
            (FieldType::Many2one, r#"[7, "Chair"]"#, "7"),
            (FieldType::Many2many, "[7, 8]", "[7, 8]"),
            (FieldType::Date, r#""2025-06-30""#, r#""2025-06-30""#),
            (
                FieldType::Datetime,
                r#""2025-06-30 12:00:00""#,
                r#""2025-06-30T12:00:00Z""#,
            ),
            (FieldType::Properties, r#"[{"a": 1}]"#, r#"[{"a": 1}]"#),
        ] {
            assert_eq!(
                json(field_type, from).as_deref(),
                Ok(to),
                "{field_type:?} {from}"
            );
        }
        assert!(json(FieldType::Float, r#""NaN""#).is_err());
        assert!(json(FieldType::Datetime, r#""soon""#).is_err());
    }

    #[test]
    fn a_selection_becomes_a_boolean() {
        assert_eq!(equals(r#""product""#, "product"), Ok(Cell::Boolean(true)));
        assert_eq!(equals("false", "product"), Ok(Cell::Boolean(false)));
        assert!(equals("3", "product").is_err());
    }
}
