//! What a page of records should come to, found by other means than the program's own: a
//! tree of values made by `serde_json` and the contract's rules said once more, slowly. The
//! property tests and the fuzz targets hold `record`, `cell` and `page` to it.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::page;
use super::plan::{From, Plan};
use super::record::{self, Record};
use super::related::RelatedTimes;
use crate::mirror::batch::{Cell, Values};
use crate::odoo::FieldType;
use crate::odoo::value::parse_datetime;
use crate::specs::{Kind, Source, Stream};

/// Custom fields that every plan here reads, one of each way in which `extra` keeps a value.
const EXTRA: [(&str, FieldType); 6] = [
    ("x_boolean", FieldType::Boolean),
    ("x_text", FieldType::Char),
    ("x_number", FieldType::Float),
    ("x_record", FieldType::Many2one),
    ("x_time", FieldType::Datetime),
    ("x_json", FieldType::Json),
];

/// One record: the JSON text of each of its fields, the last of two of one name.
type Fields = BTreeMap<String, Box<RawValue>>;

/// What a column of a row should hold.
enum Expected<'a> {
    Cell(Cell<'a>),
    /// The JSON text of each custom field.
    Extra(BTreeMap<String, String>),
}

/// How a stream is read from a server that has the first name of every column and some
/// custom fields.
pub(crate) fn plan_of(stream: &'static Stream) -> Plan {
    let mut server: BTreeMap<String, FieldType> = stream
        .columns
        .iter()
        .filter_map(|column| column.sources.first())
        .map(|source| (source.field().to_owned(), type_of(source)))
        .chain(["create_date", "write_date"].map(|name| (name.to_owned(), FieldType::Datetime)))
        .chain(EXTRA.map(|(name, field_type)| (name.to_owned(), field_type)))
        .collect();
    for related in stream.related {
        let is_many = related.field.ends_with("_ids");
        let field_type = if is_many {
            FieldType::One2many
        } else {
            FieldType::Many2one
        };
        server.insert(related.field.to_owned(), field_type);
        server.extend(
            related
                .where_field
                .map(|name| (name.to_owned(), FieldType::Float)),
        );
    }
    let extra = EXTRA.map(|(name, _)| name.to_owned());
    Plan::new(stream, &extra, &server).expect("a server with every field that is asked for")
}

/// Only the types of relations matter to a plan.
fn type_of(source: &Source) -> FieldType {
    match source {
        Source::IsSet(_) => FieldType::Many2one,
        Source::Field(_) | Source::Equals(..) => FieldType::Char,
    }
}

/// Reads an answer as a run would, and panics where rows and rejects are not what they
/// should be.
pub(crate) fn check(plan: &Plan, json: &str) {
    let Ok(records) = record::parse(json, &plan.fields) else {
        assert!(expected_records(json).is_none(), "records were not read");
        return;
    };
    let Some(expected) = expected_records(json) else {
        // Such as a record whose key holds half a character: read, or refused, either is right.
        return;
    };
    assert_eq!(
        records.len(),
        expected.len(),
        "records were lost or made up"
    );
    let asked: Vec<i64> = records.iter().map(|record| record.id).collect();
    let related = related_times(plan, &records);
    let mut page = page::Builder::new(plan, &asked, &related);
    page.add(&records);
    let (batch, rejects) = page.finish();

    let (mut rows, mut refused) = (batch.ids.iter().enumerate(), rejects.iter());
    let mut seen = HashSet::new();
    for (record, fields) in records.iter().zip(&expected) {
        assert_eq!(
            integer(&fields["id"]),
            Some(record.id),
            "another record's id"
        );
        if !seen.insert(record.id) {
            continue;
        }
        match expected_row(plan, fields) {
            Ok(row) => {
                let (at, id) = rows.next().expect("a row that was expected");
                assert_eq!(*id, record.id, "another record's row");
                assert_row(plan, &batch.columns, at, &row);
            }
            Err(column) => {
                let reject = refused.next().expect("a reject that was expected");
                assert_eq!(reject.odoo_id, record.id, "another record's reject");
                let place = format!("column {column}: ");
                assert!(
                    reject.reason.starts_with(&place),
                    "{}: {place}",
                    reject.reason
                );
                assert_eq!(reject.payload, record.json, "another record's payload");
            }
        }
    }
    assert!(
        rows.next().is_none() && refused.next().is_none(),
        "rows were made up"
    );
}

