//! Why a request to S3 came to nothing: whether somebody has to set something right, or the next
//! attempt may well go through.
//!
//! The SDK has tried again what may pass before this is asked. Of an answer only its code is told:
//! its body is nobody's business.

use std::error::Error as StdError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::error::{Error, ErrorKind, Retry, chain};

/// What S3 answers with another status than 403 and what waiting does not mend
/// (its "Error responses").
const MISCONFIGURED: [&str; 7] = [
    "InvalidBucketName",
    "ExpiredToken",
    "InvalidToken",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
];

/// What S3 answers with a 400 and what passes.
const PASSING: [&str; 3] = ["RequestTimeout", "SlowDown", "ServiceUnavailable"];

const LATE: &str = "S3 does not answer in time";

/// The error of a request about this bucket, which whoever asks needs this right for.
///
/// [`ErrorKind::Config`] for a bucket that is missing, elsewhere or closed to these credentials;
/// [`ErrorKind::S3Unreachable`] where nothing answers, [`ErrorKind::S3Fault`] for any other answer.
pub(super) fn failed<E>(bucket: &str, right: &str, error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(refused) => {
            let status = refused.raw().status().as_u16();
            refusal(bucket, right, status, refused.err().code())
        }
        // Nothing was sent: no such request can be made of this name and these variables.
        SdkError::ConstructionFailure(_) => Error::new(
            ErrorKind::Config,
            format!(
                "bucket {bucket}: S3 cannot be asked for it; look at its name, AWS_REGION and AWS_ENDPOINT_URL ({})",
                chain(error)
            ),
        ),
        SdkError::TimeoutError(_) => unreachable(bucket, LATE),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => unreachable(bucket, LATE),
        SdkError::DispatchFailure(_) => {
            unreachable(bucket, &format!("S3 is not reached ({})", chain(error)))
        }
        _ => unreadable(bucket),
    }
}

/// S3 answered with something that is none of its answers, or was cut off.
pub(super) fn unreadable(bucket: &str) -> Error {
    let message = format!("bucket {bucket}: S3's answer is none that can be read");
    Error::new(ErrorKind::S3Fault, message).with_retry(Retry::Backoff)
}

fn unreachable(bucket: &str, why: &str) -> Error {
    let message = format!("bucket {bucket}: {why}");
    Error::new(ErrorKind::S3Unreachable, message).with_retry(Retry::Backoff)
}

/// By status and code; the answer to a `HEAD` has no body and so no code.
fn refusal(bucket: &str, right: &str, status: u16, code: Option<&str>) -> Error {
    let told = code.map_or_else(|| status.to_string(), |code| format!("{code}, {status}"));
    let config = |why: String| Error::new(ErrorKind::Config, format!("bucket {bucket}: {why}"));
    match (code, status) {
        (Some("NoSuchBucket"), _) => config(format!(
            "there is none of this name in this account and region ({told}); look at SYNC_BACKUP_BUCKET or the address that was given, and at AWS_REGION"
        )),
        (Some("AccessDenied") | None, 403) => config(format!(
            "{right} on it is not allowed ({told}); give that right to the function's role, or to whom AWS_ACCESS_KEY_ID belongs to (who lacks s3:ListBucket is told the same of a file that is not there)"
        )),
        _ if is_misconfigured(status, code) => config(format!(
            "S3 refuses it ({told}); look at AWS_REGION and the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN)"
        )),
        _ => {
            let passes =
                status >= 500 || status == 429 || code.is_some_and(|it| PASSING.contains(&it));
            let retry = if passes { Retry::Backoff } else { Retry::Never };
            let message = format!("bucket {bucket}: S3 fails ({told})");
            Error::new(ErrorKind::S3Fault, message).with_retry(retry)
        }
    }
}

fn is_misconfigured(status: u16, code: Option<&str>) -> bool {
    matches!(status, 300..=399 | 401 | 403) || code.is_some_and(|it| MISCONFIGURED.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_has_to_set_right_is_configuration_and_what_passes_is_not() {
        for (status, code, kind, retry) in [
            (404, Some("NoSuchBucket"), ErrorKind::Config, Retry::Never),
            (403, Some("AccessDenied"), ErrorKind::Config, Retry::Never),
            (403, None, ErrorKind::Config, Retry::Never),
            (
                403,
                Some("InvalidAccessKeyId"),
                ErrorKind::Config,
                Retry::Never,
            ),
            (400, Some("ExpiredToken"), ErrorKind::Config, Retry::Never),
            (301, None, ErrorKind::Config, Retry::Never),
            (503, Some("SlowDown"), ErrorKind::S3Fault, Retry::Backoff),
            (
                500,
                Some("InternalError"),
                ErrorKind::S3Fault,
                Retry::Backoff,
            ),
            (503, None, ErrorKind::S3Fault, Retry::Backoff),
            (
                400,
                Some("RequestTimeout"),
                ErrorKind::S3Fault,
                Retry::Backoff,
            ),
            (404, Some("NoSuchUpload"), ErrorKind::S3Fault, Retry::Never),
            (
                400,
                Some("EntityTooSmall"),
                ErrorKind::S3Fault,
                Retry::Never,
            ),
        ] {
            let error = refusal("nightly", "s3:PutObject", status, code);
            let case = format!("{status} {code:?}: {error}");
            assert_eq!((error.kind(), error.retry()), (kind, retry), "{case}");
            assert!(error.to_string().contains("nightly"), "{case}");
        }
    }

    #[test]
    fn a_right_that_is_missing_is_named() {
        let error = refusal("nightly", "s3:PutObject", 403, Some("AccessDenied"));
        assert!(error.to_string().contains("s3:PutObject"), "{error}");
    }
}
