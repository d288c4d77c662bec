//! The simulated database: models, tables, who asks, and how a value is found.
//!
//! Reading is here and in [`crate::query`]; [`write`] changes it.

mod create;
mod delete;
mod derive;
mod lines;
mod links;
pub(crate) mod model;
mod stamp;
pub(crate) mod table;
mod tree;
mod warehouse;
pub(crate) mod write;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::schema::{Display, Kind};
use crate::value::{NULL, Value};
use crate::version::Version;
use model::{Access, Field, Model};
use table::{Row, Table};

/// The company whose values lie in the rows themselves.
pub(crate) const MAIN_COMPANY: i64 = 1;
/// The language of the rows themselves.
pub(crate) const SOURCE_LANG: &str = "en_US";

/// Who asks, and with what context.
#[derive(Clone, Debug)]
pub(crate) struct Env {
    pub(crate) uid: i64,
    /// None is the source language.
    pub(crate) lang: Option<String>,
    /// The companies of the request; the first is the one whose values are read.
    pub(crate) companies: Vec<i64>,
    pub(crate) active_test: bool,
    /// `cr.now()`: when the transaction began.
    pub(crate) now: i64,
    /// Record rules and access rights are passed over.
    pub(crate) sudo: bool,
}

impl Env {
    fn company(&self) -> i64 {
        self.companies.first().copied().unwrap_or(MAIN_COMPANY)
    }
}

/// All that one simulated server knows.
pub(crate) struct World {
    pub(crate) version: Version,
    pub(crate) models: Vec<Model>,
    by_name: HashMap<&'static str, usize>,
    pub(crate) tables: Vec<Table>,
    /// Models on which nobody has any right.
    pub(crate) denied: HashSet<usize>,
}

impl World {
    /// The models of this version, without a single record.
    pub(crate) fn empty(version: Version) -> Self {
        let models = model::resolve(version);
        World {
            version,
            by_name: models
                .iter()
                .map(|model| (model.name(), model.index))
                .collect(),
            tables: models.iter().map(|_| Table::default()).collect(),
            models,
            denied: HashSet::new(),
        }
    }

    pub(crate) fn model(&self, name: &str) -> Option<&Model> {
        self.by_name.get(name).map(|&index| &self.models[index])
    }

    /// The model's index; panics where the simulator has no such model, for the callers that are
    /// tests.
    pub(crate) fn index(&self, name: &str) -> usize {
        *self
            .by_name
            .get(name)
            .unwrap_or_else(|| panic!("the simulated Odoo {} has no model {name}", self.version))
    }

