//! A method call on a model, before it takes the form of a protocol.

use serde_json::{Map, Value, json};

use super::domain::Domain;
use crate::config::OdooConfig;

/// What is called, with what.
pub(crate) struct Call<'a> {
    pub(crate) model: &'a str,
    pub(crate) method: &'static str,
    /// Arguments that JSON-RPC passes by position, since Odoo renamed some of them, and JSON-2
    /// by the name given here.
    pub(crate) positional: Vec<(&'static str, Value)>,
    /// Arguments that both pass by name.
    pub(crate) named: Map<String, Value>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(model: &'a str, method: &'static str) -> Self {
        Self {
            model,
            method,
            positional: Vec::new(),
            named: Map::new(),
        }
    }

    /// A method of records: these ones.
    pub(crate) fn on(mut self, ids: &[i64]) -> Self {
        self.positional.push(("ids", json!(ids)));
        self
    }

    /// A method that takes a domain first (`args` before Odoo 17, `domain` since).
    pub(crate) fn matching(mut self, domain: &Domain) -> Self {
        self.positional.push(("domain", domain.to_json()));
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.named.insert(name.to_owned(), value.into());
        self
    }
}

/// The context of every call: archived records too, names in one language, and, where
/// set, the company whose prices are meant.
pub(crate) fn context(config: &OdooConfig) -> Value {
    let mut context = json!({"active_test": false, "lang": config.lang});
    if let Some(company) = config.company_id {
        context["allowed_company_ids"] = json!([company]);
    }
    context
}
