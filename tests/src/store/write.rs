//! `write`, and what else changes with it.
//!
//! Every change carries the time at which its transaction began (`env.now`), whenever it is
//! committed. What follows a change (variants, full names, the other side of a many2one) is
//! driven by the data in [`crate::schema`].

use serde_json::{Map, Value as Json};

use super::lines::Commands;
use super::model::{Access, Field};
use super::{Env, MAIN_COMPANY, SOURCE_LANG, World};
use crate::error::OdooError;
use crate::schema::{Derived, Kind};
use crate::value::Value;

pub(super) type Values = Map<String, Json>;

/// The values of one call, sorted by whose columns they go into.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) own: Vec<(usize, Value)>,
    /// By column of the many2one and the parent's model.
    pub(super) parents: Vec<(usize, usize, Values)>,
    /// By column of the one2many and the model there.
    only: Vec<(usize, usize, Values)>,
    pub(super) commands: Vec<Commands>,
    /// A new sum for the lines to make up.
    pub(super) line_sum: Option<f64>,
}

impl World {
    /// Changes records, and whatever Odoo changes with them.
    pub(crate) fn write(
        &mut self,
        model: usize,
        ids: &[i64],
        values: &Values,
        env: &Env,
    ) -> Result<(), OdooError> {
        let ids = &self.present(model, ids, env)?;
        let sorted = self.sort(model, values)?;
        self.check_no_cycle(model, ids, &sorted)?;
        for &id in ids {
            let lifted = self.lifted(model, id);
            self.touch_sharers(model, id, &sorted.own, env);
            self.unlink_from_parents(model, id, &sorted.own);
            self.set_columns(model, id, &sorted.own, env);
            self.link_all(model, id);
            self.stamp(model, id, env);
            self.write_parents(model, id, &sorted, env)?;
            self.write_only(model, id, &sorted, env)?;
            self.follow_active(model, id, &sorted, env);
            self.settle(model, id, env);
            self.change_lines(model, id, &sorted, env)?;
            for (target, parent) in lifted {
                self.settle_lifted(target, parent, env);
            }
        }
        self.rename_branches(model, ids, env);
        Ok(())
    }

    /// The ids that exist. A missing one is passed over on 14, as its `update` finds no row, and
    /// refused later.
    fn present(&self, model: usize, ids: &[i64], env: &Env) -> Result<Vec<i64>, OdooError> {
        let (present, missing): (Vec<i64>, Vec<i64>) = ids
            .iter()
            .partition(|&&id| self.tables[model].get(id).is_some());
        if !missing.is_empty() && self.version.behaviour().write_refuses_missing {
            return Err(OdooError::missing(
                self.models[model].name(),
                &missing,
                env.uid,
            ));
        }
        Ok(present)
    }

    /// The model and the ids of a record's one2many.
    pub(super) fn many(&self, model: usize, id: i64, one2many: &str) -> Option<(usize, Vec<i64>)> {
        let column = self.models[model].column(one2many)?;
        let target = self.models[model].field(one2many)?.relation?;
        Some((
            target,
            self.tables[model].get(id)?[column].as_ids().to_vec(),
        ))
    }

    pub(super) fn sort(&self, model: usize, values: &Values) -> Result<Sorted, OdooError> {
        let definition = &self.models[model];
        let mut sorted = Sorted::default();
        let summed = self.summed_lines(model).map(|(_, _, sum)| sum);
        for (name, json) in values {
            let index = definition.shown_field(name).ok_or_else(|| {
                OdooError::value(format!(
                    "Invalid field '{name}' on model '{}'",
                    definition.name()
                ))
            })?;
            let field = &definition.fields[index];
            if summed == Some(field.def.name) {
                sorted.line_sum = json.as_f64();
                continue;
            }
            match (field.access, field.def.inverse, field.relation) {
                (Access::Column(_), Some(inverse), Some(target)) if holds_commands(json) => {
                    sorted.commands.push(Commands {
                        target,
                        inverse,
                        commands: json.as_array().cloned().unwrap_or_default(),
                    });
                }
                (Access::Column(column), ..) => {
                    let value = Value::from_json(field.kind(), json).map_err(|error| {
                        OdooError::value(format!(
                            "Wrong value for {}.{name}: {error}",
                            definition.name()
                        ))
                    })?;
                    sorted.own.push((column, rounded(field, value)));
                }
                (Access::Through { via, model, field }, ..) => {
                    let name = self.models[model].fields[field].def.name;
                    put(&mut sorted.parents, via, model, name, json);
                }
                (Access::OnlyOf { of, model, field }, ..) => {
                    let name = self.models[model].fields[field].def.name;
                    put(&mut sorted.only, of, model, name, json);
                }
                (Access::Inverse(column), ..) => {
                    if let Some(factor) = json.as_f64().filter(|factor| *factor != 0.0) {
                        sorted.own.push((column, Value::Float(1.0 / factor)));
                    }
                }
                // Odoo ignores these as well: they have no inverse.
                _ => {}
            }
        }
        self.keep_same(model, &mut sorted);
        Ok(sorted)
    }

    /// A value for the copy alone is one for its original too (`_sanitize_vals` of
    /// product.template, 15 to 17).
    fn keep_same(&self, model: usize, sorted: &mut Sorted) {
        let definition = &self.models[model];
        for derived in definition.def.derived {
            let Derived::SameAs { field, into } = derived else {
                continue;
            };
            let (Some(original), Some(copy)) = (definition.column(field), definition.column(into))
            else {
                continue;
            };
            let given = |column| sorted.own.iter().find(|(own, _)| *own == column);
            if let (None, Some((_, value))) = (given(original), given(copy)) {
                let value = value.clone();
                sorted.own.push((original, value));
            }
        }
    }

