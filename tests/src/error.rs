//! The errors that Odoo raises, with the names, messages and status codes that clients meet.
//!
//! JSON-RPC sends all of them with status 200 and `error.data.name`; JSON-2 with the status that
//! the exception class has (`odoo/exceptions.py`, `http_status`), 500 where it has none.

use serde_json::{Value as Json, json};

/// An exception of Odoo.
#[derive(Clone, Debug)]
pub(crate) struct OdooError {
    /// Python's full class name, where it can be told apart by protocol: see [`OdooError::http`].
    pub(crate) name: &'static str,
    pub(crate) message: String,
    pub(crate) arguments: Json,
    /// What JSON-2 answers with.
    pub(crate) status: u16,
}

impl OdooError {
    fn new(name: &'static str, status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        OdooError {
            name,
            arguments: json!([message]),
            message,
            status,
        }
    }

    pub(crate) fn access_denied() -> Self {
        OdooError::new("odoo.exceptions.AccessDenied", 403, "Access Denied")
    }

    pub(crate) fn access(message: impl Into<String>) -> Self {
        OdooError::new("odoo.exceptions.AccessError", 403, message)
    }

    pub(crate) fn user(message: impl Into<String>) -> Self {
        OdooError::new("odoo.exceptions.UserError", 422, message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        OdooError::new("odoo.exceptions.ValidationError", 422, message)
    }

    pub(crate) fn missing(model: &str, ids: &[i64], uid: i64) -> Self {
        OdooError::new(
            "odoo.exceptions.MissingError",
            404,
            format!(
                "Record does not exist or has been deleted.\n(Record: {model}{}, User: {uid})",
                tuple(ids)
            ),
        )
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        OdooError::new("builtins.ValueError", 500, message)
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        OdooError::new("builtins.TypeError", 500, message)
    }

    pub(crate) fn index(message: impl Into<String>) -> Self {
        OdooError::new("builtins.IndexError", 500, message)
    }

    pub(crate) fn exception(message: impl Into<String>) -> Self {
        OdooError::new("builtins.Exception", 500, message)
    }

    pub(crate) fn assertion(message: impl Into<String>) -> Self {
        OdooError::new("builtins.AssertionError", 500, message)
    }

    pub(crate) fn attribute(message: impl Into<String>) -> Self {
        OdooError::new("builtins.AttributeError", 500, message)
    }

    pub(crate) fn database_down() -> Self {
        OdooError::new(
            "psycopg2.OperationalError",
            500,
            "could not connect to server: Connection refused\n\tIs the server running on host \
             \"127.0.0.1\" and accepting\n\tTCP/IP connections on port 5432?\n",
        )
    }

    pub(crate) fn no_database(database: &str) -> Self {
        OdooError::new(
            "psycopg2.OperationalError",
            500,
            format!("FATAL:  database \"{database}\" does not exist\n"),
        )
    }

    pub(crate) fn serialization() -> Self {
        OdooError::new(
            "psycopg2.errors.SerializationFailure",
            500,
            "could not serialize access due to concurrent update\n",
        )
    }

    /// An error of the web framework, as JSON-2 raises them.
    pub(crate) fn http(status: u16, name: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        OdooError {
            name,
            arguments: json!([message, status]),
            message,
            status,
        }
    }

    /// A made up traceback: with a value in it, as real ones have, for the tests that see to it
    /// that no log repeats it.
    pub(crate) fn debug(&self) -> String {
        format!(
            "Traceback (most recent call last):\n  File \"odoo/http.py\", line 1, in _dispatch\n    \
             return self.handle('secret row value in traceback')\n{}: {}\n",
            self.name, self.message
        )
    }
}

/// Python's way of writing a tuple of ids.
pub(crate) fn tuple(ids: &[i64]) -> String {
    match ids {
        [only] => format!("({only},)"),
        many => {
            let texts: Vec<String> = many.iter().map(i64::to_string).collect();
            format!("({})", texts.join(", "))
        }
    }
}
