//! Where variables come from: the process's environment, and over it a secret.

use secrecy::ExposeSecret;
use tokio::sync::OnceCell;

use super::secret::SecretVariables;

/// One for the process, as the environment is.
pub(super) static SECRET: OnceCell<SecretVariables> = OnceCell::const_new();

/// A variable's value; the secret's where it has one.
pub(super) fn variable(name: &str) -> Option<String> {
    match SECRET.get().and_then(|secret| secret.get(name)) {
        Some(value) => Some(value.expose_secret().to_owned()),
        None => std::env::var(name).ok(),
    }
}
