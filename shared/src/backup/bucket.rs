//! S3, as far as a backup needs it: files that are put there in one piece or in parts, and
//! read in pieces. Nothing here holds more than a part.
//!
//! Requests are signed over their bodies, so S3 itself notices a part that was damaged on its
//! way; the checksums that the SDK would add beside that are left out. The HTTP client is the
//! one that everything else has ([`crate::sdk_http`]).

use std::error::Error as StdError;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Builder, RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_types::retry::RetryConfig as SdkRetry;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use bytes::Bytes;

use super::failure;
use crate::config::RetryConfig;
use crate::error::{Error, Result};
use crate::sdk;

/// Limit of one request: a part at 100 KB a second.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// A bucket.
#[derive(Debug)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// A file that is being put there in parts. Until it is finished nobody sees it.
#[derive(Debug)]
pub(super) struct Upload {
    key: String,
    id: String,
    parts: Vec<CompletedPart>,
}

/// A client for this account whose requests may take so long each.
fn client(account: &SdkConfig, retry: RetryConfig, limit: Duration) -> Client {
    let attempts = SdkRetry::standard()
        .with_max_attempts(retry.max_retries.saturating_add(1))
        .with_initial_backoff(retry.delay);
    let account = account
        .to_builder()
        .retry_config(attempts)
        .timeout_config(TimeoutConfig::builder().read_timeout(limit).build())
        // It watches bodies that stream. None does here, and it would take them for stalled.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    let config = Builder::from(&account)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .build();
    Client::from_conf(config)
}

impl Bucket {
    /// The bucket of this name, with region and credentials of the environment. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the environment names no account or region.
    pub fn connect(name: &str, retry: RetryConfig) -> Result<Self> {
        Ok(Self {
            client: client(&sdk::config()?, retry, REQUEST_LIMIT),
            name: name.to_owned(),
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Puts a file there in one piece.
    pub(super) async fn put(&self, key: &str, content_type: &str, body: Bytes) -> Result<()> {
        let put = self.client.put_object().bucket(&self.name).key(key);
        let put = put.content_type(content_type).body(ByteStream::from(body));
        // Boxed, here and below: the SDK's futures nest deeper than a compiler wants to look.
        let put = Box::pin(put.send()).await;
        put.map_err(|error| self.failed("s3:PutObject", &error))?;
        Ok(())
    }

    pub(super) async fn begin(&self, key: &str, content_type: &str) -> Result<Upload> {
        let begin = self.client.create_multipart_upload();
        let begin = begin.bucket(&self.name).key(key).content_type(content_type);
        let begun = Box::pin(begin.send()).await;
        let begun = begun.map_err(|error| self.failed("s3:PutObject", &error))?;
        let id = begun.upload_id.ok_or_else(|| self.unreadable())?;
        Ok(Upload {
            key: key.to_owned(),
            id,
            parts: Vec::new(),
        })
    }

    /// Adds a file's next part.
    pub(super) async fn add(&self, upload: &mut Upload, part: Bytes) -> Result<()> {
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let put = self.client.upload_part().bucket(&self.name);
        let put = put.key(&upload.key).upload_id(&upload.id);
        let put = put.part_number(number).body(ByteStream::from(part));
        let put = Box::pin(put.send()).await;
        let put = put.map_err(|error| self.failed("s3:PutObject", &error))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(put.e_tag)
            .build();
        upload.parts.push(part);
        Ok(())
    }

    /// Makes one file of the parts.
    pub(super) async fn finish(&self, upload: &Upload) -> Result<()> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(upload.parts.clone()))
            .build();
        let finish = self.client.complete_multipart_upload();
        let finish = finish.bucket(&self.name).key(&upload.key);
        let finish = finish.upload_id(&upload.id).multipart_upload(parts);
        let finished = Box::pin(finish.send()).await;
        finished.map_err(|error| self.failed("s3:PutObject", &error))?;
        Ok(())
    }

    /// Throws the parts away, which would cost as much as a file.
    pub(super) async fn abort(&self, upload: &Upload) -> Result<()> {
        let abort = self.client.abort_multipart_upload();
        let abort = abort.bucket(&self.name).key(&upload.key);
        let aborted = Box::pin(abort.upload_id(&upload.id).send()).await;
        aborted.map_err(|error| self.failed("s3:AbortMultipartUpload", &error))?;
        Ok(())
    }

    /// The size of a file; `None` where there is none of this key.
    pub(super) async fn size(&self, key: &str) -> Result<Option<u64>> {
        let head = self.client.head_object().bucket(&self.name).key(key);
        match Box::pin(head.send()).await {
            Ok(head) => {
                let size = head.content_length.and_then(|size| size.try_into().ok());
                size.map(Some).ok_or_else(|| self.unreadable())
            }
            // It has no body that could tell a missing file from a missing bucket.
            Err(error) if error.raw_response().is_some() => self.missing(key).await,
            Err(error) => Err(self.failed("s3:GetObject", &error)),
        }
    }

    /// A piece of a file.
    pub(super) async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let last = range.end.saturating_sub(1);
        let get = self.client.get_object().bucket(&self.name).key(key);
        let get = get.range(format!("bytes={}-{last}", range.start));
        let got = Box::pin(get.send()).await;
        let got = got.map_err(|error| self.failed("s3:GetObject", &error))?;
        let body = got.body.collect().await;
        let body = body.map_err(|error| self.unreadable().with_source(error))?;
        Ok(body.into_bytes())
    }

    /// What keeps a file from being read, by an answer that has a body; `None` where it is just
    /// not there.
    async fn missing(&self, key: &str) -> Result<Option<u64>> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        match Box::pin(get.range("bytes=0-0").send()).await {
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(self.failed("s3:GetObject", &error)),
            Ok(_) => Err(self.unreadable()),
        }
    }

    fn unreadable(&self) -> Error {
        failure::unreadable(&self.name)
    }

    fn failed<E>(&self, right: &str, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        failure::failed(&self.name, right, error)
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_sdk_s3::config::{BehaviorVersion, Region};
    use tokio::net::TcpListener;

    use super::*;
    use crate::error::{ErrorKind, Retry};
    use crate::sdk_http::SdkHttpClient;

    /// A bucket behind this port, whose answers are waited for as long as that.
    fn bucket_at(port: u16, limit: Duration) -> Bucket {
        let keys = Credentials::new("id", "key", None, None, "test");
        let shared = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .http_client(SdkHttpClient::new().expect("a client"))
            .build();
        Bucket {
            client: client(&shared, RetryConfig::NONE, limit),
            name: "nightly".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_s3_that_says_nothing_is_given_up_and_may_be_asked_again() {
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = silent.local_addr().expect("its address").port();
        let bucket = bucket_at(port, Duration::from_millis(100));
        let put = bucket.put("a", "text/plain", Bytes::from_static(b"a"));
        let error = put.await.expect_err("nothing was answered");
        assert_eq!(error.kind(), ErrorKind::S3Unreachable, "{error}");
        assert_eq!(error.retry(), Retry::Backoff);
        assert!(error.to_string().contains("in time"), "{error}");
    }
}
