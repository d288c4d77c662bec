//! `create`: defaults, required values, and the records that come along with a new one.

use serde_json::Value as Json;

use super::model::Access;
use super::write::{Sorted, Values};
use super::{Env, World};
use crate::error::OdooError;
use crate::schema::{Brings, Default, Kind};
use crate::time::whole_second;
use crate::value::Value;

impl World {
    /// Creates a record and all that Odoo creates with it; the id is the given one or the next.
    pub(crate) fn create(
        &mut self,
        model: usize,
        id: Option<i64>,
        values: &Values,
        env: &Env,
    ) -> Result<i64, OdooError> {
        let mut brought = values.clone();
        if let Some(Brings::LocationsAndTypes) = self.models[model].def.brings {
            self.bring_locations(&mut brought, env)?;
        }
        let id = self.create_alone(model, id, &brought, env)?;
        if let Some(Brings::LocationsAndTypes) = self.models[model].def.brings {
            self.bring_types(model, id, &brought, env)?;
        }
        if let Some((one2many, target)) = self.variants_of(model) {
            let inverse = self.models[model].fields[one2many]
                .def
                .inverse
                .unwrap_or_default();
            let variant = Values::from_iter([(inverse.to_owned(), Json::from(id))]);
            self.create_alone(target, None, &variant, env)?;
            let sorted = self.sort(model, values)?;
            self.write_only(model, id, &sorted, env)?;
        }
        Ok(id)
    }

    fn create_alone(
        &mut self,
        model: usize,
        id: Option<i64>,
        values: &Values,
        env: &Env,
    ) -> Result<i64, OdooError> {
        let mut sorted = self.sort(model, values)?;
        self.create_inherited(model, &mut sorted, env)?;
        let mut row = self.default_row(model);
        let id = id.unwrap_or_else(|| self.tables[model].next_id());
        self.set_moving_defaults(model, id, &mut row, env);
        let definition = &self.models[model];
        for column in [definition.create_date, definition.write_date] {
            row[column] = Value::Time(env.now);
        }
        for column in [definition.create_uid, definition.write_uid] {
            row[column] = Value::Ref(env.uid);
        }
        self.tables[model].insert(id, row.into_boxed_slice());
        self.set_columns(
            model,
            id,
            &sorted.own,
            &Env {
                lang: None,
                ..env.clone()
            },
        );
        if let Err(error) = self.check_required(model, id) {
            self.tables[model].remove(id);
            return Err(error);
        }
        self.link_all(model, id);
        self.rename_branches(model, &[id], env);
        self.settle(model, id, env);
        for (target, parent) in self.lifted(model, id) {
            self.stamp_for_line(target, parent, env);
        }
        self.change_lines(model, id, &sorted, env)?;
        Ok(id)
    }

    /// `_inherits`: a record without a parent gets one of its own.
    fn create_inherited(
        &mut self,
        model: usize,
        sorted: &mut Sorted,
        env: &Env,
    ) -> Result<(), OdooError> {
        let Some((parent, via)) = self.models[model].def.inherits else {
            return Ok(());
        };
        let (Some(via), parent) = (self.models[model].column(via), self.index(parent)) else {
            return Ok(());
        };
        if sorted
            .own
            .iter()
            .any(|(column, value)| *column == via && !value.is_null())
        {
            return Ok(());
        }
        let values = sorted
            .parents
            .iter()
            .find(|(column, ..)| *column == via)
            .map(|(_, _, values)| values.clone())
            .unwrap_or_default();
        let id = self.create_alone(parent, None, &values, env)?;
        sorted.own.push((via, Value::Ref(id)));
        Ok(())
    }

    pub(crate) fn default_row(&self, model: usize) -> Vec<Value> {
        let definition = &self.models[model];
        let mut row = vec![Value::Null; definition.columns];
        for field in &definition.fields {
            let Access::Column(column) = field.access else {
                continue;
            };
            row[column] = match (field.def.default, field.kind()) {
                (Default::True, _) => Value::Bool(true),
                (Default::Float(value), _) => Value::Float(value),
                (Default::Text(text), _) => Value::text(text),
                (Default::Ref(id), _) => Value::Ref(id),
                // Set when the record is created.
                (Default::Now | Default::Numbered(_), _) => Value::Null,
                (Default::None, Kind::Boolean) => Value::Bool(false),
                (Default::None, _) => Value::Null,
            };
        }
        row
    }

    /// The defaults that differ from record to record.
    fn set_moving_defaults(&self, model: usize, id: i64, row: &mut [Value], env: &Env) {
        for field in &self.models[model].fields {
            let Access::Column(column) = field.access else {
                continue;
            };
            match field.def.default {
                Default::Now => row[column] = Value::Time(whole_second(env.now)),
                Default::Numbered(prefix) => {
                    row[column] = Value::text(format!("{prefix}{id:05}"));
                }
                _ => {}
            }
        }
    }

    fn check_required(&self, model: usize, id: i64) -> Result<(), OdooError> {
        let Some(row) = self.tables[model].get(id) else {
            return Ok(());
        };
        for field in &self.models[model].fields {
            if let (Access::Column(column), true) = (field.access, field.def.required)
                && row[column].is_null()
            {
                return Err(OdooError::validation(format!(
                    "The operation cannot be completed:\n- Create/update: a mandatory field is \
                         not set.\n\nModel: {} ({}), Field: {} ({})",
                    self.models[model].def.label,
                    self.models[model].name(),
                    field.def.label,
                    field.def.name,
                )));
            }
        }
        Ok(())
    }

    fn variants_of(&self, model: usize) -> Option<(usize, usize)> {
        let field = self.models[model].field_index(self.models[model].def.variants?)?;
        Some((field, self.models[model].fields[field].relation?))
    }
}
