//! How AWS is reached: what Lambda puts into a function's environment, and what sends its calls
//! elsewhere.

use secrecy::SecretString;

use super::reader::Reader;
use crate::error::Result;

/// Region, credentials and endpoints. They are the environment's alone: the secret is read
/// with them.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
    /// `AWS_SESSION_TOKEN`: those of a role have one.
    pub session_token: Option<SecretString>,
    /// `AWS_ENDPOINT_URL`, for every service that has none of its own.
    pub endpoint_url: Option<String>,
}

impl AwsConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment)
    }

    /// As [`AwsConfig::from_env`], from any source of variables.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::error::ErrorKind::Config), naming every variable that is missing.
    pub fn from_lookup(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        const BY_LAMBDA: &str = "set by Lambda, and by whoever runs a function elsewhere";
        let mut reader = Reader::new(lookup);
        let region = match reader.optional("AWS_DEFAULT_REGION") {
            Some(region) => reader.optional("AWS_REGION").unwrap_or(region),
            None => reader.required("AWS_REGION", BY_LAMBDA),
        };
        let config = Self {
            region,
            access_key_id: reader.required("AWS_ACCESS_KEY_ID", BY_LAMBDA),
            secret_access_key: reader.required("AWS_SECRET_ACCESS_KEY", BY_LAMBDA).into(),
            session_token: reader.optional("AWS_SESSION_TOKEN").map(SecretString::from),
            endpoint_url: reader.optional("AWS_ENDPOINT_URL"),
        };
        reader.finish(config)
    }

    /// Where one service is, if that differs from [`AwsConfig::endpoint_url`]:
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER` for "Secrets Manager".
    pub fn endpoint_of(service: &str) -> Option<String> {
        let service = service.replace(' ', "_").to_uppercase();
        let endpoint = environment(&format!("AWS_ENDPOINT_URL_{service}"));
        endpoint.filter(|url| !url.is_empty())
    }
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<AwsConfig> {
        AwsConfig::from_lookup(&|name| {
            let mut found = variables.iter().filter(|(key, _)| *key == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_lambda_sets_is_enough() {
        let keys = [
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        for (regions, region) in [
            (vec![("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")], "a"),
            (vec![("AWS_REGION", "a")], "a"),
            (vec![("AWS_DEFAULT_REGION", "b")], "b"),
        ] {
            let config = read(&[keys.as_slice(), &regions].concat()).expect("enough");
            assert_eq!(config.region, region);
            let token = config.session_token.expect("a role's");
            assert_eq!(token.expose_secret(), "token");
            assert_eq!(config.endpoint_url, None);
        }
    }

    #[test]
    fn what_is_missing_is_named_at_once() {
        let error = read(&[("AWS_SECRET_ACCESS_KEY", "hunter2")]).expect_err("missing");
        let text = error.to_string();
        assert!(text.contains("AWS_REGION"), "{text}");
        assert!(text.contains("AWS_ACCESS_KEY_ID"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
