//! The tokens that open the hooks which Odoo calls.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::environment::variable;
use super::reader::Reader;
use crate::error::Result;
use crate::specs::DataType;

/// What nobody guesses: 64 bits even where only hexadecimal digits are used.
const MIN_LENGTH: usize = 16;

/// A token a hook, so that one that is known opens no other.
#[derive(Debug, Clone, Default)]
pub struct HooksConfig {
    /// By data type. One without a token is closed.
    pub tokens: BTreeMap<String, SecretString>,
}

impl HooksConfig {
    /// `SYNC_HOOK_TOKENS`; without it every hook is closed.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where it is malformed.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&variable)
    }

    /// As [`HooksConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where it is malformed.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let mut reader = Reader::new(lookup);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let Some(text) = reader.optional("SYNC_HOOK_TOKENS") else {
            return Self::default();
        };
        // The parser's own error may repeat what it found.
        let tokens: BTreeMap<String, String> = serde_json::from_str(&text).unwrap_or_default();
        let is_long = |token: &String| token.len() >= MIN_LENGTH;
        let is_right = !tokens.is_empty()
            && tokens.keys().all(|name| DataType::find(name).is_some())
            && tokens.values().all(is_long);
        if !is_right {
            reader.refuse(format!(
                r#"SYNC_HOOK_TOKENS is malformed: it has the form {{"products": "…"}}, with names of data types and a token of at least {MIN_LENGTH} characters each"#
            ));
            return Self::default();
        }
        let kept = tokens.into_iter();
        Self {
            tokens: kept.map(|(name, token)| (name, token.into())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(text: &str) -> Result<HooksConfig> {
        HooksConfig::from_lookup(&|name| {
            assert_eq!(name, "SYNC_HOOK_TOKENS");
            Some(text.to_owned())
        })
    }

    #[test]
    fn each_data_type_has_its_token_and_none_is_none() {
        let config = read(r#"{"products": "0123456789abcdef", "sales": "another-long-token"}"#);
        let tokens = config.expect("a form").tokens;
        assert_eq!(tokens.len(), 2);
        assert_eq!(tokens["sales"].expose_secret(), "another-long-token");
        assert!(read(" ").expect("unset").tokens.is_empty());
    }

    #[test]
    fn a_short_token_or_an_unknown_data_type_is_refused_and_not_repeated() {
        for wrong in [
            "hunter2hunter2hunter2",
            "[]",
            "{}",
            r#"{"products": "hunter2"}"#,
            r#"{"products": 1234567890123456}"#,
            r#"{"hunter2": "0123456789abcdef"}"#,
        ] {
            let error = read(wrong).expect_err("malformed").to_string();
            assert!(
                error.starts_with("SYNC_HOOK_TOKENS is malformed"),
                "{error}"
            );
            assert!(!error.contains("hunter"), "{error}");
        }
    }
}
