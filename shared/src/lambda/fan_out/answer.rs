//! What who asks for a batch is answered.
//!
//! | it finds | status | body |
//! | --- | --- | --- |
//! | a new batch is on its way | 202 | `success`, `data.batchId`, `data.status` `in_progress` |
//! | with `?wait=true`: all has succeeded | 200 | `success`, `data` with sum and results |
//! | with `?wait=true`: something has failed | that of the first failure's code | no `success`, an `error` that names all failures, the same `data` |
//! | a batch is on already | 409 `busy` | `data` of that batch |
//! | nothing could be sent to the bus | 503 `config` | `data` of the batch, which is failed |
//!
//! A batch with a failure is answered as a failed sync is, with the same codes: who looks at the
//! status alone must not take it for done. A second batch would ask for what the first one does,
//! so it is refused like a second sync of one data type. A schedule or an event that finds one on
//! returns normally, and has been the occasion to go on with that one.

use serde_json::{Value, json};

use crate::error::{Error, ErrorKind};
use crate::fan_out::report::BatchReport;
use crate::lambda::account::is_alarming;
use crate::lambda::response;

/// Where the batch can be looked at.
const STATUS_ROUTE: &str = "/api/sync/status";

/// What somebody who asked for a batch is told.
pub(super) struct Answer {
    pub(super) batch: Option<BatchReport>,
    pub(super) error: Option<Error>,
    /// The data types that were left out because an operator has paused them.
    pub(super) paused: Vec<String>,
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self {
            batch: None,
            error: Some(error),
            paused: Vec::new(),
        }
    }
}

impl Answer {
    fn status(&self) -> u16 {
        match (&self.error, &self.batch) {
            (Some(error), _) => error.kind().http_status(),
            (None, Some(batch)) if !batch.is_over() => 202,
            (None, _) => 200,
        }
    }

    pub(super) fn http(&self) -> Value {
        let status = self.status();
        let mut response = response::http(status, &self.body());
        if status == 202 {
            response["headers"]["location"] = json!(STATUS_ROUTE);
        }
        response
    }

    pub(super) fn body(&self) -> Value {
        if let Some(error) = &self.error {
            return json!({
                "success": false,
                "error": response::error(error),
                "data": self.data(),
            });
        }
        let is_over = self.batch.as_ref().is_none_or(BatchReport::is_over);
        let message = match is_over {
            true => "Sync of all data types completed",
            false => "Sync of all data types started",
        };
        let message = match self.paused.is_empty() {
            true => message.to_owned(),
            false => format!("{message}; paused and left out: {}", self.paused.join(", ")),
        };
        json!({"success": true, "message": message, "data": self.data()})
    }

    fn data(&self) -> Value {
        let Some(batch) = &self.batch else {
            return json!({"dataType": "all"});
        };
        let mut data = json!(batch);
        if !self.paused.is_empty() {
            data["paused"] = json!(self.paused);
        }
        data
    }

    /// One line a failure. What only turns a request away is no alarm.
    pub(super) fn logged(self) -> Self {
        if let Some(error) = &self.error {
            let (code, cause) = (error.kind().code(), error.chain());
            match error.kind() {
                kind if !is_alarming(kind) => {
                    tracing::warn!(code, cause, "sync of all data types refused");
                }
                kind => {
                    let remedy = kind.remedy();
                    tracing::error!(code, cause, remedy, "sync of all data types failed");
                }
            }
        }
        self
    }
}

/// Why a second batch is refused.
pub(super) fn busy() -> Error {
    Error::new(
        ErrorKind::Busy,
        "a sync of all data types is already running",
    )
}
