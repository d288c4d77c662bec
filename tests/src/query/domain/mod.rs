//! Odoo's search domains, compiled once a request so that testing a million rows is quick.
//!
//! Semantics after `odoo/osv/expression.py` (14) and `odoo/orm/domains.py` (19): prefix operators
//! with implicit `&`, `!=` and `not in` also match empty values, a dotted path follows many2ones
//! (archived records too), and dates with time compare by microseconds on 14 and by whole seconds
//! on 19.

mod condition;
mod pattern;

use serde_json::Value as Json;

use crate::error::OdooError;
use crate::store::model::{Field, Model};
use crate::store::table::Row;
use crate::store::{Env, World};
use crate::value::Value;
use condition::{Comparison, Operand, Test, test};

/// A compiled domain.
#[derive(Debug)]
pub(crate) enum Predicate {
    True,
    False,
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Leaf(Leaf),
}

/// One condition.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Field indexes, each in the model that the one before it leads to.
    path: Vec<usize>,
    test: Test,
}

/// A domain and what a search gets to know from it beforehand.
pub(crate) struct Domain {
    pub(crate) predicate: Predicate,
    /// Whether a condition names `active`, which switches the implicit one off.
    pub(crate) names_active: bool,
    /// Ids outside of this range cannot match.
    pub(crate) ids: (i64, i64),
    /// Only these ids can match.
    pub(crate) candidates: Option<Vec<i64>>,
}

impl Domain {
    /// Reads a domain as a client sends it.
    pub(crate) fn parse(world: &World, model: &Model, json: &Json) -> Result<Self, OdooError> {
        let mut domain = Domain {
            predicate: Predicate::True,
            names_active: false,
            ids: (0, i64::MAX - 1),
            candidates: None,
        };
        let items: &[Json] = match json {
            Json::Array(items) => items,
            Json::Null | Json::Bool(false) => &[],
            other => return Err(OdooError::value(format!("Invalid domain: {other}"))),
        };
        let mut stack: Vec<Predicate> = Vec::new();
        for item in items.iter().rev() {
            let predicate = match item {
                Json::String(operator) => {
                    let mut operand = || stack.pop().ok_or_else(|| malformed(world, json));
                    match operator.as_str() {
                        "!" => Predicate::Not(Box::new(operand()?)),
                        "&" => Predicate::And(vec![operand()?, operand()?]),
                        "|" => Predicate::Or(vec![operand()?, operand()?]),
                        other => {
                            return Err(OdooError::value(format!("Invalid leaf '{other}'")));
                        }
                    }
                }
                Json::Array(leaf) => domain.leaf(world, model, leaf)?,
                other => return Err(OdooError::value(format!("Invalid leaf {other}"))),
            };
            stack.push(predicate);
        }
        stack.reverse();
        for predicate in &stack {
            domain.narrow(predicate);
        }
        domain.predicate = match stack.len() {
            0 => Predicate::True,
            1 => stack.remove(0),
            _ => Predicate::And(stack),
        };
        Ok(domain)
    }

    fn leaf(
        &mut self,
        world: &World,
        model: &Model,
        leaf: &[Json],
    ) -> Result<Predicate, OdooError> {
        let [left, operator, right] = leaf else {
            return Err(OdooError::value(format!(
                "Invalid leaf {}",
                Json::from(leaf)
            )));
        };
        match (left, right) {
            (Json::Number(left), Json::Number(right)) if left.as_i64() == Some(1) => {
                return Ok(match right.as_i64() {
                    Some(1) => Predicate::True,
                    _ => Predicate::False,
                });
            }
            (Json::Number(_), _) => return Ok(Predicate::False),
            _ => {}
        }
        let (Some(left), Some(operator)) = (left.as_str(), operator.as_str()) else {
            return Err(OdooError::value(format!(
                "Invalid leaf {}",
                Json::from(leaf)
            )));
        };
        self.names_active |= left == "active";
        let path = resolve_path(world, model, left, leaf)?;
        let (owner, field) = last_field(world, model, &path);
        if operator == "child_of" {
            return Ok(Predicate::Leaf(child_of(world, owner, field, path, right)));
        }
        let test = test(field, operator, right)
            .map_err(|error| OdooError::value(format!("{error} in {}", Json::from(leaf))))?;
        Ok(Predicate::Leaf(Leaf { path, test }))
    }

