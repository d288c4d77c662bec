//! Records changed through the one2many they are in: commands such as `[0, 0, values]`, and a
//! move's done quantity, which is that of its lines.

use serde_json::{Value as Json, json};

use super::write::Values;
use super::{Env, World};
use crate::error::OdooError;
use crate::schema::{Compute, Derived, Source};

/// Commands for the records of one one2many.
pub(super) struct Commands {
    pub(super) target: usize,
    /// The many2one over there.
    pub(super) inverse: &'static str,
    pub(super) commands: Vec<Json>,
}

impl World {
    /// Carries out `[0, _, values]`, `[1, id, values]` and `[2, id]`; other commands link what is
    /// linked by its many2one here.
    pub(super) fn apply_commands(
        &mut self,
        id: i64,
        all: &[Commands],
        env: &Env,
    ) -> Result<(), OdooError> {
        for Commands {
            target,
            inverse,
            commands,
        } in all
        {
            for command in commands {
                let record = command[1].as_i64().unwrap_or_default();
                let values = command[2].as_object();
                match (command[0].as_i64(), values) {
                    (Some(0), Some(values)) => {
                        let mut values = values.clone();
                        values.insert((*inverse).to_owned(), json!(id));
                        self.create(*target, None, &values, env)?;
                    }
                    (Some(1), Some(values)) => self.write(*target, &[record], values, env)?,
                    (Some(2), _) => self.unlink(*target, &[record], env)?,
                    _ => {
                        return Err(OdooError::value(format!("Unknown command {command}")));
                    }
                }
            }
        }
        Ok(())
    }

    /// The one2many, the field of its records and the field here that is their sum in this
    /// record's unit, if the model has such a thing.
    pub(super) fn summed_lines(
        &self,
        model: usize,
    ) -> Option<(&'static str, &'static str, &'static str)> {
        let definition = &self.models[model];
        let stored = definition
            .def
            .derived
            .iter()
            .find_map(|derived| match derived {
                Derived::SumInUnit { lines, field, into } => {
                    definition.column(into)?;
                    Some((*lines, *field, *into))
                }
                _ => None,
            });
        stored.or_else(|| {
            definition
                .fields
                .iter()
                .find_map(|field| match field.def.source {
                    Source::Computed(Compute::SumInUnit(lines, of)) => {
                        Some((lines, of, field.def.name))
                    }
                    _ => None,
                })
        })
    }

    /// The inverse of the done quantity (`_quantity_done_set`, `_set_quantity`): the only line gets
    /// it, a move without lines gets one. Of several lines the last makes up the difference.
    pub(super) fn set_lines_quantity(
        &mut self,
        model: usize,
        id: i64,
        quantity: f64,
        env: &Env,
    ) -> Result<(), OdooError> {
        let Some((lines, field, _)) = self.summed_lines(model) else {
            return Ok(());
        };
        let Some((target, ids)) = self.many(model, id, lines) else {
            return Ok(());
        };
        let Some(&last) = ids.last() else {
            let values = self.line_of(model, id, field, quantity);
            return self.create(target, None, &values, env).map(|_| ());
        };
        let definition = &self.models[model];
        let sum = self.tables[model]
            .get(id)
            .map_or(0.0, |row| self.sum_in_unit(definition, row, lines, field));
        let column = self.models[target].column(field);
        let own = match column.and_then(|column| Some(&self.tables[target].get(last)?[column])) {
            Some(crate::value::Value::Float(own)) => *own,
            _ => 0.0,
        };
        let values = Values::from_iter([(field.to_owned(), json!(own + quantity - sum))]);
        self.write(target, &[last], &values, env)
    }

    fn line_of(&self, model: usize, id: i64, field: &str, quantity: f64) -> Values {
        let definition = &self.models[model];
        let row = self.tables[model].get(id);
        let of = |name: &str| {
            let id = definition
                .column(name)
                .and_then(|column| row?[column].as_ref_id());
            id.map_or(Json::Bool(false), Json::from)
        };
        let mut values = Values::new();
        for (name, from) in [
            ("picking_id", "picking_id"),
            ("company_id", "company_id"),
            ("product_id", "product_id"),
            ("product_uom_id", "product_uom"),
            ("location_id", "location_id"),
            ("location_dest_id", "location_dest_id"),
        ] {
            values.insert(name.to_owned(), of(from));
        }
        values.insert("move_id".to_owned(), json!(id));
        values.insert(field.to_owned(), json!(quantity));
        values
    }
}
