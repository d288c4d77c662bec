//! `read`: records as the JSON of a page, written straight into the body.

use std::collections::HashMap;

use crate::error::{OdooError, tuple};
use crate::pyjson::PyJson;
use crate::schema::Kind;
use crate::store::model::{Field, Model};
use crate::store::{Env, World, is_many};
use crate::value::Value;

/// What to read, prepared once a page.
struct Column<'a> {
    field: &'a Field,
    /// `"name": `, already JSON.
    key: Vec<u8>,
    /// Names of many2one targets met so far, already JSON.
    names: HashMap<i64, Vec<u8>>,
}

impl World {
    /// Appends the list of records. Ids that are gone are left out; one that a rule hides refuses
    /// the page (`check_access_rule` / `_check_access` in both versions).
    pub(crate) fn read(
        &self,
        out: &mut PyJson,
        model: &Model,
        ids: &[i64],
        fields: &[usize],
        names: bool,
        env: &Env,
    ) -> Result<(), OdooError> {
        self.check_visible(model, ids, "read", env)?;
        let mut columns: Vec<Column<'_>> = fields
            .iter()
            .map(|&index| {
                let field = &model.fields[index];
                let mut key = PyJson::new(true);
                key.string(field.def.name);
                key.raw(": ");
                Column {
                    field,
                    key: key.out,
                    names: HashMap::new(),
                }
            })
            .collect();
        out.out.push(b'[');
        let mut first = true;
        for &id in ids {
            if self.tables[model.index].get(id).is_none() {
                continue;
            }
            if !first {
                out.raw(", ");
            }
            first = false;
            self.record(out, model, id, &mut columns, names, env);
        }
        out.out.push(b']');
        Ok(())
    }

    fn record(
        &self,
        out: &mut PyJson,
        model: &Model,
        id: i64,
        columns: &mut [Column<'_>],
        names: bool,
        env: &Env,
    ) {
        let Some(row) = self.tables[model.index].get(id) else {
            return;
        };
        let patches = self.tables[model.index].patches_of(id);
        out.out.push(b'{');
        for (at, column) in columns.iter_mut().enumerate() {
            if at > 0 {
                out.raw(", ");
            }
            out.out.extend_from_slice(&column.key);
            if let Some(json) = patches.and_then(|patches| patches.get(column.field.def.name)) {
                out.raw(json);
                continue;
            }
            let value = self.value(model, column.field, id, row, env);
            match (&*value, column.field.kind()) {
                (Value::Ref(target), Kind::Many2one) if names => {
                    self.named(out, column, *target, env);
                }
                (Value::Ids(ids), kind) if is_many(kind) => {
                    out.ids(&self.shown_ids(column.field, ids, env));
                }
                (value, kind) => out.value(value, kind),
            }
        }
        out.out.push(b'}');
    }

    /// `[id, "name"]`; the name is read past record rules, as Odoo does it.
    fn named(&self, out: &mut PyJson, column: &mut Column<'_>, target: i64, env: &Env) {
        out.out.push(b'[');
        out.int(target);
        out.raw(", ");
        let relation = column.field.relation;
        let ascii = self.version.behaviour().ascii_json;
        let name = column.names.entry(target).or_insert_with(|| {
            let mut json = PyJson::new(ascii);
            let name = relation.and_then(|relation| {
                let row = self.tables[relation].get(target)?;
                Some(self.display_name(&self.models[relation], target, row, env))
            });
            json.string(&name.unwrap_or_default());
            json.out
        });
        out.out.extend_from_slice(name);
        out.out.push(b']');
    }

    /// Refuses where a record rule hides one of these records.
    pub(crate) fn check_visible(
        &self,
        model: &Model,
        ids: &[i64],
        operation: &str,
        env: &Env,
    ) -> Result<(), OdooError> {
        let table = &self.tables[model.index];
        let hidden: Vec<i64> = ids
            .iter()
            .copied()
            .filter(|&id| {
                table
                    .get(id)
                    .is_some_and(|row| !self.visible(model, id, row, env))
            })
            .collect();
        if hidden.is_empty() {
            return Ok(());
        }
        Err(OdooError::access(format!(
            "Due to security restrictions, you are not allowed to access '{}' ({}) \
             records.\n\nRecords: {}\nUser: {}\nOperation: {operation}",
            model.def.label,
            model.name(),
            tuple(&hidden),
            env.uid
        )))
    }
}
