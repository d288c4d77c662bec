//! Which users of the Supabase project may call the routes with their own tokens.

use super::environment::variable;
use super::reader::Reader;
use crate::error::Result;

/// What a token must say beside being the project's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// Who issues the tokens, such as `https://ref.supabase.co/auth/v1`.
    pub issuer: String,
    /// Where the claim stands in the token, from outside in.
    pub claim: Vec<String>,
    /// What it must be, or hold where it is a list.
    pub value: String,
}

impl JwtConfig {
    /// `SUPABASE_URL` and `SYNC_JWT_CLAIM`; without the latter no token opens anything.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where either is malformed, or the former missing.
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_lookup(&variable)
    }

    /// As [`JwtConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config) where either is malformed, or the former missing.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let mut reader = Reader::new(lookup);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.optional("SUPABASE_URL");
        let text = reader.optional("SYNC_JWT_CLAIM")?;
        let url = url.unwrap_or_else(|| reader.required("SUPABASE_URL", URL_FORM));
        let is_url = reqwest::Url::parse(&url)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        if !url.is_empty() && !is_url {
            reader.refuse(format!("SUPABASE_URL is malformed: it is {URL_FORM}"));
        }
        let claim = read_claim(&text);
        if claim.is_none() {
            reader.refuse(CLAIM_FORM.to_owned());
        }
        let (claim, value) = claim?;
        Some(Self {
            issuer: format!("{}/auth/v1", url.trim_end_matches('/')),
            claim,
            value,
        })
    }
}

const URL_FORM: &str = "the project's address, such as https://ref.supabase.co";
const CLAIM_FORM: &str = "SYNC_JWT_CLAIM is malformed: it has the form role=sync_admin or app_metadata.role=sync_admin, and names no claim in user_metadata, which users write themselves";

/// Path and value.
fn read_claim(text: &str) -> Option<(Vec<String>, String)> {
    let (path, value) = text.split_once('=')?;
    let path: Vec<String> = path.split('.').map(|name| name.trim().to_owned()).collect();
    let is_right = path.iter().all(|name| !name.is_empty())
        && path[0] != "user_metadata"
        && !value.trim().is_empty();
    is_right.then(|| (path, value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, claim: &str) -> Result<Option<JwtConfig>> {
        JwtConfig::from_lookup(&|name| match name {
            "SUPABASE_URL" => Some(url.to_owned()),
            "SYNC_JWT_CLAIM" => Some(claim.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_claim_may_stand_inside_another() {
        let config = read("https://ref.supabase.co/", "app_metadata.role=sync_admin");
        let expected = JwtConfig {
            issuer: "https://ref.supabase.co/auth/v1".to_owned(),
            claim: vec!["app_metadata".to_owned(), "role".to_owned()],
            value: "sync_admin".to_owned(),
        };
        assert_eq!(config.expect("a form"), Some(expected));
    }

    #[test]
    fn without_a_claim_no_token_is_asked_for() {
        assert_eq!(read("https://ref.supabase.co", " ").expect("unset"), None);
    }

    #[test]
    fn what_lets_in_everybody_or_nobody_is_refused() {
        for wrong in [
            "role",
            "role=",
            "=admin",
            ".role=admin",
            "a..b=c",
            "user_metadata.role=admin",
        ] {
            let error = read("https://ref.supabase.co", wrong).expect_err("malformed");
            assert!(error.to_string().starts_with("SYNC_JWT_CLAIM"), "{error}");
        }
        for url in ["", "ref.supabase.co", "ftp://ref.supabase.co"] {
            let error = read(url, "role=admin").expect_err("malformed");
            assert!(error.to_string().starts_with("SUPABASE_URL"), "{error}");
        }
    }
}