    /// A field's value as this user sees it.
    pub(crate) fn value<'a>(
        &'a self,
        model: &Model,
        field: &Field,
        id: i64,
        row: &'a Row,
        env: &Env,
    ) -> Cow<'a, Value> {
        match field.access {
            Access::Id => Cow::Owned(Value::Int(id)),
            Access::Column(column) => {
                Cow::Borrowed(self.column(model, field, column, id, row, env))
            }
            Access::Through { via, model, field } => match row[via].as_ref_id() {
                Some(target) => self.value_at(model, field, target, env),
                None => Cow::Borrowed(&NULL),
            },
            Access::OnlyOf { of, model, field } => match row[of].as_ids() {
                [only] => self.value_at(model, field, *only, env),
                _ => Cow::Borrowed(&NULL),
            },
            Access::DisplayName => Cow::Owned(Value::text(self.display_name(model, id, row, env))),
            Access::Inverse(_) | Access::ProductUp(..) => {
                Cow::Owned(Value::Float(self.computed_factor(model, field, row)))
            }
            Access::SumInUnit(lines, field) => {
                Cow::Owned(Value::Float(self.sum_in_unit(model, row, lines, field)))
            }
            Access::CountOf(column) => Cow::Owned(Value::Int(
                self.shown_in(model, column, row, env).len() as i64,
            )),
            Access::FirstOf(column) => {
                let ids = self.shown_in(model, column, row, env);
                Cow::Owned(ids.first().map_or(Value::Null, |id| Value::Ref(*id)))
            }
        }
    }

    fn value_at(&self, model: usize, field: usize, id: i64, env: &Env) -> Cow<'_, Value> {
        let model = &self.models[model];
        match self.tables[model.index].get(id) {
            Some(row) => self.value(model, &model.fields[field], id, row, env),
            None => Cow::Borrowed(&NULL),
        }
    }

    fn column<'a>(
        &'a self,
        model: &Model,
        field: &Field,
        column: usize,
        id: i64,
        row: &'a Row,
        env: &Env,
    ) -> &'a Value {
        if field.def.company_dependent && env.company() != MAIN_COMPANY {
            return self.tables[model.index].of_company(column, env.company(), id);
        }
        if let (true, Some(lang)) = (field.def.translate, &env.lang) {
            let translated = self.tables[model.index].translation(column, lang, id);
            return translated.unwrap_or(&row[column]);
        }
        &row[column]
    }

    /// The record's name as many2one fields and `display_name` show it.
    pub(crate) fn display_name(&self, model: &Model, id: i64, row: &Row, env: &Env) -> String {
        let text = |name: &str| {
            let field = model.field(name)?;
            self.value(model, field, id, row, env)
                .as_text()
                .map(str::to_owned)
        };
        match model.def.display {
            Display::Field(name) => text(name).unwrap_or_default(),
            Display::Template => with_code(text("default_code"), text("name").unwrap_or_default()),
            Display::Product => {
                let mut name = text("name").unwrap_or_default();
                if let Some(label) = text("combination_label") {
                    name = format!("{name} ({label})");
                }
                with_code(text("default_code"), name)
            }
        }
    }

    /// Whether record rules let this user see the row.
    pub(crate) fn visible(&self, model: &Model, id: i64, row: &Row, env: &Env) -> bool {
        env.sudo || (!self.tables[model.index].is_hidden(id) && self.in_companies(model, row, env))
    }

    /// The multi-company rule.
    fn in_companies(&self, model: &Model, row: &Row, env: &Env) -> bool {
        let Some(company) = model.company else {
            return true;
        };
        let company = match company {
            Access::Column(column) => row[column].as_ref_id(),
            Access::Through { via, model, field } => row[via]
                .as_ref_id()
                .and_then(|id| self.value_at(model, field, id, env).as_ref_id()),
            _ => None,
        };
        company.is_none_or(|company| env.companies.contains(&company))
    }

    /// A field that is one over a column or a product of columns.
    fn computed_factor(&self, model: &Model, field: &Field, row: &Row) -> f64 {
        match field.access {
            Access::Inverse(column) => match row[column] {
                Value::Float(factor) if factor != 0.0 => 1.0 / factor,
                _ => 0.0,
            },
            Access::ProductUp(factor, parent) => self.product_up(model, row, factor, parent),
            _ => 0.0,
        }
    }

    /// The factors of a row and of all above it, multiplied.
    fn product_up(&self, model: &Model, row: &Row, factor: usize, parent: usize) -> f64 {
        let above = row[parent]
            .as_ref_id()
            .and_then(|id| self.tables[model.index].get(id));
        let own = match row[factor] {
            Value::Float(own) => own,
            _ => 1.0,
        };
        own * above.map_or(1.0, |above| self.product_up(model, above, factor, parent))
    }

    fn shown_in(&self, model: &Model, column: usize, row: &Row, env: &Env) -> Vec<i64> {
        let ids = row[column].as_ids();
        model
            .field_of_column(column)
            .map_or_else(Vec::new, |field| self.shown_ids(field, ids, env))
    }

    /// The ids that a client may be told of in a one2many: archived records are left out there as
    /// they are in a search.
    pub(crate) fn shown_ids(&self, field: &Field, ids: &[i64], env: &Env) -> Vec<i64> {
        let Some(target) = field.relation.map(|index| &self.models[index]) else {
            return ids.to_vec();
        };
        let active = target.column("active").filter(|_| env.active_test);
        ids.iter()
            .copied()
            .filter(|&id| {
                self.tables[target.index].get(id).is_some_and(|row| {
                    active.is_none_or(|column| row[column].as_bool())
                        && self.visible(target, id, row, env)
                })
            })
            .collect()
    }
}

fn with_code(code: Option<String>, name: String) -> String {
    match code.filter(|code| !code.is_empty()) {
        Some(code) => format!("[{code}] {name}"),
        None => name,
    }
}

/// Whether a field of this kind holds several ids.
pub(crate) fn is_many(kind: Kind) -> bool {
    matches!(kind, Kind::One2many | Kind::Many2many)
}
