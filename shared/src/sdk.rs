//! What the AWS SDK's clients are built with.
//!
//! Lambda hands a function its role's credentials and its region in the environment, so that is
//! all that is looked at. The chain of `aws-config` (profiles, SSO, STS, the metadata services of
//! EC2 and of containers) would be in each function for nothing.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_eventbridge::config::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use secrecy::ExposeSecret;

use crate::config::AwsConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sdk_http::SdkHttpClient;

/// As long as the SDK's own chain would set.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// Account, region and endpoints of the environment.
///
/// # Errors
/// [`ErrorKind::Config`] where a variable that Lambda sets is missing.
pub(crate) fn config() -> Result<SdkConfig> {
    let aws = AwsConfig::from_env()?;
    let http = SdkHttpClient::new().map_err(|error| {
        Error::new(ErrorKind::Internal, "no HTTP client can be made").with_source(error)
    })?;
    let credentials = Credentials::new(
        aws.access_key_id,
        aws.secret_access_key.expose_secret(),
        aws.session_token.map(|it| it.expose_secret().to_owned()),
        None,
        "environment",
    );
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(aws.region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts.build())
        .service_config(Endpoints)
        .http_client(http);
    config.set_endpoint_url(aws.endpoint_url);
    Ok(config.build())
}

/// `AWS_ENDPOINT_URL_<SERVICE>`.
#[derive(Debug)]
struct Endpoints;

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        match key.env() {
            "AWS_ENDPOINT_URL" => AwsConfig::endpoint_of(key.service_id()),
            _ => None,
        }
    }
}
