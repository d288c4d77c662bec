//! Whatever Odoo sends in whatever field of whatever stream: a value, null or a reject, and
//! nobody else's row is touched.

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

use super::cell;
use super::page;
use super::page_oracle::{check, expected_cell, plan_of};
use super::plan::{From, Plan};
use super::record;
use crate::mirror::batch::Batch;
use crate::specs::{Kind, REGISTRY, Stream};

/// Records of a page.
const ROWS: i64 = 4;

fn any_stream() -> impl Strategy<Value = &'static Stream> {
    let streams: Vec<&Stream> = REGISTRY.iter().flat_map(|spec| spec.streams).collect();
    proptest::sample::select(streams)
}

/// JSON text of every type, and of what looks like another one.
fn any_json() -> impl Strategy<Value = String> {
    let number = r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?";
    let text = prop_oneof![
        any::<String>(),
        Just("a\0b".to_owned()),
        Just("NaN".to_owned()),
        Just("-Infinity".to_owned()),
        Just("2024-02-30 00:00:00".to_owned()),
        r"[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?",
    ];
    let leaf = prop_oneof![
        proptest::sample::select(vec!["null", "true", "false", "[]", "{}", r#""\ud800""#])
            .prop_map(str::to_owned),
        number,
        text.prop_map(|text| Value::from(text).to_string()),
        any::<i64>().prop_map(|id| id.to_string()),
        any::<i64>().prop_map(|id| json!([id, "a, \"name\""]).to_string()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let list = proptest::collection::vec(inner, 0..4);
        prop_oneof![
            list.clone()
                .prop_map(|items| format!("[{}]", items.join(", "))),
            list.prop_map(|items| {
                let fields = items.iter().enumerate();
                let fields: Vec<String> =
                    fields.map(|(at, it)| format!(r#""{at}": {it}"#)).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// A value that each field of a plan takes.
fn sound_record(plan: &Plan, id: i64) -> Map<String, Value> {
    let mut fields: Map<String, Value> = plan
        .fields
        .iter()
        .map(|field| (field.clone(), Value::Bool(false)))
        .collect();
    for column in &plan.columns {
        let (slot, value) = match column.from {
            From::Slot(slot, Kind::Text) | From::Equals(slot, _) => {
                (slot, json!(format!("row {id}")))
            }
            From::Slot(slot, Kind::Boolean) => (slot, json!(id % 2 == 0)),
            From::Slot(slot, Kind::Id) | From::IsSet(slot) => (slot, json!(id * 10)),
            From::Slot(slot, Kind::Numeric) => (slot, json!(id)),
            From::Slot(slot, Kind::Timestamp) => (slot, json!(format!("2024-05-0{id} 10:00:00"))),
            From::Missing(_) | From::RelatedTime | From::Extra => continue,
        };
        fields.insert(plan.fields[slot].clone(), value);
    }
    fields.insert("id".to_owned(), json!(id));
    fields
}

/// A page of sound records, in which one field of one record is `json`.
fn page_with(plan: &Plan, row: i64, field: &str, json: &str) -> String {
    let records: Vec<String> = (1..=ROWS)
        .map(|id| {
            let mut record = sound_record(plan, id);
            if id != row {
                return Value::Object(record).to_string();
            }
            record.remove(field);
            let rest = Value::Object(record).to_string();
            let name = Value::from(field);
            format!(
                "{{{name}:{json},{}",
                rest.strip_prefix('{').unwrap_or_default()
            )
        })
        .collect();
    format!("[{}]", records.join(","))
}

/// The rows of an answer and the ids of its rejects.
fn build(plan: &Plan, json: &str) -> (Batch, Vec<i64>) {
    let records = record::parse(json, &plan.fields).expect("a list of records");
    let asked: Vec<i64> = (1..=ROWS).collect();
    let related = vec![Default::default(); plan.relations.len()];
    let mut page = page::Builder::new(plan, &asked, &related);
    page.add(&records);
    let (batch, rejects) = page.finish();
    (batch, rejects.iter().map(|reject| reject.odoo_id).collect())
}

proptest! {
    #[test]
    fn a_value_has_the_cell_that_the_contract_says_or_none(json in any_json()) {
        for kind in [Kind::Text, Kind::Boolean, Kind::Id, Kind::Numeric, Kind::Timestamp] {
            prop_assert_eq!(cell::parse(kind, &json).ok(), expected_cell(kind, &json), "{:?}", kind);
        }
    }

    #[test]
    fn any_json_in_any_field_is_a_value_null_or_a_reject_of_its_own_row(
        stream in any_stream(), field: Index, row in 1..=ROWS, json in any_json(),
    ) {
        let plan = plan_of(stream);
        let page = page_with(&plan, row, field.get::<String>(&plan.fields), &json);
        check(&plan, &page);
    }

    #[test]
    fn what_is_wrong_with_one_record_leaves_the_others_as_they_are(
        stream in any_stream(), field: Index, row in 1..=ROWS, json in any_json(),
    ) {
        let plan = plan_of(stream);
        let field = field.get::<String>(&plan.fields);
        let (sound, none) = build(&plan, &page_with(&plan, 0, field, "null"));
        prop_assert_eq!(none, Vec::<i64>::new());
        let (batch, rejects) = build(&plan, &page_with(&plan, row, field, &json));
        let others = |batch: &Batch| -> Vec<Vec<_>> {
            let rows = (0..batch.len()).filter(|at| batch.ids[*at] != row);
            rows.map(|at| batch.slice(at, at + 1).columns).collect()
        };
        prop_assert_eq!(others(&batch), others(&sound));
        if !rejects.is_empty() {
            prop_assert_eq!(&rejects, &[row]);
        }
        prop_assert_eq!(batch.len() + rejects.len(), sound.len());
    }

    #[test]
    fn whole_records_of_any_json_are_rows_or_rejects(
        stream in any_stream(),
        values in proptest::collection::vec(proptest::collection::vec(any_json(), 1..8), 1..5),
    ) {
        let plan = plan_of(stream);
        let records: Vec<String> = values
            .iter()
            .zip(1..)
            .map(|(values, id)| {
                // One value for several fields: most kinds refuse most values.
                let fields = plan.fields.iter().zip(values.iter().cycle());
                let fields: Vec<String> =
                    fields.map(|(name, json)| format!(r#""{name}":{json}"#)).collect();
                format!(r#"{{"id":{id},{}}}"#, fields.join(","))
            })
            .collect();
        check(&plan, &format!("[{}]", records.join(" , ")));
    }
}
