//! One field's value as the simulator keeps it: 16 bytes, so that a million rows fit.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::schema::Kind;
use crate::time;

/// What a column holds. `Null` is Postgres's null; on the wire Odoo makes `false` or zero of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<String>),
    /// Microseconds since 1970.
    Time(i64),
    /// The id a many2one points to.
    Ref(i64),
    /// The ids of a one2many or many2many.
    Ids(Arc<Vec<i64>>),
}

/// The one null that references may point to.
pub(crate) static NULL: Value = Value::Null;

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Value::Text(Arc::new(text.into()))
    }

    pub(crate) fn ids(ids: Vec<i64>) -> Self {
        Value::Ids(Arc::new(ids))
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    pub(crate) fn as_ref_id(&self) -> Option<i64> {
        match self {
            Value::Ref(id) => Some(*id),
            _ => None,
        }
    }

    pub(crate) fn as_time(&self) -> Option<i64> {
        match self {
            Value::Time(micros) => Some(*micros),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_ids(&self) -> &[i64] {
        match self {
            Value::Ids(ids) => ids,
            _ => &[],
        }
    }

    pub(crate) fn as_bool(&self) -> bool {
        matches!(self, Value::Bool(true))
    }

    /// A value as a client sends it in `create` and `write`. The error says what was expected.
    pub(crate) fn from_json(kind: Kind, json: &Json) -> Result<Self, String> {
        let wrong = || Err(format!("{json} is no {}", kind.type_name()));
        if json.is_null() || (json == &Json::Bool(false) && kind != Kind::Boolean) {
            return Ok(match kind {
                Kind::Boolean => Value::Bool(false),
                Kind::Integer => Value::Int(0),
                Kind::Float | Kind::Monetary => Value::Float(0.0),
                _ => Value::Null,
            });
        }
        match kind {
            Kind::Boolean => Ok(Value::Bool(truthy(json))),
            Kind::Integer => json.as_i64().map(Value::Int).map_or_else(wrong, Ok),
            Kind::Float | Kind::Monetary => json.as_f64().map(Value::Float).map_or_else(wrong, Ok),
            Kind::Many2one => json.as_i64().map(Value::Ref).map_or_else(wrong, Ok),
            Kind::Datetime => json
                .as_str()
                .and_then(time::parse_datetime)
                .map(Value::Time)
                .map_or_else(wrong, Ok),
            Kind::Char | Kind::Text | Kind::Selection(_) => match json {
                Json::String(text) if text.is_empty() && kind != Kind::Text => Ok(Value::text("")),
                Json::String(text) => Ok(Value::text(text.clone())),
                Json::Number(number) => Ok(Value::text(number.to_string())),
                _ => wrong(),
            },
            Kind::One2many | Kind::Many2many => json
                .as_array()
                .and_then(|ids| ids.iter().map(Json::as_i64).collect::<Option<Vec<_>>>())
                .map(Value::ids)
                .map_or_else(wrong, Ok),
        }
    }

    /// The value as plain JSON, a many2one as its bare id: what `records` hands to tests.
    pub(crate) fn to_json(&self, kind: Kind) -> Json {
        match (self, kind) {
            (Value::Null, Kind::Integer) => Json::from(0),
            (Value::Null, Kind::Float | Kind::Monetary) => Json::from(0.0),
            (Value::Null, Kind::One2many | Kind::Many2many) => Json::Array(Vec::new()),
            (Value::Null, _) => Json::Bool(false),
            (Value::Bool(value), _) => Json::Bool(*value),
            (Value::Int(value) | Value::Ref(value), _) => Json::from(*value),
            (Value::Float(value), _) => Json::from(*value),
            (Value::Text(text), _) => Json::String(text.as_str().to_owned()),
            (Value::Time(micros), _) => Json::String(time::datetime_text(*micros)),
            (Value::Ids(ids), _) => Json::from(ids.as_slice()),
        }
    }
}

/// Python's `bool(value)`.
pub(crate) fn truthy(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(map) => !map.is_empty(),
    }
}