    /// Learns from a condition that must hold which ids can match at all (field 0 is `id`).
    fn narrow(&mut self, predicate: &Predicate) {
        match predicate {
            Predicate::And(all) => all.iter().for_each(|one| self.narrow(one)),
            Predicate::Leaf(Leaf { path, test }) if path == &[0] => match test {
                Test::Equal(Operand::Int(id)) => {
                    self.ids = (self.ids.0.max(*id), self.ids.1.min(*id));
                }
                Test::Compare(comparison, Operand::Int(id)) => match comparison {
                    Comparison::Less => self.ids.1 = self.ids.1.min(id.saturating_sub(1)),
                    Comparison::LessOrEqual => self.ids.1 = self.ids.1.min(*id),
                    Comparison::Greater => self.ids.0 = self.ids.0.max(id.saturating_add(1)),
                    Comparison::GreaterOrEqual => self.ids.0 = self.ids.0.max(*id),
                },
                Test::In(values, _) if self.candidates.is_none() => {
                    self.candidates = Some(
                        values
                            .iter()
                            .filter_map(|value| match value {
                                Operand::Int(id) => Some(*id),
                                _ => None,
                            })
                            .collect(),
                    );
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// A prefix operator without its operands: an assertion until 18 (`normalize_domain`).
fn malformed(world: &World, json: &Json) -> OdooError {
    match world.version.major() {
        ..=18 => OdooError::assertion(format!("This domain is syntactically not correct: {json}")),
        _ => OdooError::value(format!("Domain() malformed domain {json}")),
    }
}

fn resolve_path(
    world: &World,
    model: &Model,
    left: &str,
    leaf: &[Json],
) -> Result<Vec<usize>, OdooError> {
    let mut path = Vec::new();
    let mut at = Some(model);
    for name in left.split('.') {
        let found = at.and_then(|model| {
            let index = model.shown_field(name)?;
            model.fields[index]
                .stored()
                .then_some((index, model.fields[index]))
        });
        let Some((index, field)) = found else {
            let texts: Vec<String> = leaf.iter().map(python_repr).collect();
            let leaf = texts.join(", ");
            let model = at.map_or(model.name(), Model::name);
            return Err(OdooError::value(match world.version.major() {
                ..=16 => {
                    format!("Invalid field {model}.{name} in leaf ({leaf})")
                }
                _ => format!("Invalid field {model}.{name} in condition ({leaf})"),
            }));
        };
        path.push(index);
        at = field.relation.map(|relation| &world.models[relation]);
    }
    Ok(path)
}

/// The field at the end of a path, and the model that has it.
fn last_field<'a>(world: &'a World, model: &'a Model, path: &[usize]) -> (&'a Model, &'a Field) {
    let mut model = model;
    for &index in &path[..path.len() - 1] {
        if let Some(relation) = model.fields[index].relation {
            model = &world.models[relation];
        }
    }
    (model, &model.fields[path[path.len() - 1]])
}

/// `child_of` over a many2one to the own model means the record itself, as it does over `id`.
fn child_of(
    world: &World,
    owner: &Model,
    field: &Field,
    mut path: Vec<usize>,
    right: &Json,
) -> Leaf {
    let target = field.relation.unwrap_or(owner.index);
    if target == owner.index {
        path.pop();
        path.push(0);
    }
    Leaf {
        path,
        test: Test::ChildOf(world.branch(&world.models[target], right)),
    }
}

impl Predicate {
    pub(crate) fn matches(
        &self,
        world: &World,
        model: &Model,
        id: i64,
        row: &Row,
        env: &Env,
    ) -> bool {
        match self {
            Predicate::True => true,
            Predicate::False => false,
            Predicate::And(all) => all
                .iter()
                .all(|one| one.matches(world, model, id, row, env)),
            Predicate::Or(any) => any
                .iter()
                .any(|one| one.matches(world, model, id, row, env)),
            Predicate::Not(one) => !one.matches(world, model, id, row, env),
            Predicate::Leaf(leaf) => leaf.matches(world, model, id, row, env),
        }
    }
}

impl Leaf {
    fn matches(&self, world: &World, model: &Model, id: i64, row: &Row, env: &Env) -> bool {
        self.follow(&self.path, world, model, id, row, env)
    }

    fn follow(
        &self,
        path: &[usize],
        world: &World,
        model: &Model,
        id: i64,
        row: &Row,
        env: &Env,
    ) -> bool {
        let field = &model.fields[path[0]];
        let value = world.value(model, field, id, row, env);
        if path.len() == 1 {
            return self
                .test
                .holds(&value, field.kind(), world.version.behaviour());
        }
        let Some(target) = field.relation.map(|relation| &world.models[relation]) else {
            return false;
        };
        let reaches = |id: i64| {
            world.tables[target.index]
                .get(id)
                .is_some_and(|row| self.follow(&path[1..], world, target, id, row, env))
        };
        match &*value {
            Value::Ref(id) => reaches(*id),
            Value::Ids(ids) => ids.iter().any(|&id| reaches(id)),
            _ => false,
        }
    }
}

/// Python's `repr` of a value in a domain, for messages.
fn python_repr(json: &Json) -> String {
    match json {
        Json::String(text) => format!("'{text}'"),
        Json::Bool(true) => "True".to_owned(),
        Json::Bool(false) => "False".to_owned(),
        Json::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

impl World {
    /// The named records and all below them, sorted.
    fn branch(&self, target: &Model, right: &Json) -> Vec<i64> {
        let mut ids: Vec<i64> = match right {
            Json::Array(items) => items.iter().filter_map(Json::as_i64).collect(),
            single => single.as_i64().into_iter().collect(),
        };
        let parent = target
            .def
            .tree
            .as_ref()
            .and_then(|tree| target.column(tree.parent));
        let mut known = 0;
        while let (Some(parent), true) = (parent, known < ids.len()) {
            let from = known;
            known = ids.len();
            let below: Vec<i64> = self.tables[target.index]
                .range(0, i64::MAX - 1)
                .filter(|(_, row)| {
                    row[parent]
                        .as_ref_id()
                        .is_some_and(|id| ids[from..].contains(&id))
                })
                .map(|(id, _)| id)
                .collect();
            ids.extend(below);
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
