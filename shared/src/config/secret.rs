//! Variables that are kept in a secret of AWS Secrets Manager: one JSON object whose keys
//! are the names of variables.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::environment::SECRET;
use crate::error::{Error, ErrorKind, Result};

/// Which secret holds variables. It is named by the environment alone.
#[derive(Debug, Clone)]
pub struct SecretConfig {
    /// Name or ARN of the secret; `None`: the environment holds all there is.
    pub id: Option<String>,
}

impl SecretConfig {
    /// `SYNC_SECRET_ID`.
    pub fn from_env() -> Self {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// As [`SecretConfig::from_env`], from any source of variables.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let id = lookup("SYNC_SECRET_ID").unwrap_or_default();
        Self {
            id: Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
        }
    }

    /// Has the secret fetched and lays its variables over the environment. Does nothing where
    /// none is named or it has been done; after a failure the next call tries again.
    ///
    /// # Errors
    /// What `fetch` fails with, and [`ErrorKind::Config`] where the secret is no JSON object.
    pub async fn lay_over<F>(self, fetch: impl FnOnce(String) -> F) -> Result<()>
    where
        F: Future<Output = Result<SecretString>>,
    {
        let Some(id) = self.id else {
            return Ok(());
        };
        let read = async || SecretVariables::from_json(&fetch(id).await?);
        SECRET.get_or_try_init(read).await.map(|_| ())
    }
}

/// The variables in a secret.
#[derive(Debug, Default)]
pub struct SecretVariables(BTreeMap<String, SecretString>);

impl SecretVariables {
    /// Reads `{"ODOO_PASSWORD": "…", "SYNC_BATCH_SIZE": 500}`. What is no text counts as its
    /// JSON text; `null` leaves the environment's value in force. Keys that name no variable
    /// are kept and never asked for.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where it is no JSON object. Nothing of it is repeated.
    pub fn from_json(secret: &SecretString) -> Result<Self> {
        // The parser's own error may repeat what it found.
        let values: BTreeMap<String, Value> = serde_json::from_str(secret.expose_secret())
            .map_err(|_| {
                Error::new(
                    ErrorKind::Config,
                    "SYNC_SECRET_ID names a secret that is malformed: its text is a JSON object whose keys are names of variables, such as {\"ODOO_PASSWORD\": \"…\"}",
                )
            })?;
        let text = |value| match value {
            Value::Null => None,
            Value::String(text) => Some(SecretString::from(text)),
            other => Some(SecretString::from(other.to_string())),
        };
        let variables = values
            .into_iter()
            .filter_map(|(name, value)| Some((name, text(value)?)));
        Ok(Self(variables.collect()))
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&SecretString> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SecretVariables> {
        SecretVariables::from_json(&SecretString::from(text))
    }

    #[test]
    fn texts_numbers_and_objects_are_variables_and_null_is_none() {
        let secret = read(
            r#"{"ODOO_PASSWORD": " a b", "SYNC_BATCH_SIZE": 500, "ODOO_LANG": null,
                "SYNC_EXTRA_FIELDS": {"products": ["x_brand"]}}"#,
        )
        .expect("an object");
        let get = |name| secret.get(name).map(ExposeSecret::expose_secret);
        assert_eq!(get("ODOO_PASSWORD"), Some(" a b"));
        assert_eq!(get("SYNC_BATCH_SIZE"), Some("500"));
        assert_eq!(get("ODOO_LANG"), None);
        assert_eq!(
            get("SYNC_EXTRA_FIELDS"),
            Some(r#"{"products":["x_brand"]}"#)
        );
    }

    #[test]
    fn what_is_no_object_is_refused_and_not_repeated() {
        for wrong in [
            "",
            "hunter2",
            "\"hunter2\"",
            "[\"hunter2\"]",
            "{\"ODOO_PASSWORD\": \"hunter2\"",
        ] {
            let error = read(wrong).expect_err("no object");
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.chain().starts_with("SYNC_SECRET_ID"));
            assert!(!error.chain().contains("hunter"), "{}", error.chain());
        }
    }

    #[test]
    fn its_values_are_not_printed() {
        let secret = read(r#"{"ODOO_PASSWORD": "hunter2"}"#).expect("an object");
        assert!(!format!("{secret:?}").contains("hunter"));
    }

    #[test]
    fn an_empty_id_names_no_secret() {
        let id = |value: &str| SecretConfig::from_lookup(&|_| Some(value.to_owned())).id;
        assert_eq!(id(" sync/prod ").as_deref(), Some("sync/prod"));
        assert_eq!(id(" "), None);
    }

    #[tokio::test]
    async fn without_an_id_nothing_is_fetched() {
        let config = SecretConfig { id: None };
        let done = config.lay_over(async |_| unreachable!("nothing to fetch"));
        assert!(done.await.is_ok());
    }
}
