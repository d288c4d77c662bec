//! `order`: parsing it, and comparing rows by it as Postgres does (nulls last going up, first
//! going down).

use std::cmp::Ordering;

use crate::error::OdooError;
use crate::schema::Kind;
use crate::store::model::Model;
use crate::store::table::Row;
use crate::store::{Env, World};
use crate::value::Value;

/// One part of an order.
pub(super) struct Key {
    field: usize,
    descending: bool,
}

/// A parsed order.
pub(super) struct Order(Vec<Key>);

/// What a row is compared by.
#[derive(Debug)]
pub(super) enum SortValue {
    Null,
    Int(i64),
    Float(f64),
    Text(String),
}

impl Order {
    pub(super) fn parse(model: &Model, text: &str) -> Result<Self, OdooError> {
        let mut keys = Vec::new();
        for part in text.split(',') {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default();
            let direction = words.next().unwrap_or("asc").to_lowercase();
            if !matches!(direction.as_str(), "asc" | "desc") {
                return Err(OdooError::user(format!(
                    "Invalid \"order\" specified ({text})."
                )));
            }
            let field = model
                .shown_field(name)
                .filter(|&index| model.fields[index].stored())
                .ok_or_else(|| {
                    OdooError::value(format!(
                        "Invalid field '{name}' on model '{}'",
                        model.name()
                    ))
                })?;
            keys.push(Key {
                field,
                descending: direction == "desc",
            });
        }
        Ok(Order(keys))
    }

    /// Whether this is by id alone, and if so whether downwards.
    pub(super) fn by_id(&self) -> Option<bool> {
        match self.0.first() {
            Some(Key {
                field: 0,
                descending,
            }) => Some(*descending),
            _ => None,
        }
    }

    pub(super) fn values(
        &self,
        world: &World,
        model: &Model,
        id: i64,
        row: &Row,
        env: &Env,
    ) -> Vec<SortValue> {
        self.0
            .iter()
            .map(|key| {
                let field = &model.fields[key.field];
                match &*world.value(model, field, id, row, env) {
                    Value::Null | Value::Ids(_) => SortValue::Null,
                    Value::Bool(value) => SortValue::Int(i64::from(*value)),
                    Value::Int(value) | Value::Time(value) => SortValue::Int(*value),
                    Value::Float(value) => SortValue::Float(*value),
                    Value::Text(text) => SortValue::Text(text.to_string()),
                    Value::Ref(target) => match field.relation {
                        Some(relation) if field.kind() == Kind::Many2one => {
                            let related = &world.models[relation];
                            world.tables[relation]
                                .get(*target)
                                .map_or(SortValue::Null, |row| {
                                    SortValue::Text(world.display_name(related, *target, row, env))
                                })
                        }
                        _ => SortValue::Int(*target),
                    },
                }
            })
            .collect()
    }

    pub(super) fn compare(&self, left: &[SortValue], right: &[SortValue]) -> Ordering {
        for ((left, right), key) in left.iter().zip(right).zip(&self.0) {
            let order = ascending(left, right);
            let order = if key.descending {
                order.reverse()
            } else {
                order
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn ascending(left: &SortValue, right: &SortValue) -> Ordering {
    match (left, right) {
        (SortValue::Null, SortValue::Null) => Ordering::Equal,
        (SortValue::Null, _) => Ordering::Greater,
        (_, SortValue::Null) => Ordering::Less,
        (SortValue::Int(left), SortValue::Int(right)) => left.cmp(right),
        (SortValue::Float(left), SortValue::Float(right)) => left.total_cmp(right),
        (SortValue::Text(left), SortValue::Text(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}
