//! The function `backup`: takes a backup whenever it is invoked, whatever the event says. It needs no
//! Odoo.
//!
//! A backup that fails is an error towards Lambda, other than a sync that fails: it stands
//! on record nowhere else. So it is tried again, and in the end kept among the dead letters.

use std::pin::Pin;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::deadline::Deadline;
use super::secret;
use crate::backup::{Bucket, Taken, take};
use crate::config::BackupConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::telemetry;

/// Runs the Lambda function `backup` until Lambda stops the process.
///
/// # Errors
/// Only what the Lambda runtime itself reports.
pub async fn run_backup() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    lambda_runtime::run(service_fn(|event: LambdaEvent<IgnoredAny>| async move {
        let deadline = Deadline::new(event.context.deadline);
        // Its type is left out: it nests deeper than a compiler wants to look.
        let working: Pin<Box<dyn Future<Output = Result<Taken>>>> =
            Box::pin(back_up(deadline.of_lambda()));
        answer(working.await)
    }))
    .await
}

async fn back_up(until: Instant) -> Result<Taken> {
    secret::read().await?;
    let config = BackupConfig::from_env()?;
    let bucket = Bucket::connect(&config.bucket, config.postgres.retry)?;
    let late = async {
        sleep_until(until).await;
        late()
    };
    take(&config.postgres, &bucket, late).await
}

fn late() -> Error {
    let message = "the backup was not done before Lambda's deadline";
    Error::new(ErrorKind::Deadline, message)
}

fn answer(taken: Result<Taken>) -> Result<Value, lambda_runtime::Error> {
    match taken {
        Ok(Taken { location, manifest }) => {
            let (tables, rows, bytes) = (manifest.tables.len(), manifest.rows(), manifest.bytes());
            tracing::info!(location, tables, rows, bytes, "backup completed");
            Ok(json!({
                "success": true,
                "message": "Backup completed",
                "data": {
                    "location": location, "migrationVersion": manifest.migration_version,
                    "startedAt": manifest.started_at, "finishedAt": manifest.finished_at,
                    "tables": tables, "rows": rows, "bytes": bytes,
                },
            }))
        }
        Err(error) => {
            let kind = error.kind();
            let (code, cause, remedy) = (kind.code(), error.chain(), kind.remedy());
            tracing::error!(code, cause, remedy, "backup failed");
            // Its text alone: the runtime logs an error with all that is in it.
            Err(format!("{code}: {error}").into())
        }
    }
}
