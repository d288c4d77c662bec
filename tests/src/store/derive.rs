//! Stored values that follow from others: order lines' and orders' amounts, quantities in another
//! unit, copies of another record's field.
//!
//! Odoo computes them anew when something they depend on changes, and a record whose stored value
//! differs then is written: it gets the change time too. A value that comes out the same moves
//! nothing.

use super::model::{Access, Model};
use super::table::Row;
use super::write::float_round;
use super::{Env, World};
use crate::schema::Derived;
use crate::value::Value;

/// The digits of every currency here.
const CURRENCY_DIGITS: u8 = 2;
/// Decimal precision `Product Unit of Measure` of a new database.
const UNIT_DIGITS: u8 = 2;

impl World {
    /// After a record was created or changed: its own values, then those of the records that
    /// compute something from it or copy something of it.
    pub(super) fn settle(&mut self, model: usize, id: i64, env: &Env) {
        self.derive(model, id, false);
        self.settle_around(model, id, env);
    }

    fn settle_around(&mut self, model: usize, id: i64, env: &Env) {
        for (target, parent) in self.lifted(model, id) {
            self.settle_lifted(target, parent, env);
        }
        for (target, child) in self.copiers(model, id) {
            if self.derive(target, child, false) {
                self.stamp(target, child, env);
                self.settle_around(target, child, env);
            }
        }
    }

    /// After one of its lines was created, changed or deleted.
    pub(super) fn settle_lifted(&mut self, model: usize, id: i64, env: &Env) {
        if self.derive(model, id, true) {
            self.stamp(model, id, env);
            self.settle_around(model, id, env);
        }
    }

    /// A line came or went: that alone moves an order in some versions.
    pub(super) fn stamp_for_line(&mut self, model: usize, id: i64, env: &Env) {
        let derived = self.models[model].def.derived;
        let is_order = derived
            .iter()
            .any(|derived| matches!(derived, Derived::Totals { .. }));
        if is_order && self.version.behaviour().any_line_moves_its_order {
            self.stamp(model, id, env);
        }
    }

    /// The records that compute something from this one: model and id.
    pub(super) fn lifted(&self, model: usize, id: i64) -> Vec<(usize, i64)> {
        let definition = &self.models[model];
        let Some(row) = self.tables[model].get(id) else {
            return Vec::new();
        };
        definition
            .def
            .lifts
            .iter()
            .filter_map(|via| {
                let target = definition.field(via)?.relation?;
                Some((target, row[definition.column(via)?].as_ref_id()?))
            })
            .collect()
    }

    /// The records in this one's one2manys that keep a copy of one of its fields.
    fn copiers(&self, model: usize, id: i64) -> Vec<(usize, i64)> {
        let Some(row) = self.tables[model].get(id) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for field in &self.models[model].fields {
            let (Access::Column(column), Some(target), Some(inverse)) =
                (field.access, field.relation, field.def.inverse)
            else {
                continue;
            };
            if self.models[target].copies_over(inverse) {
                found.extend(row[column].as_ids().iter().map(|&child| (target, child)));
            }
        }
        found
    }

    /// Sets the record's derived values, those of its lines or the others; whether one differs
    /// from what was there.
    pub(crate) fn derive(&mut self, model: usize, id: i64, of_lines: bool) -> bool {
        let mut values = Vec::new();
        let definition = &self.models[model];
        let Some(row) = self.tables[model].get(id) else {
            return false;
        };
        if !of_lines {
            self.copied(definition, row, &mut values);
        }
        for derived in definition.def.derived {
            if derived.is_of_lines() == of_lines {
                self.derived(*derived, definition, row, &mut values);
            }
        }
        let Some(row) = self.tables[model].get_mut(id) else {
            return false;
        };
        let mut differs = false;
        for (column, value) in values {
            differs |= row[column] != value;
            row[column] = value;
        }
        differs
    }

    fn copied(&self, model: &Model, row: &Row, values: &mut Vec<(usize, Value)>) {
        for field in &model.fields {
            let (Some((via, name)), Access::Column(column)) = (field.def.copies, field.access)
            else {
                continue;
            };
            let found = model.field(via).and_then(|via_field| {
                let target = &self.models[via_field.relation?];
                let id = row[model.column(via)?].as_ref_id()?;
                Some(self.tables[target.index].get(id)?[target.column(name)?].clone())
            });
            values.push((column, found.unwrap_or(Value::Null)));
        }
    }

