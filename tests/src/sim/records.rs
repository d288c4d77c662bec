//! Changing and reading the simulated records as the administrator.
//!
//! These panic where Odoo would raise: a test that asks for what cannot be is a wrong test.

use serde_json::{Map, Value as Json, json};

use super::{SimHandle, Transaction};
use crate::error::OdooError;
use crate::store::is_many;
use crate::time;
use crate::value::Value;

impl SimHandle {
    /// Creates a record as a user would through Odoo, in a transaction of its own. `values` is a
    /// JSON object of Odoo's field names.
    pub fn create(&self, model: &str, values: Json) -> i64 {
        let mut tx = self.begin();
        let id = tx.create(model, values);
        tx.commit();
        id
    }

    /// Changes records as a user would through Odoo; moves each `write_date` that this version
    /// moves.
    pub fn write(&self, model: &str, ids: &[i64], values: Json) {
        let mut tx = self.begin();
        tx.write(model, ids, values);
        tx.commit();
    }

    /// Deletes records, and what goes with them (a template with its last variant).
    pub fn unlink(&self, model: &str, ids: &[i64]) {
        let mut tx = self.begin();
        tx.unlink(model, ids);
        tx.commit();
    }

    /// Begins a transaction: what it does gets the present time as its change time, and is seen
    /// only once it is committed.
    pub fn begin(&self) -> Transaction<'_> {
        Transaction::begin(self)
    }

    /// Creates `count` records by one call, so that all share one `write_date` to the microsecond.
    /// They are named `Tie 1`, `Tie 2` and so on.
    pub fn tie(&self, model: &str, count: usize) -> Vec<i64> {
        let mut tx = self.begin();
        let ids = (1..=count)
            .map(|number| tx.create(model, json!({"name": format!("Tie {number}")})))
            .collect();
        tx.commit();
        ids
    }

    /// All ids of the model, hidden and archived ones included, in order.
    pub fn ids(&self, model: &str) -> Vec<i64> {
        let world = self.state.read_world();
        world.tables[world.index(model)].ids()
    }

    /// How many records the model has, hidden and archived ones included.
    pub fn count(&self, model: &str) -> usize {
        let world = self.state.read_world();
        world.tables[world.index(model)].len()
    }

    /// The truth to compare a mirror with: every record, hidden and archived ones included, with
    /// all its fields, in id order. Many2ones are bare ids, a null is `false` (a number's is 0),
    /// dates with time are Odoo's text, names are in the source language, company-dependent
    /// values are those of company 1. Patches are not in it.
    pub fn records(&self, model: &str) -> Vec<Map<String, Json>> {
        self.ids(model)
            .into_iter()
            .map(|id| self.record(model, id))
            .collect()
    }

    /// One record of [`SimHandle::records`]; panics where it does not exist.
    pub fn record(&self, model: &str, id: i64) -> Map<String, Json> {
        self.record_as(model, id, &self.state.admin_env(0))
            .unwrap_or_else(|| panic!("no {model} {id}"))
    }

    /// The record as read with a `lang`, or with another company's values.
    pub fn record_in(
        &self,
        model: &str,
        id: i64,
        lang: Option<&str>,
        company: i64,
    ) -> Map<String, Json> {
        let mut env = self.state.admin_env(0);
        env.lang = lang.map(str::to_owned);
        env.companies = vec![company];
        self.record_as(model, id, &env)
            .unwrap_or_else(|| panic!("no {model} {id}"))
    }

    /// The change time to the microsecond, as Postgres has it; none is null.
    pub fn write_date(&self, model: &str, id: i64) -> Option<jiff::Timestamp> {
        let world = self.state.read_world();
        let definition = &world.models[world.index(model)];
        let row = world.tables[definition.index].get(id)?;
        let micros = row[definition.write_date].as_time()?;
        jiff::Timestamp::from_microsecond(micros).ok()
    }

    /// Odoo's text for a time: UTC, whole seconds.
    pub fn odoo_time(at: jiff::Timestamp) -> String {
        time::datetime_text(at.as_microsecond())
    }

    fn record_as(
        &self,
        model: &str,
        id: i64,
        env: &crate::store::Env,
    ) -> Option<Map<String, Json>> {
        let world = self.state.read_world();
        let definition = &world.models[world.index(model)];
        let row = world.tables[definition.index].get(id)?;
        let mut record = Map::new();
        for field in definition.fields.iter().filter(|field| !field.hidden) {
            let value = world.value(definition, field, id, row, env);
            let json = match (&*value, field.kind()) {
                (Value::Ids(ids), kind) if is_many(kind) => {
                    json!(world.shown_ids(field, ids, env))
                }
                (value, kind) => value.to_json(kind),
            };
            record.insert(field.def.name.to_owned(), json);
        }
        Some(record)
    }
}

/// A JSON object of values; panics on anything else.
pub(super) fn values(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(values) => values,
        other => panic!("values are a JSON object, not {other}"),
    }
}

/// Panics with what Odoo would have raised.
pub(super) fn must<T>(result: Result<T, OdooError>) -> T {
    result.unwrap_or_else(|error| panic!("{}: {}", error.name, error.message))
}
