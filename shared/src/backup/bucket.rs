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
use bytes::Bytes;

use crate::config::RetryConfig;
use crate::error::{Error, ErrorKind, Result};
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

impl Bucket {
    /// The bucket of this name, with region and credentials of the environment. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the environment names no account or region.
    pub fn connect(name: &str, retry: RetryConfig) -> Result<Self> {
        let attempts = SdkRetry::standard()
            .with_max_attempts(retry.max_retries.saturating_add(1))
            .with_initial_backoff(retry.delay);
        let shared = sdk::config()?
            .into_builder()
            .retry_config(attempts)
            .timeout_config(TimeoutConfig::builder().read_timeout(REQUEST_LIMIT).build())
            // It watches bodies that stream. None does here, and it would take them for stalled.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        let config = Builder::from(&shared)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
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
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|it| it.status().as_u16() == 404) =>
            {
                Ok(None)
            }
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

    fn unreadable(&self) -> Error {
        let message = format!(
            "S3's answer about bucket {} is none that can be read",
            self.name
        );
        Error::new(ErrorKind::Config, message)
    }

    /// Why a request came to nothing, by what the role of whoever asks needs for it.
    fn failed<E>(&self, right: &str, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let why = reason(right, error);
        let message = format!("the bucket {} (SYNC_BACKUP_BUCKET) fails: {why}", self.name);
        Error::new(ErrorKind::Config, message)
    }
}

/// Of an answer only its code: its body is nobody's business.
fn reason<E>(right: &str, error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(refused) => match refused.err().code() {
            Some("AccessDenied") => format!("{right} on it is not allowed (AccessDenied)"),
            Some("NoSuchBucket") => "there is none of this name (NoSuchBucket)".to_owned(),
            Some(code) => format!("S3 refuses it ({code})"),
            None => format!("S3 answers {}", refused.raw().status()),
        },
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => format!(
            "S3 is not reached; look at region, credentials and network ({})",
            chain(error)
        ),
        SdkError::TimeoutError(_) => "S3 does not answer in time".to_owned(),
        _ => "S3's answer is none that can be read".to_owned(),
    }
}

/// Only for errors from before there was an answer.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