    fn derived(
        &self,
        derived: Derived,
        model: &Model,
        row: &Row,
        values: &mut Vec<(usize, Value)>,
    ) {
        let mut set = |name: &str, value: Value| {
            if let Some(column) = model.column(name) {
                values.push((column, value));
            }
        };
        match derived {
            Derived::SameAs { field, into } => {
                if let Some(column) = model.column(field) {
                    set(into, row[column].clone());
                }
            }
            Derived::Amounts { quantity } => {
                let price = number(model, row, "price_unit");
                let reduced = price * (1.0 - number(model, row, "discount") / 100.0);
                let untaxed = money(reduced * number(model, row, quantity));
                let tax = money(untaxed * number(model, row, "tax_percent") / 100.0);
                set("price_subtotal", Value::Float(untaxed));
                set("price_tax", Value::Float(tax));
                set("price_total", Value::Float(money(untaxed + tax)));
            }
            Derived::Totals { lines } => {
                let sum = |field: &str| -> f64 {
                    self.lines(model, row, lines)
                        .map(|(line_model, line)| number(line_model, line, field))
                        .sum()
                };
                let (untaxed, tax) = (money(sum("price_subtotal")), money(sum("price_tax")));
                set("amount_untaxed", Value::Float(untaxed));
                set("amount_tax", Value::Float(tax));
                set("amount_total", Value::Float(money(untaxed + tax)));
            }
            Derived::Earliest { field, lines } => {
                let earliest = self
                    .lines(model, row, lines)
                    .filter_map(|(line_model, line)| line[line_model.column(field)?].as_time())
                    .min();
                if let Some(earliest) = earliest {
                    set(field, Value::Time(earliest));
                }
            }
            Derived::InProductUnit {
                quantity,
                unit,
                into,
            } => {
                let Some(unit) = model.column(unit) else {
                    return;
                };
                let quantity = number(model, row, quantity);
                let own = self.product_unit(model, row);
                set(
                    into,
                    Value::Float(self.turned(quantity, row[unit].as_ref_id(), own)),
                );
            }
            Derived::SumInUnit { lines, field, into } => {
                let sum = self.sum_in_unit(model, row, lines, field);
                set(into, Value::Float(float_round(sum, UNIT_DIGITS)));
            }
            Derived::Reference => set("reference", self.move_reference(model, row)),
        }
    }

    /// `_compute_reference` of stock.move: until 18 the transfer's name or the move's own, from 19
    /// on the scrap's, the adjustment's or the transfer's.
    fn move_reference(&self, model: &Model, row: &Row) -> Value {
        let text = |name: &str| model.column(name).map(|column| row[column].clone());
        let of = |via: &str| {
            let target = model.field(via)?.relation?;
            let id = row[model.column(via)?].as_ref_id()?;
            let column = self.models[target].column("name")?;
            Some(self.tables[target].get(id)?[column].clone())
        };
        let own = text("name");
        let before = if own.is_none() {
            let inventory = text("inventory_name").filter(|name| !name.is_null());
            of("scrap_id").or(inventory)
        } else {
            None
        };
        before
            .or_else(|| of("picking_id"))
            .or(own)
            .unwrap_or(Value::Null)
    }

    fn lines<'a>(
        &'a self,
        model: &'a Model,
        row: &'a Row,
        one2many: &str,
    ) -> impl Iterator<Item = (&'a Model, &'a Row)> {
        let target = model.field(one2many).and_then(|field| field.relation);
        let column = model.column(one2many);
        let ids = column.map_or(&[][..], |column| row[column].as_ids());
        ids.iter().filter_map(move |&id| {
            let target = target?;
            Some((&self.models[target], self.tables[target].get(id)?))
        })
    }

    /// See [`crate::schema::Compute::SumInUnit`].
    pub(super) fn sum_in_unit(&self, model: &Model, row: &Row, lines: &str, field: &str) -> f64 {
        let unit = model
            .column("product_uom")
            .and_then(|column| row[column].as_ref_id());
        let factor = self.unit_factor(unit);
        self.lines(model, row, lines)
            .map(|(line_model, line)| {
                let line_unit = line_model
                    .column("product_uom_id")
                    .and_then(|column| line[column].as_ref_id());
                let quantity = number(line_model, line, field);
                if line_unit == unit {
                    quantity
                } else {
                    quantity * self.unit_factor(line_unit) / factor
                }
            })
            .sum()
    }

    /// A quantity of one unit in another, rounded as that one says (`_compute_quantity`).
    fn turned(&self, quantity: f64, from: Option<i64>, to: Option<i64>) -> f64 {
        if from == to {
            return quantity;
        }
        let turned = quantity * self.unit_factor(from) / self.unit_factor(to);
        let units = self.index("uom.uom");
        let rounding = to
            .and_then(|to| self.tables[units].get(to))
            .map_or(0.01, |row| number(&self.models[units], row, "rounding"));
        let digits = (-rounding.log10()).round().clamp(0.0, 9.0);
        float_round(turned, digits as u8)
    }

    /// How many of its reference unit one of the unit is.
    fn unit_factor(&self, unit: Option<i64>) -> f64 {
        let model = &self.models[self.index("uom.uom")];
        let field = model.field("factor_inv").or_else(|| model.field("factor"));
        let row = unit.and_then(|unit| self.tables[model.index].get(unit));
        let (Some(field), Some(row)) = (field, row) else {
            return 1.0;
        };
        match self.computed_factor(model, field, row) {
            0.0 => 1.0,
            factor => factor,
        }
    }

    fn product_unit(&self, model: &Model, row: &Row) -> Option<i64> {
        let product = row[model.column("product_id")?].as_ref_id()?;
        let products = &self.models[self.index("product.product")];
        let templates = &self.models[self.index("product.template")];
        let template = self.tables[products.index].get(product)?
            [products.column("product_tmpl_id")?]
        .as_ref_id()?;
        self.tables[templates.index].get(template)?[templates.column("uom_id")?].as_ref_id()
    }
}

fn number(model: &Model, row: &Row, field: &str) -> f64 {
    match model.column(field).map(|column| &row[column]) {
        Some(Value::Float(number)) => *number,
        _ => 0.0,
    }
}

fn money(amount: f64) -> f64 {
    float_round(amount, CURRENCY_DIGITS)
}
