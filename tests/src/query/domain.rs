//! Odoo's search domains, compiled once a request so that testing a million rows is quick.
//!
//! Semantics after `odoo/osv/expression.py` (14) and `odoo/orm/domains.py` (19): prefix operators
//! with implicit `&`, `!=` and `not in` also match empty values, a dotted path follows many2ones
//! (archived records too), and dates with time compare by microseconds on 14 and by whole seconds
//! on 19.

use serde_json::Value as Json;

use crate::error::OdooError;
use crate::schema::Kind;
use crate::store::model::{Field, Model};
use crate::store::table::Row;
use crate::store::{Env, World, is_many};
use crate::time;
use crate::value::{Value, truthy};

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

#[derive(Debug)]
enum Test {
    /// Empty, or for a boolean false.
    Empty,
    NotEmpty,
    Equal(Operand),
    NotEqual(Operand),
    Compare(Comparison, Operand),
    /// The values, sorted where they are ids, and whether an empty value is among them.
    In(Vec<Operand>, bool),
    NotIn(Vec<Operand>, bool),
    Like {
        pattern: Pattern,
        negated: bool,
    },
    /// `child_of`: these ids and all below them.
    ChildOf(Vec<i64>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A right side, in the field's own type.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) enum Operand {
    Number(f64),
    Int(i64),
    Text(String),
}

#[derive(Debug)]
struct Pattern {
    /// The parts between `%`.
    parts: Vec<String>,
    anchored: bool,
    ignore_case: bool,
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

fn test(field: &Field, operator: &str, right: &Json) -> Result<Test, String> {
    let operand = || operand(field.kind(), operator, right);
    let empty = right == &Json::Bool(false) || right.is_null();
    Ok(match operator {
        "=" | "==" | "!=" | "<>" if right.is_array() => {
            let (values, with_empty) = operands(field.kind(), right)?;
            if operator.starts_with('=') {
                Test::In(values, with_empty)
            } else {
                Test::NotIn(values, with_empty)
            }
        }
        "=" | "==" => match (field.kind(), empty) {
            (Kind::Boolean, _) if truthy(right) => Test::NotEmpty,
            (Kind::Boolean, _) | (_, true) => Test::Empty,
            _ => Test::Equal(operand()?),
        },
        "!=" | "<>" => match (field.kind(), empty) {
            (Kind::Boolean, _) if truthy(right) => Test::Empty,
            (Kind::Boolean, _) | (_, true) => Test::NotEmpty,
            _ => Test::NotEqual(operand()?),
        },
        "<" => Test::Compare(Comparison::Less, operand()?),
        "<=" => Test::Compare(Comparison::LessOrEqual, operand()?),
        ">" => Test::Compare(Comparison::Greater, operand()?),
        ">=" => Test::Compare(Comparison::GreaterOrEqual, operand()?),
        "in" | "not in" => {
            let (values, with_empty) = operands(field.kind(), right)?;
            if operator == "in" {
                Test::In(values, with_empty)
            } else {
                Test::NotIn(values, with_empty)
            }
        }
        "like" | "ilike" | "=like" | "=ilike" | "not like" | "not ilike" => {
            let text = right
                .as_str()
                .map_or_else(|| right.to_string(), str::to_owned);
            Test::Like {
                pattern: Pattern::new(operator, &text),
                negated: operator.starts_with("not"),
            }
        }
        other => return Err(format!("Invalid operator '{other}'")),
    })
}

fn operand(kind: Kind, operator: &str, right: &Json) -> Result<Operand, String> {
    let wrong = || format!("{right} cannot be compared with a {}", kind.type_name());
    match kind {
        Kind::Integer | Kind::Many2one | Kind::One2many | Kind::Many2many => {
            right.as_i64().map(Operand::Int).ok_or_else(wrong)
        }
        Kind::Float => right.as_f64().map(Operand::Number).ok_or_else(wrong),
        Kind::Boolean => Ok(Operand::Int(i64::from(truthy(right)))),
        Kind::Datetime => {
            let text = right.as_str().ok_or_else(wrong)?;
            let micros = time::parse_datetime(text).ok_or_else(wrong)?;
            // A bare date stands for its whole day.
            let whole_day = text.len() == 10 && matches!(operator, ">" | "<=");
            Ok(Operand::Int(
                micros + if whole_day { 86_399_000_000 } else { 0 },
            ))
        }
        Kind::Char | Kind::Text | Kind::Selection(_) => Ok(Operand::Text(
            right
                .as_str()
                .map_or_else(|| right.to_string(), str::to_owned),
        )),
    }
}

fn operands(kind: Kind, right: &Json) -> Result<(Vec<Operand>, bool), String> {
    let items = match right {
        Json::Array(items) => items.as_slice(),
        Json::Bool(false) | Json::Null => return Ok((Vec::new(), true)),
        single => return Ok((vec![operand(kind, "in", single)?], false)),
    };
    let mut values = Vec::with_capacity(items.len());
    let mut with_empty = false;
    for item in items {
        if item == &Json::Bool(false) || item.is_null() {
            with_empty = true;
        } else {
            values.push(operand(kind, "in", item)?);
        }
    }
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Ok((values, with_empty))
}

impl Pattern {
    fn new(operator: &str, text: &str) -> Self {
        let ignore_case = operator.ends_with("ilike");
        let text = if ignore_case {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let anchored = operator.starts_with('=');
        Pattern {
            parts: text.split('%').map(str::to_owned).collect(),
            anchored,
            ignore_case,
        }
    }

    /// `%` stands for any text; `_` is taken as itself, which no test needs otherwise.
    fn matches(&self, text: &str) -> bool {
        let lowered;
        let mut rest = if self.ignore_case {
            lowered = text.to_lowercase();
            lowered.as_str()
        } else {
            text
        };
        let last = self.parts.len() - 1;
        for (at, part) in self.parts.iter().enumerate() {
            if self.anchored && at == last {
                return if at == 0 {
                    rest == part
                } else {
                    rest.ends_with(part.as_str())
                };
            }
            match rest.find(part.as_str()) {
                Some(found) if at > 0 || !self.anchored || found == 0 => {
                    rest = &rest[found + part.len()..];
                }
                _ => return false,
            }
        }
        true
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
            return self.test.holds(
                &value,
                field.kind(),
                world.version.behaviour().compares_whole_seconds,
            );
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

impl Test {
    fn holds(&self, value: &Value, kind: Kind, whole_seconds: bool) -> bool {
        if is_many(kind) {
            return self.holds_for_any(value.as_ids());
        }
        let empty = match value {
            Value::Null => true,
            Value::Bool(value) => !value,
            Value::Text(text) => text.is_empty(),
            // Odoo takes zero of a number for `= False` as well.
            Value::Int(0) => kind == Kind::Integer,
            Value::Float(number) => *number == 0.0,
            _ => false,
        };
        match self {
            Test::Empty => empty,
            Test::NotEmpty => !empty,
            Test::Equal(right) => {
                order_of(value, right, whole_seconds).is_some_and(|it| it.is_eq())
            }
            Test::NotEqual(right) => {
                !order_of(value, right, whole_seconds).is_some_and(|it| it.is_eq())
            }
            Test::Compare(comparison, right) => {
                order_of(value, right, whole_seconds).is_some_and(|order| match comparison {
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                })
            }
            Test::In(values, with_empty) => {
                (*with_empty && empty) || is_among(value, values, whole_seconds)
            }
            Test::NotIn(values, with_empty) => {
                !(*with_empty && empty) && !is_among(value, values, whole_seconds)
            }
            Test::Like { pattern, negated } => match value {
                Value::Text(text) => pattern.matches(text) != *negated,
                _ => *negated,
            },
            Test::ChildOf(ids) => match value {
                Value::Ref(id) | Value::Int(id) => ids.binary_search(id).is_ok(),
                _ => false,
            },
        }
    }

    fn holds_for_any(&self, ids: &[i64]) -> bool {
        let contains = |operand: &Operand| matches!(operand, Operand::Int(id) if ids.contains(id));
        match self {
            Test::Empty => ids.is_empty(),
            Test::NotEmpty => !ids.is_empty(),
            Test::Equal(right) => contains(right),
            Test::NotEqual(right) => !contains(right),
            Test::In(values, with_empty) => {
                values.iter().any(contains) || (*with_empty && ids.is_empty())
            }
            Test::NotIn(values, with_empty) => {
                !values.iter().any(contains) && !(*with_empty && ids.is_empty())
            }
            Test::ChildOf(branch) => ids.iter().any(|id| branch.binary_search(id).is_ok()),
            Test::Compare(..) | Test::Like { .. } => false,
        }
    }
}

fn is_among(value: &Value, sorted: &[Operand], whole_seconds: bool) -> bool {
    sorted
        .binary_search_by(|probe| {
            order_of(value, probe, whole_seconds)
                .map_or(std::cmp::Ordering::Less, std::cmp::Ordering::reverse)
        })
        .is_ok()
}

/// How the stored value stands to the right side; none where they do not compare (null).
fn order_of(value: &Value, right: &Operand, whole_seconds: bool) -> Option<std::cmp::Ordering> {
    match (value, right) {
        (Value::Int(left) | Value::Ref(left), Operand::Int(right)) => Some(left.cmp(right)),
        (Value::Time(left), Operand::Int(right)) if whole_seconds => {
            Some(time::whole_second(*left).cmp(&time::whole_second(*right)))
        }
        (Value::Time(left), Operand::Int(right)) => Some(left.cmp(right)),
        (Value::Float(left), Operand::Number(right)) => left.partial_cmp(right),
        (Value::Text(left), Operand::Text(right)) => Some(left.as_str().cmp(right.as_str())),
        (Value::Bool(left), Operand::Int(right)) => Some(i64::from(*left).cmp(right)),
        _ => None,
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
