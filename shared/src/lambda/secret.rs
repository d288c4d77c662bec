//! Reads the secret that `SYNC_SECRET_ID` names, over the connector that the bus uses too.
//!
//! It is read with the first event, not before: a start that waits for it is slow, and Lambda
//! would count that as the start of every new process. Nothing of it is logged: of an answer
//! only the error's code is looked at, since the SDK's own text of an error may hold the
//! answer's body.

use std::error::Error as StdError;
use std::pin::Pin;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use secrecy::SecretString;

use crate::config::SecretConfig;
use crate::error::{Error, ErrorKind, Result, chain};
use crate::sdk;

/// Lays the secret's variables over the environment, once a process. To be called before any
/// of them is read; after a failure the next call tries again.
///
/// # Errors
/// [`ErrorKind::Config`], with what to do about it.
pub(super) async fn read() -> Result<()> {
    // Its type is left out: it nests deeper than a compiler wants to look.
    let reading: Pin<Box<dyn Future<Output = Result<()>>>> =
        Box::pin(SecretConfig::from_env().lay_over(fetch));
    reading.await
}

async fn fetch(id: String) -> Result<SecretString> {
    let config = sdk::config().map_err(|error| unreadable(error.to_string()).with_source(error))?;
    let answer = Client::new(&config).get_secret_value().secret_id(id).send();
    let answer = answer.await.map_err(|error| unreadable(reason(&error)))?;
    let text = answer.secret_string.ok_or_else(|| {
        unreadable("it is kept as binary; keep it as text, a JSON object".to_owned())
    })?;
    Ok(SecretString::from(text))
}

fn unreadable(reason: String) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("SYNC_SECRET_ID names a secret that cannot be read: {reason}"),
    )
}

/// Why, and what to do, without anything of an answer but its code.
fn reason<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(refused) => match refused.err().code().unwrap_or("no code") {
            "AccessDeniedException" => {
                "allow this function secretsmanager:GetSecretValue on it (AccessDeniedException)"
                    .to_owned()
            }
            "ResourceNotFoundException" => {
                "there is none of this name or ARN in this region (ResourceNotFoundException)"
                    .to_owned()
            }
            code => format!("Secrets Manager refuses it ({code})"),
        },
        SdkError::ConstructionFailure(_) | SdkError::DispatchFailure(_) => format!(
            "Secrets Manager is not reached; look at region, credentials and network ({})",
            chain(error)
        ),
        SdkError::TimeoutError(_) => "Secrets Manager does not answer in time".to_owned(),
        _ => "Secrets Manager's answer is none that can be read".to_owned(),
    }
}
