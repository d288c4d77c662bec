//! What a run is asked to do, whoever asks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};

/// How a run reads the source; each of the later ones does all that the first one does. Where
/// several are asked for at once, the last of them is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What changed since the watermark; without a watermark everything.
    #[default]
    Incremental,
    /// Everything, whatever its change time.
    Full,
    /// Everything is compared by ids and change times, and what Odoo no longer has is marked.
    Reconcile,
}

impl Mode {
    /// Each after those that it does all of.
    pub(crate) const ALL: [Self; 3] = [Self::Incremental, Self::Full, Self::Reconcile];

    /// The word in requests and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Incremental => "incremental",
            Self::Full => "full",
            Self::Reconcile => "reconcile",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }

    /// The mode of a run that reads everything and was asked for this one.
    pub(crate) fn max_with_full(self) -> Self {
        self.max(Self::Full)
    }

    /// Whether a run in this mode does all that one in `wanted` would do.
    pub(crate) fn covers(self, wanted: Self) -> bool {
        // A reconcile reads only what its times tell of, which a full does not ask for.
        self == wanted || wanted == Self::Incremental
    }
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// A bare request, as `cargo lambda invoke` sends it.
    Invoke,
    /// `Sync Requested` on the bus.
    Event,
    /// An EventBridge schedule.
    Schedule,
    /// API Gateway.
    Http,
}

impl Trigger {
    /// The word in `sync_runs`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Event => "event",
            Self::Schedule => "schedule",
            Self::Http => "http",
        }
    }

    /// Whether nobody is there to repeat a request that finds the data type busy.
    pub(crate) fn is_unattended(self) -> bool {
        matches!(self, Self::Event | Self::Schedule)
    }
}

/// A request to sync one data type. Every field may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SyncRequest {
    /// How to read; `incremental` where absent.
    #[serde(default)]
    pub mode: Mode,
    /// Lets a run delete more than the guard allows.
    #[serde(default)]
    pub confirm_deletes: bool,
    /// Must name the function's own data type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// The run that a slice belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Uuid>,
    /// The number of the slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slice: Option<u32>,
    /// The batch that `sync-all` started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<Uuid>,
}

/// What a refusal says is allowed.
const FORM: &str = r#"a request is a JSON object with any of "mode" ("incremental", "full" or "reconcile"), "confirmDeletes" (true or false), "dataType" (text), "runId" (UUID), "slice" (whole number), "batchId" (UUID)"#;

impl SyncRequest {
    /// What a hook of Odoo's asks for: what has changed of this data type.
    pub(crate) fn of_hook(data_type: &str) -> Self {
        Self {
            data_type: Some(data_type.to_owned()),
            ..Self::default()
        }
    }

    /// Reads a request from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`] with what is allowed; the sender's own text is not
    /// repeated beyond the name of an unknown field.
    pub fn from_json(value: serde_json::Value) -> Result<Self> {
        if !value.is_object() {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!("the request is not a JSON object: {FORM}"),
            ));
        }
        let request: Self = serde_json::from_value(drop_nulls(value)).map_err(|_| {
            Error::new(
                ErrorKind::BadRequest,
                format!("the request has an unknown field or a value of the wrong type: {FORM}"),
            )
        })?;
        if request.run_id.is_some() != request.slice.is_some() {
            return Err(Error::new(
                ErrorKind::BadRequest,
                format!("\"runId\" and \"slice\" belong together: {FORM}"),
            ));
        }
        Ok(request)
    }

    /// Refuses a request that names another data type than the function's.
    ///
    /// # Errors
    /// [`ErrorKind::BadRequest`].
    pub fn check_data_type(&self, expected: &str) -> Result<()> {
        match self.data_type.as_deref() {
            Some(name) if name != expected => Err(Error::new(
                ErrorKind::BadRequest,
                format!("this function syncs \"{expected}\" only: \"dataType\" names another one"),
            )),
            _ => Ok(()),
        }
    }
}

/// "May be absent" and "may be null" are the same to most callers.
fn drop_nulls(mut value: serde_json::Value) -> serde_json::Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_request_is_an_incremental_sync() {
        let request = SyncRequest::from_json(json!({})).expect("allowed");
        assert_eq!(request, SyncRequest::default());
        assert_eq!(request.mode, Mode::Incremental);
    }

    #[test]
    fn whatever_is_not_in_the_contract_is_refused_with_what_is() {
        for bad in [
            json!({"mode": "everything"}),
            json!({"mode": 1}),
            json!({"confirmDeletes": "yes"}),
            json!({"since": "2026-01-01"}),
            json!({"slice": -1}),
            json!({"runId": "7"}),
            json!({"slice": 2}),
            json!({"runId": "0d9488ce-1d5e-4d2a-9f21-1d2f0c7b6a55"}),
            json!([]),
            json!("full"),
            json!(null),
        ] {
            let error = SyncRequest::from_json(bad.clone()).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::BadRequest, "{bad}");
            assert!(error.to_string().contains("\"reconcile\""), "{error}");
        }
    }

    #[test]
    fn the_data_type_must_be_the_function_s_own() {
        let request = SyncRequest::from_json(json!({"dataType": "sales"})).expect("a form");
        assert!(request.check_data_type("sales").is_ok());
        assert!(request.check_data_type("products").is_err());
    }

    #[test]
    fn a_finished_run_answers_a_request_that_wants_no_more_than_it_did() {
        assert!(Mode::Full.covers(Mode::Incremental));
        assert!(Mode::Incremental.covers(Mode::Incremental));
        assert!(!Mode::Incremental.covers(Mode::Full));
        assert!(Mode::Reconcile.covers(Mode::Incremental));
        assert!(!Mode::Full.covers(Mode::Reconcile));
        assert!(!Mode::Reconcile.covers(Mode::Full));
    }
}
