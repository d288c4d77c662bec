//! Values that Odoo itself would refuse or compute otherwise, put in as an SQL statement or a
//! faulty module would: what a program that reads them must bear.

use serde_json::Value as Json;

use super::SimHandle;
use super::records::values;
use crate::store::World;
use crate::store::model::Access;
use crate::value::Value;

impl SimHandle {
    /// Sets one stored field behind Odoo's back, as SQL would: no rounding, no `write_date`, no
    /// effect on anything else. `null` stores null, also in `write_date`.
    pub fn set_raw(&self, model: &str, id: i64, field: &str, value: Json) {
        let mut world = self.state.write_world();
        let index = world.index(model);
        let definition = world.models[index].field(field).copied();
        let Some((Access::Column(column), kind)) =
            definition.map(|field| (field.access, field.kind()))
        else {
            panic!("{model}.{field} is no stored field");
        };
        let value = match value {
            Json::Null => Value::Null,
            value => Value::from_json(kind, &value)
                .unwrap_or_else(|error| panic!("{model}.{field}: {error}")),
        };
        match world.tables[index].get_mut(id) {
            Some(row) => row[column] = value,
            None => panic!("no {model} {id}"),
        }
    }

    /// Changes stored fields of one record past every check and computation, and moves its
    /// `write_date` so that a reader notices. `null` stores null. A field of an inherited record
    /// (a product's `name`) is changed there, and moves both.
    ///
    /// So a product can lose its name, an order's total can differ from its sum, a line can lose
    /// its order, a state can be none of the selection.
    pub fn force(&self, model: &str, id: i64, changes: Json) {
        let now = self.state.clock.now_micros();
        let mut world = self.state.write_world();
        let index = world.index(model);
        force(&mut world, index, id, changes, now);
    }

    /// Creates a record of these stored fields alone, past every check and computation; its id.
    /// What is not named has its default.
    pub fn force_create(&self, model: &str, record: Json) -> i64 {
        let now = self.state.clock.now_micros();
        let mut world = self.state.write_world();
        let index = world.index(model);
        let mut row = world.default_row(index);
        row[world.models[index].create_date] = Value::Time(now);
        let id = world.tables[index].next_id();
        world.tables[index].insert(id, row.into_boxed_slice());
        force(&mut world, index, id, record, now);
        id
    }
}

fn force(world: &mut World, model: usize, id: i64, changes: Json, now: i64) {
    let name = world.models[model].name();
    assert!(world.tables[model].get(id).is_some(), "no {name} {id}");
    let mut own = vec![(world.models[model].write_date, Value::Time(now))];
    for (field, json) in values(changes) {
        let found = world.models[model].field(&field).copied();
        let Some(found) = found else {
            panic!("{name} has no field {field}");
        };
        match found.access {
            Access::Column(column) => {
                let value = match &json {
                    Json::Null => Value::Null,
                    json => Value::from_json(found.kind(), json)
                        .unwrap_or_else(|error| panic!("{name}.{field}: {error}")),
                };
                own.push((column, value));
            }
            Access::Through {
                via, model: parent, ..
            } => {
                let target = world.tables[model]
                    .get(id)
                    .and_then(|row| row[via].as_ref_id());
                let Some(target) = target else {
                    panic!("{name} {id} has no record that holds its {field}");
                };
                let changes = Json::from_iter([(field, json)]);
                force(world, parent, target, changes, now);
            }
            _ => panic!("{name}.{field} is no stored field"),
        }
    }
    world.unlink_from_parents(model, id, &own);
    if let Some(row) = world.tables[model].get_mut(id) {
        for (column, value) in own {
            row[column] = value;
        }
    }
    world.link_all(model, id);
}
