//! Calls of AWS's JSON protocols, as far as a bus and a secret need them.
//!
//! Without the SDK: four crates more would be compiled by everybody who tries the demo, for
//! requests that moto takes unsigned.

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use shared::tls::http_client;

/// Where everything is said to be.
pub const REGION: &str = "eu-central-1";
/// The account that moto has.
pub(crate) const ACCOUNT: &str = "123456789012";
/// Key and secret: moto looks at neither.
const KEY: &str = "local";

/// A server that plays AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    url: String,
    http: Client,
}

impl Aws {
    /// One at this address, such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn at(url: impl Into<String>) -> Result<Self> {
        // A proxy of this machine's is not for its own loopback address.
        let http = http_client().no_proxy().build()?;
        Ok(Self {
            url: url.into(),
            http,
        })
    }

    /// Whether it answers.
    pub async fn is_up(&self) -> bool {
        self.http.get(&self.url).send().await.is_ok()
    }

    /// The variables that lead a function's AWS SDK here.
    pub fn variables(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// Makes a secret whose text this is; returns its ARN.
    ///
    /// # Errors
    /// Where there is one of this name, or nobody answers.
    pub async fn create_secret(&self, name: &str, text: &str) -> Result<String> {
        let body = json!({"Name": name, "SecretString": text, "ClientRequestToken": token()});
        let answer = self
            .call("secretsmanager", "secretsmanager.CreateSecret", &body)
            .await?;
        let arn = answer["ARN"].as_str().context("the secret has no ARN")?;
        Ok(arn.to_owned())
    }

    /// Makes an S3 bucket.
    ///
    /// # Errors
    /// Where nobody answers, or it is refused.
    pub async fn create_bucket(&self, name: &str) -> Result<()> {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let answer = self
            .http
            .put(format!("{}/{name}", self.url))
            .header("authorization", authorization("s3"))
            .body(place)
            .send()
            .await
            .with_context(|| format!("the bucket {name} gets no answer"))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "the bucket {name} is answered with {status}"
        );
        Ok(())
    }

    /// Sends events. An entry that is refused is an error.
    ///
    /// # Errors
    /// Where one is refused, or nobody answers.
    pub async fn put_events(&self, entries: &[Value]) -> Result<()> {
        let answer = self
            .events("PutEvents", json!({"Entries": entries}))
            .await?;
        ensure!(
            answer["FailedEntryCount"] == 0,
            "an event is refused: {answer}"
        );
        Ok(())
    }

    /// Calls EventBridge's API, such as `PutRule`; returns its answer.
    ///
    /// # Errors
    /// Where it is refused, or nobody answers.
    pub async fn events(&self, action: &str, body: Value) -> Result<Value> {
        self.call("events", &format!("AWSEvents.{action}"), &body)
            .await
    }

    /// Calls SQS's API, such as `SendMessage`; returns its answer.
    ///
    /// # Errors
    /// Where it is refused, or nobody answers.
    pub async fn queues(&self, action: &str, body: Value) -> Result<Value> {
        self.call("sqs", &format!("AmazonSQS.{action}"), &body)
            .await
    }

    async fn call(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let version = if service == "sqs" { "1.0" } else { "1.1" };
        let answer = self
            .http
            .post(&self.url)
            .header("authorization", authorization(service))
            .header("content-type", format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target)
            .body(body.to_string())
            .send()
            .await
            .with_context(|| format!("{target} gets no answer"))?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(
            status.is_success(),
            "{target} is answered with {status}: {text}"
        );
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{target} is not answered in JSON"))
    }
}

/// The header `authorization` of a call: moto reads service and region from it, and looks at no more.
pub fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=none"
    )
}

fn token() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The ARN of a function here.
pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}
