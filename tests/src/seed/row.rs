//! Rows written into the tables directly.

use super::base::ADMIN;
use crate::store::World;
use crate::store::model::Model;
use crate::value::Value;

/// Names to columns, once for all rows. A field that this version lacks is passed over.
pub(super) struct Columns<'a>(pub(super) &'a Model);

impl Columns<'_> {
    pub(super) fn set(&self, row: &mut [Value], name: &str, value: Value) {
        if let Some(column) = self.0.column(name) {
            row[column] = value;
        }
    }
}

/// Who made and changed the row, and when.
pub(super) fn log(model: &Model, row: &mut [Value], created: i64, written: i64) {
    row[model.create_date] = Value::Time(created);
    row[model.write_date] = Value::Time(written);
    row[model.create_uid] = Value::Ref(ADMIN);
    row[model.write_uid] = Value::Ref(ADMIN);
}

/// When a record was created and changed last.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) created: i64,
    pub(super) written: i64,
}

/// Adds a record with the values that Odoo would derive from these; its id.
pub(super) fn add(
    world: &mut World,
    model: usize,
    times: Times,
    values: Vec<(&str, Value)>,
) -> i64 {
    let mut row = world.default_row(model);
    let definition = &world.models[model];
    let columns = Columns(definition);
    for (name, value) in values {
        columns.set(&mut row, name, value);
    }
    log(definition, &mut row, times.created, times.written);
    let id = world.tables[model].next_id();
    world.tables[model].insert(id, row.into_boxed_slice());
    world.link_all(model, id);
    world.derive(model, id, false);
    id
}

/// Sets a stored field of a record.
pub(super) fn set(world: &mut World, model: usize, id: i64, name: &str, value: Value) {
    let column = world.models[model].column(name);
    if let (Some(column), Some(row)) = (column, world.tables[model].get_mut(id)) {
        row[column] = value;
    }
}
