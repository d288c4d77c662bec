//! What lets HTTP callers in.

use secrecy::SecretString;

use super::environment::variable;

/// The keys that open the HTTP routes. Read apart from [`Config`] because a caller
/// is refused before anything else is looked at.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// The key in force; `None` closes every protected route.
    pub api_key: Option<SecretString>,
}

impl HttpConfig {
    /// `SYNC_API_KEY`, or `SUPABASE_SERVICE_ROLE_KEY` only where that is unset.
    pub fn from_env() -> Self {
        Self::from_lookup(&variable)
    }

    /// As [`HttpConfig::from_env`], from any source of variables.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name| {
            let value = lookup(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        Self {
            api_key: set("SYNC_API_KEY")
                .or_else(|| set("SUPABASE_SERVICE_ROLE_KEY"))
                .map(SecretString::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_role_key_opens_only_where_no_key_is_set() {
        use secrecy::ExposeSecret;
        let key = |pairs: &[(&str, &str)]| {
            HttpConfig::from_lookup(&|name| {
                pairs
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, value)| (*value).to_owned())
            })
            .api_key
            .map(|key| key.expose_secret().to_owned())
        };
        let both = [("SYNC_API_KEY", "a"), ("SUPABASE_SERVICE_ROLE_KEY", "b")];
        assert_eq!(key(&both).as_deref(), Some("a"));
        assert_eq!(key(&both[1..]).as_deref(), Some("b"));
        assert_eq!(key(&[("SYNC_API_KEY", " ")]), None);
    }
}
