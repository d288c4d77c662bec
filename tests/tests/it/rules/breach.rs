//! For each rule of the registry a change in Odoo that breaks it, and what takes it back.

use odoo_sim::OdooSim;
use serde_json::{Map, Value, json};
use shared::specs::{Check, DataType, REGISTRY, Rule, Source, Stream};

type Record = Map<String, Value>;

/// One way to break one rule and only that one.
pub(super) struct Breach {
    pub(super) spec: &'static DataType,
    pub(super) stream: &'static Stream,
    pub(super) rule: String,
    pub(super) id: i64,
    /// The values that break it.
    pub(super) broken: Value,
    /// The values before.
    pub(super) right: Value,
}

/// A breach of each rule that is about a row alone and about fields that are stored as
/// they are. The others have tests of their own.
pub(super) fn breaches(sim: &OdooSim) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for spec in REGISTRY {
        for stream in spec.streams {
            let records = sim.records(stream.model);
            for rule in stream.rules {
                let Some((id, broken)) = breach(stream, rule, &records) else {
                    continue;
                };
                let record = sim.record(stream.model, id);
                let fields = broken.as_object().expect("fields").keys();
                breaches.push(Breach {
                    spec,
                    stream,
                    rule: rule.name(),
                    id,
                    right: fields
                        .map(|field| (field.clone(), record[field].clone()))
                        .collect(),
                    broken,
                });
            }
        }
    }
    breaches
}

fn breach(stream: &Stream, rule: &Rule, records: &[Record]) -> Option<(i64, Value)> {
    let is_about = |record: &&Record| match &rule.only_where {
        Some(only) => text(&record[field(stream, only.column, record)]) == only.value,
        None => true,
    };
    let record = records.iter().find(is_about).expect("a row to break");
    let named = |column: &str| field(stream, column, record);
    let broken = match rule.check {
        Check::Required(column) => json!({named(column): null}),
        Check::NotBlank(column) => json!({named(column): " \t"}),
        Check::OneOf(column, _) => json!({named(column): "lost"}),
        Check::SumsUpTo { total, .. } => {
            let field = named(total);
            let sum = record[field].as_f64().expect("a number");
            json!({field: sum + 0.02})
        }
        // What was done is computed on Odoo 14.
        Check::NonNegative("done_quantity") => return None,
        Check::NonNegative(column) => json!({named(column): -0.01}),
        Check::Unique { .. } | Check::RefersTo { .. } => return None,
    };
    Some((record["id"].as_i64().expect("an id"), broken))
}

/// The record's field that a column is read from.
fn field(stream: &Stream, column: &str, record: &Record) -> &'static str {
    let column = stream.columns.iter().find(|it| it.name == column);
    let sources = column.expect("a column of the stream").sources;
    let names = sources.iter().copied().map(Source::field);
    let mut there = names.filter(|name| record.contains_key(*name));
    there.next().expect("a field of this version")
}

fn text(value: &Value) -> String {
    value.as_str().map_or(value.to_string(), str::to_owned)
}