fn assert_row(plan: &Plan, columns: &[Values], at: usize, expected: &[Expected<'_>]) {
    for ((planned, values), expected) in plan.columns.iter().zip(columns).zip(expected) {
        let found = cell_at(values, at);
        match (expected, &found) {
            (Expected::Cell(cell), _) => assert_eq!(found, *cell, "column {}", planned.name),
            (Expected::Extra(fields), Cell::Json(json)) => assert_eq!(texts(json), *fields),
            (Expected::Extra(_), _) => panic!("extra holds no JSON"),
        }
    }
}

/// The JSON text of each of an object's fields.
fn texts(json: &str) -> BTreeMap<String, String> {
    let fields: Fields = serde_json::from_str(json).expect("an object");
    let text = |(name, json): (String, Box<RawValue>)| (name, json.get().to_owned());
    fields.into_iter().map(text).collect()
}

/// The records as `serde_json` reads them; `None` where they are none, or one has no id.
fn expected_records(json: &str) -> Option<Vec<Fields>> {
    let records: Vec<Fields> = serde_json::from_str(json).ok()?;
    let have_ids = records
        .iter()
        .all(|fields| fields.get("id").and_then(|id| integer(id)).is_some());
    have_ids.then_some(records)
}

/// A record's cells, or the first column that has none.
fn expected_row<'a>(plan: &Plan, fields: &'a Fields) -> Result<Vec<Expected<'a>>, &'static str> {
    let text = |slot: usize| fields.get(&plan.fields[slot]).map(|json| json.get());
    plan.columns
        .iter()
        .map(|column| {
            let cell = match &column.from {
                From::Slot(slot, kind) => text(*slot).and_then(|json| expected_cell(*kind, json)),
                From::Equals(slot, value) => text(*slot).and_then(|json| equals(json, value)),
                From::IsSet(slot) => text(*slot).and_then(is_set),
                From::Missing(_) => Some(Cell::Null),
                From::RelatedTime => Some(newest(plan, fields)),
                From::Extra => {
                    let extra = expected_extra(plan, fields).map(Expected::Extra);
                    return extra.ok_or(column.name);
                }
            };
            cell.map(Expected::Cell).ok_or(column.name)
        })
        .collect()
}

/// The contract's rules for one value: `None` is a reject.
pub(crate) fn expected_cell(kind: Kind, json: &str) -> Option<Cell<'_>> {
    if json == "null" || (json == "false" && kind != Kind::Boolean) {
        return Some(Cell::Null);
    }
    match kind {
        Kind::Boolean => serde_json::from_str(json).ok().map(Cell::Boolean),
        Kind::Text => {
            let text: String = serde_json::from_str(json).ok()?;
            (!text.contains('\0')).then_some(Cell::Text(text.into()))
        }
        Kind::Id => expected_id(json).map(Cell::Id),
        Kind::Numeric => {
            let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
            is_number.then_some(Cell::Numeric(json))
        }
        Kind::Timestamp => {
            let text = json.strip_prefix('"')?.strip_suffix('"')?;
            parse_datetime(text).map(Cell::Timestamp)
        }
    }
}

/// An id, bare or with its record's name behind it.
fn expected_id(json: &str) -> Option<i64> {
    match serde_json::from_str::<Vec<Box<RawValue>>>(json) {
        Ok(list) if list.len() > 1 => integer(&list[0]),
        Ok(_) => None,
        Err(_) => json.parse().ok(),
    }
}

fn integer(json: &RawValue) -> Option<i64> {
    json.get().parse().ok()
}

fn equals(json: &str, value: &str) -> Option<Cell<'static>> {
    let cell = expected_cell(Kind::Text, json)?;
    Some(Cell::Boolean(cell == Cell::Text(value.into())))
}

fn is_set(json: &str) -> Option<Cell<'static>> {
    (json != "true").then(|| Cell::Boolean(json != "null" && json != "false"))
}

/// The custom fields, each as its type has it.
fn expected_extra(plan: &Plan, fields: &Fields) -> Option<BTreeMap<String, String>> {
    let one = |name: &String, field_type| {
        let json = fields.get(name)?.get();
        let is_none = json == "null" || (json == "false" && field_type != FieldType::Boolean);
        if is_none {
            return Some("null".to_owned());
        }
        Some(match field_type {
            FieldType::Float => expected_cell(Kind::Numeric, json).map(|_| json.to_owned())?,
            FieldType::Many2one => expected_id(json)?.to_string(),
            FieldType::Datetime => match expected_cell(Kind::Timestamp, json)? {
                Cell::Timestamp(time) => format!("\"{time}\""),
                _ => return None,
            },
            _ => json.to_owned(),
        })
    };
    plan.extra
        .iter()
        .map(|extra| Some((extra.name.clone(), one(&extra.name, extra.field_type)?)))
        .collect()
}

/// A change time for every related record: its id, counted in seconds.
fn related_times(plan: &Plan, records: &[Record<'_>]) -> RelatedTimes {
    let time_of = |id: i64| Some((id, time_of(id)?));
    plan.relations
        .iter()
        .map(|relation| {
            let ids = records.iter().flat_map(|record| relation.ids(record));
            ids.filter_map(time_of).collect()
        })
        .collect()
}

fn time_of(id: i64) -> Option<Timestamp> {
    Timestamp::from_second(id).ok()
}

fn newest(plan: &Plan, fields: &Fields) -> Cell<'static> {
    plan.relations
        .iter()
        .filter_map(|relation| {
            let json = fields.get(relation.field)?.get();
            if relation.is_many {
                let ids: Vec<i64> = serde_json::from_str(json).unwrap_or_default();
                return ids.into_iter().filter_map(time_of).max();
            }
            time_of(expected_id(json)?)
        })
        .max()
        .map_or(Cell::Null, Cell::Timestamp)
}

fn cell_at(values: &Values, at: usize) -> Cell<'_> {
    let cell = match values {
        Values::Text(values) => values.get(at).map(|text| Cell::Text(text.into())),
        Values::Boolean(values) => values[at].map(Cell::Boolean),
        Values::Id(values) => values[at].map(Cell::Id),
        Values::Numeric(values) => values.get(at).map(Cell::Numeric),
        Values::Timestamp(values) => values[at].map(Cell::Timestamp),
        Values::Json(values) => values.get(at).map(|json| Cell::Json(json.into())),
    };
    cell.unwrap_or(Cell::Null)
}
