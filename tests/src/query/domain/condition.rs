//! One condition: an operator with its right side in the field's own type, and whether a value
//! meets it.

use std::cmp::Ordering;
use std::sync::LazyLock;

use serde_json::Value as Json;

use super::pattern::Pattern;
use crate::schema::Kind;
use crate::store::is_many;
use crate::store::model::Field;
use crate::time;
use crate::value::{NULL, Value, truthy};
use crate::version::Behaviour;

/// What is asked of a value.
#[derive(Debug)]
pub(super) enum Test {
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
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A right side, in the field's own type.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(super) enum Operand {
    Number(f64),
    Int(i64),
    Text(String),
}

/// The condition that an operator and its right side make for a field.
pub(super) fn test(field: &Field, operator: &str, right: &Json) -> Result<Test, String> {
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
        Kind::Float | Kind::Monetary => right.as_f64().map(Operand::Number).ok_or_else(wrong),
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
        // Zero of a number means empty as well, as `0 in [False]` is true to Python.
        let zero = matches!(kind, Kind::Integer | Kind::Float | Kind::Monetary)
            && item.as_f64() == Some(0.0);
        with_empty |= item == &Json::Bool(false) || item.is_null() || zero;
        if !(item == &Json::Bool(false) || item.is_null()) {
            values.push(operand(kind, "in", item)?);
        }
    }
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok((values, with_empty))
}

impl Comparison {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Operand {
    fn is_empty(&self) -> bool {
        match self {
            Operand::Number(number) => *number == 0.0,
            Operand::Int(number) => *number == 0,
            Operand::Text(text) => text.is_empty(),
        }
    }
}

/// What null stands for in a comparison from 17 on (`falsy_value` in `orm/fields*.py`).
fn empty_value(kind: Kind) -> &'static Value {
    static TEXT: LazyLock<Value> = LazyLock::new(|| Value::text(""));
    match kind {
        Kind::Integer => &Value::Int(0),
        Kind::Float | Kind::Monetary => &Value::Float(0.0),
        Kind::Char | Kind::Text | Kind::Selection(_) => &TEXT,
        _ => &NULL,
    }
}

impl Test {
    /// Whether a field's value meets the condition.
    pub(super) fn holds(&self, value: &Value, kind: Kind, version: &Behaviour) -> bool {
        if is_many(kind) {
            return self.holds_for_any(value.as_ids());
        }
        let compared = if value.is_null() && version.compares_empty_values {
            empty_value(kind)
        } else {
            value
        };
        let order = |right: &Operand| order_of(compared, right, version.compares_whole_seconds);
        let is_among =
            |values: &[Operand]| is_among(compared, values, version.compares_whole_seconds);
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
            Test::Equal(right) => order(right).is_some_and(Ordering::is_eq),
            // SQL's `!=` skips null; Odoo adds it where the right side is not empty itself.
            Test::NotEqual(right) => order(right).map_or(!right.is_empty(), Ordering::is_ne),
            Test::Compare(comparison, right) => {
                order(right).is_some_and(|order| comparison.allows(order))
            }
            Test::In(values, with_empty) => (*with_empty && empty) || is_among(values),
            Test::NotIn(values, with_empty) => !(is_among(values) || (*with_empty && empty)),
            // A part that is empty asks for nothing.
            Test::Like { pattern, negated } if pattern.is_anything() => !negated,
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
            Test::In(values, with_empty) => has_any(values, ids) || (*with_empty && ids.is_empty()),
            Test::NotIn(values, with_empty) => {
                !(has_any(values, ids) || (*with_empty && ids.is_empty()))
            }
            Test::ChildOf(branch) => ids.iter().any(|id| branch.binary_search(id).is_ok()),
            Test::Compare(..) | Test::Like { .. } => false,
        }
    }
}

/// Whether one of the ids is among the values. A page of them is asked for of thousands of records.
fn has_any(sorted: &[Operand], ids: &[i64]) -> bool {
    ids.iter().any(|id| {
        let order = |probe: &Operand| probe.partial_cmp(&Operand::Int(*id));
        let found = sorted.binary_search_by(|it| order(it).unwrap_or(Ordering::Less));
        found.is_ok()
    })
}

fn is_among(value: &Value, sorted: &[Operand], whole_seconds: bool) -> bool {
    sorted
        .binary_search_by(|probe| {
            order_of(value, probe, whole_seconds).map_or(Ordering::Less, Ordering::reverse)
        })
        .is_ok()
}

/// How the stored value stands to the right side; none where they do not compare (null).
fn order_of(value: &Value, right: &Operand, whole_seconds: bool) -> Option<Ordering> {
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
