//! Takes Odoo's answer apart into records, without building a tree of values: a record
//! borrows its fields' JSON text from the answer.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};

/// One record of an answer.
#[derive(Debug)]
pub(crate) struct Record<'a> {
    pub(crate) id: i64,
    /// The whole record, for a finding.
    pub(crate) json: &'a str,
    /// JSON text of each field asked for, in that order; `None` where it is absent.
    pub(crate) fields: Vec<Option<&'a str>>,
}

/// Reads the records of an answer to a `read` of `fields`.
///
/// # Errors
/// [`ErrorKind::OdooFault`] where the answer is no list of records with an id each.
pub(crate) fn parse<'a>(json: &'a str, fields: &[String]) -> Result<Vec<Record<'a>>> {
    let records: Vec<&'a RawValue> = serde_json::from_str(json).map_err(|_| unreadable())?;
    records
        .into_iter()
        .map(|record| parse_one(record.get(), fields))
        .collect()
}

fn parse_one<'a>(json: &'a str, fields: &[String]) -> Result<Record<'a>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let (id, values) = FieldsSeed { fields }
        .deserialize(&mut deserializer)
        .map_err(|_| unreadable())?;
    let id = id
        .and_then(|text| text.parse().ok())
        .ok_or_else(unreadable)?;
    Ok(Record {
        id,
        json,
        fields: values,
    })
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::OdooFault,
        "Odoo answered a read with something that is not a list of records",
    )
}

struct FieldsSeed<'f> {
    fields: &'f [String],
}

type IdAndFields<'a> = (Option<&'a str>, Vec<Option<&'a str>>);

impl<'a> DeserializeSeed<'a> for FieldsSeed<'_> {
    type Value = IdAndFields<'a>;

    fn deserialize<D: serde::Deserializer<'a>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for FieldsSeed<'_> {
    type Value = IdAndFields<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut id = None;
        let mut values = vec![None; self.fields.len()];
        while let Some(Key(key)) = map.next_key()? {
            let value: &'a RawValue = map.next_value()?;
            if key == "id" {
                id = Some(value.get());
            } else if let Some(slot) = self.fields.iter().position(|name| *name == key) {
                values[slot] = Some(value.get());
            }
        }
        Ok((id, values))
    }
}

/// A field's name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_record_s_fields_come_in_the_order_asked_for() {
        let json = r#"[{"n\u0061me": "A\"", "id": 7, "price": 1e+16, "other": [1]}]"#;
        let records = parse(json, &fields(&["price", "name", "absent"])).expect("readable");
        assert_eq!(records[0].id, 7);
        assert_eq!(records[0].fields, [Some("1e+16"), Some(r#""A\"""#), None]);
        assert!(records[0].json.starts_with('{'));
    }

    #[test]
    fn an_answer_that_is_no_list_of_records_is_a_fault() {
        for json in [
            "",
            "{}",
            "[1]",
            "[[]]",
            r#"[{"name": "A"}]"#,
            r#"[{"id": "7"}]"#,
        ] {
            let error = parse(json, &fields(&["name"])).expect_err("unreadable");
            assert_eq!(error.kind(), ErrorKind::OdooFault, "{json}");
        }
    }
}