    /// Puts values into a row: the translation where the request has a language, the company's
    /// own where it has another company.
    pub(super) fn set_columns(&mut self, model: usize, id: i64, own: &[(usize, Value)], env: &Env) {
        for (column, value) in own {
            let Some(field) = self.models[model].field_of_column(*column).copied() else {
                continue;
            };
            let company = env.company();
            let table = &mut self.tables[model];
            match &env.lang {
                Some(lang) if field.def.translate && lang != SOURCE_LANG => {
                    table.translate(*column, lang, id, value.clone());
                }
                _ if field.def.company_dependent && company != MAIN_COMPANY => {
                    table.set_of_company(*column, company, id, value.clone());
                }
                _ => {
                    if let Some(row) = table.get_mut(id) {
                        row[*column] = value.clone();
                    }
                }
            }
        }
    }

    /// What the values said about the records of one2manys.
    pub(super) fn change_lines(
        &mut self,
        model: usize,
        id: i64,
        sorted: &Sorted,
        env: &Env,
    ) -> Result<(), OdooError> {
        self.apply_commands(id, &sorted.commands, env)?;
        match sorted.line_sum {
            Some(sum) => self.set_lines_quantity(model, id, sum, env),
            None => Ok(()),
        }
    }

    fn write_parents(
        &mut self,
        model: usize,
        id: i64,
        sorted: &Sorted,
        env: &Env,
    ) -> Result<(), OdooError> {
        for (via, parent, values) in &sorted.parents {
            let target = self.tables[model]
                .get(id)
                .and_then(|row| row[*via].as_ref_id());
            if let Some(target) = target {
                self.write(*parent, &[target], values, env)?;
            }
        }
        Ok(())
    }

    pub(super) fn write_only(
        &mut self,
        model: usize,
        id: i64,
        sorted: &Sorted,
        env: &Env,
    ) -> Result<(), OdooError> {
        for (of, target, values) in &sorted.only {
            let ids = self.tables[model]
                .get(id)
                .map(|row| row[*of].as_ids().to_vec());
            if let Some([only]) = ids.as_deref() {
                self.write(*target, &[*only], values, env)?;
            }
        }
        Ok(())
    }

    /// Archiving a template archives its variants; bringing it back brings them back where all
    /// were archived (`product_template.py`, `write` and `_create_variant_ids`).
    fn follow_active(&mut self, model: usize, id: i64, sorted: &Sorted, env: &Env) {
        let Some(column) = self.models[model].column("active") else {
            return;
        };
        let Some((_, Value::Bool(active))) = sorted.own.iter().find(|(own, _)| *own == column)
        else {
            return;
        };
        let Some(variants) = self.models[model].def.variants else {
            return;
        };
        let Some((target, ids)) = self.many(model, id, variants) else {
            return;
        };
        let Some(column) = self.models[target].column("active") else {
            return;
        };
        let is_active = |world: &World, id| {
            world.tables[target]
                .get(id)
                .is_some_and(|row| row[column].as_bool())
        };
        if *active && ids.iter().any(|&id| is_active(self, id)) {
            return;
        }
        for id in ids {
            if let Some(row) = self.tables[target].get_mut(id) {
                row[column] = Value::Bool(*active);
            }
            self.stamp(target, id, env);
        }
    }

    fn check_no_cycle(&self, model: usize, ids: &[i64], sorted: &Sorted) -> Result<(), OdooError> {
        let Some(tree) = &self.models[model].def.tree else {
            return Ok(());
        };
        let Some(parent) = self.models[model].column(tree.parent) else {
            return Ok(());
        };
        let new = sorted.own.iter().find(|(column, _)| *column == parent);
        let mut above = new.and_then(|(_, value)| value.as_ref_id());
        while let Some(id) = above {
            if ids.contains(&id) {
                return Err(OdooError::user("Recursion Detected."));
            }
            above = self.tables[model]
                .get(id)
                .and_then(|row| row[parent].as_ref_id());
        }
        Ok(())
    }
}

/// `[[0, 0, {…}], …]`, not bare ids.
fn holds_commands(json: &Json) -> bool {
    json.as_array()
        .is_some_and(|items| !items.is_empty() && items.iter().all(Json::is_array))
}

fn put(into: &mut Vec<(usize, usize, Values)>, via: usize, model: usize, name: &str, json: &Json) {
    let at = into
        .iter()
        .position(|(column, ..)| *column == via)
        .unwrap_or_else(|| {
            into.push((via, model, Values::new()));
            into.len() - 1
        });
    into[at].2.insert(name.to_owned(), json.clone());
}

fn rounded(field: &Field, value: Value) -> Value {
    match (field.def.digits, value) {
        (Some(digits), Value::Float(number)) => Value::Float(float_round(number, digits)),
        (None, Value::Float(number)) if field.kind() == Kind::Monetary => {
            Value::Float(float_round(number, 2))
        }
        (_, value) => value,
    }
}

/// `float_round` of Odoo's `tools/float_utils.py`: half away from zero, after a push by the
/// number's own precision: 1.005 becomes 1.01 although it is stored as a little less.
pub(super) fn float_round(number: f64, digits: u8) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powi(-i32::from(digits));
    let scaled = number / unit;
    let epsilon = 2_f64.powf(scaled.abs().log2() - 52.0);
    let rounded = (scaled + epsilon.copysign(scaled)).round() * unit;
    // The column is written with that many digits.
    format!("{rounded:.*}", usize::from(digits))
        .parse()
        .unwrap_or(rounded)
}
