//! What a caller is told of a batch: the sum over its data types, and each one's result.

use serde::Serialize;
use serde_json::{Value, json};
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::metadata::batches::{self, Part, State};
use crate::metadata::runs::{self, RunReport};
use crate::sync::request::Mode;

/// The `data` object of an answer about a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchReport {
    batch_id: Uuid,
    mode: Mode,
    /// `in_progress`, `success` or `failed`.
    status: &'static str,
    #[serde(flatten)]
    sum: Sum,
    /// Milliseconds from its start.
    duration: u64,
    /// One a data type: what a sync of it answers as `data`, with `error` where it failed; and
    /// only its name and `status` (`pending` or `in_progress`) until it is over.
    results: Vec<Value>,
    /// The first failure, and how many of how many there are.
    #[serde(skip)]
    failure: Option<(ErrorKind, String)>,
}

/// Counts over all data types that are over.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Sum {
    records_processed: u64,
    records_inserted: u64,
    records_updated: u64,
    records_unchanged: u64,
    records_deleted: u64,
    records_skipped: u64,
    retries: u64,
    slices: u32,
}

impl Sum {
    fn add(&mut self, run: &RunReport) {
        self.records_processed += run.records_processed;
        self.records_inserted += run.records_inserted;
        self.records_updated += run.records_updated;
        self.records_unchanged += run.records_unchanged;
        self.records_deleted += run.records_deleted;
        self.records_skipped += run.records_skipped;
        self.retries += run.retries;
        self.slices += run.slices;
    }
}

impl BatchReport {
    /// Whether every data type is.
    pub(crate) fn is_over(&self) -> bool {
        self.status != "in_progress"
    }

    /// The error that stands for all failures of a batch that is over: its kind is that of the
    /// first data type that failed.
    pub(crate) fn error(&self) -> Option<Error> {
        let (kind, message) = self.failure.as_ref().filter(|_| self.is_over())?;
        Some(Error::new(*kind, message))
    }
}

/// A batch as it stands.
///
/// # Errors
/// Every `db_*`.
pub(super) async fn read(transaction: &Transaction<'_>, batch_id: Uuid) -> Result<BatchReport> {
    let batch = batches::load(transaction, batch_id).await?;
    let mut sum = Sum::default();
    let mut results = Vec::new();
    for part in &batch.parts {
        let run = match part.run_id {
            Some(run_id) if part.state.is_over() => Some(runs::report(transaction, run_id).await?),
            _ => None,
        };
        if let Some(run) = &run {
            sum.add(run);
        }
        results.push(result(part, run.as_ref()));
    }
    Ok(BatchReport {
        batch_id: batch.id,
        mode: batch.mode,
        status: status(&batch.parts),
        sum,
        duration: batch.duration,
        results,
        failure: failure(&batch.parts),
    })
}

fn status(parts: &[Part]) -> &'static str {
    if parts.iter().any(|part| !part.state.is_over()) {
        return "in_progress";
    }
    match parts.iter().any(|part| part.state == State::Failed) {
        true => "failed",
        false => "success",
    }
}

fn result(part: &Part, run: Option<&RunReport>) -> Value {
    let status = match part.state {
        State::Pending => "pending",
        State::Requested => "in_progress",
        State::Success => "success",
        State::Failed => "failed",
    };
    let mut result = match run {
        Some(run) => json!(run),
        None => json!({"dataType": part.data_type}),
    };
    result["status"] = json!(status);
    if let Some((kind, message)) = &part.error {
        result["error"] = json!({
            "code": kind.code(), "message": message, "remedy": kind.remedy()
        });
    }
    result
}

fn failure(parts: &[Part]) -> Option<(ErrorKind, String)> {
    let failed: Vec<(&str, ErrorKind)> = parts
        .iter()
        .filter_map(|part| Some((part.data_type.as_str(), part.error.as_ref()?.0)))
        .collect();
    let (_, kind) = failed.first()?;
    let names: Vec<String> = failed
        .iter()
        .map(|(name, kind)| format!("{name} ({})", kind.code()))
        .collect();
    let message = format!(
        "{} of {} data types failed: {}",
        failed.len(),
        parts.len(),
        names.join(", ")
    );
    Some((*kind, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(data_type: &str, state: State, kind: Option<ErrorKind>) -> Part {
        Part {
            batch_id: Uuid::from_u128(7),
            data_type: data_type.to_owned(),
            mode: Mode::Incremental,
            confirm_deletes: false,
            state,
            run_id: None,
            error: kind.map(|kind| (kind, "a reason".to_owned())),
        }
    }

    #[test]
    fn a_batch_is_over_when_all_of_it_is() {
        let done = || part("categories", State::Success, None);
        let failed = || part("products", State::Failed, Some(ErrorKind::OdooAuth));
        let waits = || part("sales", State::Pending, None);
        let is_on = || part("sales", State::Requested, None);
        assert_eq!(status(&[done(), waits()]), "in_progress");
        assert_eq!(status(&[failed(), is_on()]), "in_progress");
        assert_eq!(status(&[done(), failed()]), "failed");
        assert_eq!(status(&[done(), done()]), "success");
    }

    #[test]
    fn one_error_stands_for_all_and_names_each() {
        let parts = [
            part("categories", State::Success, None),
            part("products", State::Failed, Some(ErrorKind::OdooAuth)),
            part("sales", State::Failed, Some(ErrorKind::Busy)),
        ];
        let (kind, message) = failure(&parts).expect("two failures");
        assert_eq!(kind, ErrorKind::OdooAuth);
        assert_eq!(
            message,
            "2 of 3 data types failed: products (odoo_auth), sales (busy)"
        );
    }
}
