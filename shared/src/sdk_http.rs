//! The AWS SDK's HTTP exchanges, made by reqwest.
//!
//! The SDK's own client brings rustls with aws-lc, a second cryptography beside the one
//! that Odoo and Postgres connections use anyway. Its connector trait is public, so the
//! one client we have serves it too.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use crate::tls;

/// Limit of one exchange where the SDK asks for none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Hands the SDK connectors that share one reqwest client.
#[derive(Debug, Clone)]
pub(crate) struct SdkHttpClient {
    client: reqwest::Client,
}

impl SdkHttpClient {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = tls::http_client()
            .connect_timeout(Duration::from_secs(5))
            .build()?;
        Ok(Self { client })
    }
}

impl HttpClient for SdkHttpClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector {
            client: self.client.clone(),
            timeout: settings.read_timeout().unwrap_or(TIMEOUT),
        })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    client: reqwest::Client,
    timeout: Duration,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move { connector.exchange(request).await })
    }
}

impl Connector {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (parts, body) = request.into_parts();
        // Whatever is sent here is in memory, a part of a backup too; a stream would go out as nothing.
        let body = body.bytes().ok_or("a body that is a stream");
        let body = body.map_err(|error| ConnectorError::user(error.into()))?;
        let body = body.to_vec();
        let request = reqwest::Request::try_from(http::Request::from_parts(parts, body))
            .map_err(|error| ConnectorError::user(error.into()))?;
        let sent = async {
            let response = self.client.execute(request).await?;
            let status = response.status();
            let headers = response.headers().clone();
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?))
        };
        let (status, headers, body) = tokio::time::timeout(self.timeout, sent)
            .await
            .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?
            .map_err(|error| ConnectorError::io(error.into()))?;
        let mut response = http::Response::builder().status(status);
        if let Some(target) = response.headers_mut() {
            *target = headers;
        }
        response
            .body(SdkBody::from(body))
            .map_err(|error| ConnectorError::other(error.into(), None))?
            .try_into()
            .map_err(|error: aws_smithy_runtime_api::http::HttpError| {
                ConnectorError::other(error.into(), None)
            })
    }
}
