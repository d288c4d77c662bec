//! Positional and named arguments of a method, bound as Python binds them.

use serde_json::{Map, Value as Json};

use crate::error::OdooError;
use crate::query::search::Search;
use crate::value::truthy;

/// The arguments of one call by name.
pub(super) struct Arguments {
    method: &'static str,
    values: Map<String, Json>,
}

static NULL: Json = Json::Null;

impl Arguments {
    /// Binds `args` and `kwargs` to the parameters; too many, twice the same or an unknown name is
    /// Python's `TypeError`.
    pub(super) fn bind(
        method: &'static str,
        parameters: &[&'static str],
        args: Vec<Json>,
        kwargs: Map<String, Json>,
    ) -> Result<Self, OdooError> {
        if args.len() > parameters.len() {
            return Err(OdooError::type_error(format!(
                "{method}() takes {} positional arguments but {} were given",
                parameters.len() + 1,
                args.len() + 1
            )));
        }
        let mut values = Map::new();
        for (name, value) in parameters.iter().zip(args) {
            values.insert((*name).to_owned(), value);
        }
        for (name, value) in kwargs {
            if !parameters.contains(&name.as_str()) {
                return Err(OdooError::type_error(format!(
                    "{method}() got an unexpected keyword argument '{name}'"
                )));
            }
            if values.insert(name.clone(), value).is_some() {
                return Err(OdooError::type_error(format!(
                    "{method}() got multiple values for argument '{name}'"
                )));
            }
        }
        Ok(Arguments { method, values })
    }

    /// The argument, or null where it was left out.
    pub(super) fn get(&self, name: &str) -> &Json {
        self.values.get(name).unwrap_or(&NULL)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(super) fn required(&self, name: &str) -> Result<&Json, OdooError> {
        self.values.get(name).ok_or_else(|| {
            OdooError::type_error(format!(
                "{}() missing 1 required positional argument: '{name}'",
                self.method
            ))
        })
    }

    pub(super) fn size(&self, name: &str) -> Option<usize> {
        self.get(name)
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
    }

    /// `limit`: Odoo takes zero and false for none.
    pub(super) fn limit(&self) -> Option<usize> {
        self.size("limit").filter(|limit| *limit > 0)
    }

    pub(super) fn search<'a>(&'a self, domain: &'a Json) -> Search<'a> {
        Search {
            domain,
            offset: self.size("offset").unwrap_or(0),
            limit: self.limit(),
            order: self.get("order").as_str().filter(|order| !order.is_empty()),
        }
    }

    /// Whether many2ones are sent with their names: `load` left out or `_classic_read`.
    pub(super) fn loads_names(&self) -> bool {
        !self.has("load") || self.get("load").as_str() == Some("_classic_read")
    }

    pub(super) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let items = self
            .get(name)
            .as_array()
            .filter(|items| !items.is_empty())?;
        Some(items.iter().filter_map(Json::as_str).collect())
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        if self.has(name) {
            truthy(self.get(name))
        } else {
            default
        }
    }
}

/// The ids a method is called on: a list or a single one.
pub(super) fn ids(json: &Json) -> Result<Vec<i64>, OdooError> {
    match json {
        Json::Array(items) => items
            .iter()
            .map(|item| {
                item.as_i64().ok_or_else(|| {
                    OdooError::type_error(format!("'{item}' cannot be interpreted as an id"))
                })
            })
            .collect(),
        Json::Number(_) => Ok(json.as_i64().into_iter().collect()),
        _ => Ok(Vec::new()),
    }
}
