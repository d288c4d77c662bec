//! What `api` does for an operator: a run is cancelled, a data type paused or resumed, a finding
//! tried again or dismissed, a dead-letter queue replayed. What is decided stands in Postgres
//! first; the bus is told after that, and what it does not take is not undone.

use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::api::{Answer, Api};
use super::deadline::Deadline;
use super::events::{self, Event};
use super::http::{Caller, HttpRequest, Refusal};
use crate::api::cancel::cancel;
use crate::api::findings_by_hand::{self as by_hand, Decided, Finding};
use crate::api::operation::Operation;
use crate::api::pause::{self, Pause};
use crate::api::query::data_type;
use crate::config::{EventsConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::hooks;
use crate::specs::DataType;
use crate::sync::request::SyncRequest;

/// How long the bus may take.
const BUS_TIME: Duration = Duration::from_secs(5);

impl Api {
    /// Does what an operator asks.
    pub(super) async fn operate(
        &mut self,
        request: &HttpRequest,
        operation: &Operation,
        caller: &Caller,
        deadline: Deadline,
    ) -> Result<Answer, Refusal> {
        let pause = match operation {
            Operation::Pause(_) => Pause::parse(&request.body),
            _ => (request.refuse_body("this route takes no body")).map(|()| Pause::default()),
        };
        caller.log(operation, request);
        match operation {
            Operation::Cancel(name) => {
                let spec = data_type(name)?;
                pause?;
                self.cancel(spec).await
            }
            Operation::Pause(name) => {
                let spec = data_type(name)?;
                let by = request.source_ip.as_deref();
                let data = pause::pause(self.database()?, spec, &pause?, by).await?;
                let message = format!("{} paused: no sync of it is started", spec.title);
                Ok(done(message, data))
            }
            Operation::Resume(name) => {
                let spec = data_type(name)?;
                pause?;
                let data = pause::resume(self.database()?, spec).await?;
                self.ask_for_hooks(spec).await?;
                let message = format!("{} resumed: the next request syncs it", spec.title);
                Ok(done(message, data))
            }
            Operation::Replay(name) => {
                let spec = data_type(name)?;
                pause?;
                Ok(Box::pin(self.replay(spec, deadline)).await?)
            }
            Operation::Retry(id) => {
                let id = finding_id(id)?;
                pause?;
                let decided = by_hand::retry(self.database()?, id).await?;
                self.answer_retry(&finding(decided)?).await
            }
            Operation::Dismiss(id) => {
                let id = finding_id(id)?;
                pause?;
                let decided = by_hand::dismiss(self.database()?, id).await?;
                let found = finding(decided)?;
                let message = "Dismissed: it comes back when its reason or its row changes";
                Ok(done(message, shown(&found, "dismissed")))
            }
        }
    }

    /// Asks for the run that hooks wait for which came during a pause.
    async fn ask_for_hooks(&mut self, spec: &'static DataType) -> Result<()> {
        if hooks::claim(self.database()?, spec.name, &hooks::Claim::default()).await?
            && !self
                .tell(events::requested(&SyncRequest::of_hook(spec.name)))
                .await
        {
            hooks::put_back(self.database()?, spec.name).await?;
        }
        Ok(())
    }

    async fn cancel(&mut self, spec: &'static DataType) -> Result<Answer, Refusal> {
        let Some(cancelled) = cancel(self.database()?, spec).await? else {
            let message = format!("no sync of {} is on: there is nothing to cancel", spec.name);
            return Err(Refusal::new(409, message));
        };
        // A function that is at work tells the bus when it stops. A batch is not to wait for that,
        // nor for a function that may be gone.
        if !cancelled.was_live || cancelled.batch_id.is_some() {
            let event = events::cancelled(spec, &cancelled.run, cancelled.batch_id);
            self.tell(event).await;
        }
        let message = format!("{} sync cancelled: what it has committed stays", spec.title);
        Ok(done(message, json!(cancelled.run.report)))
    }

    async fn answer_retry(&mut self, finding: &Finding) -> Result<Answer, Refusal> {
        let is_requested = !finding.is_paused && {
            let request = SyncRequest {
                data_type: Some(finding.data_type.clone()),
                ..SyncRequest::default()
            };
            self.tell(events::requested(&request)).await
        };
        let message = match is_requested {
            // One that finds the data type busy is dropped: to say "by that sync" would be too much.
            true => {
                "Its row is tried again by the next incremental sync that begins. One was just requested; it does nothing where a sync of the data type is on"
            }
            false if finding.is_paused => {
                "Its row is tried again by the first incremental sync once its data type is resumed"
            }
            false => "Its row is tried again by the next incremental sync",
        };
        let mut data = shown(finding, "open");
        data["isRequested"] = json!(is_requested);
        Ok(done(message, data))
    }

    /// Whether the bus has the event.
    async fn tell(&mut self, event: Event) -> bool {
        let Some(bus) = EventsConfig::from_env().bus else {
            return false;
        };
        let sent = self.send(&bus, event, Instant::now() + BUS_TIME).await;
        if let Err(cause) = &sent {
            tracing::error!(bus, cause, "the event was not sent");
        }
        sent.is_ok()
    }

    pub(super) async fn send(
        &mut self,
        bus: &str,
        event: Event,
        until: Instant,
    ) -> Result<(), String> {
        let sending = self.publisher.send(bus, event, RetryConfig::NONE, until);
        // Boxed: the SDK's futures nest deeper than a compiler wants to look.
        Box::pin(sending).await
    }
}

/// # Errors
/// 400 where it is no number; one that is too large for any finding is unknown.
fn finding_id(text: &str) -> Result<i64, Refusal> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| unknown());
    }
    let message = "a finding's id is a whole number, as GET /api/sync/findings shows it";
    Err(Refusal::from(Error::new(ErrorKind::BadRequest, message)))
}

fn finding(decided: Decided) -> Result<Finding, Refusal> {
    match decided {
        Decided::Done(finding) => Ok(finding),
        Decided::Unknown => Err(unknown()),
        Decided::Resolved => Err(Refusal::new(409, "this finding is resolved already")),
        Decided::Warning => Err(Refusal::new(
            409,
            "this finding is a warning: its row is mirrored, and looked at again when it changes",
        )),
    }
}

fn unknown() -> Refusal {
    Refusal::new(404, "there is no finding with this id")
}

fn shown(finding: &Finding, status: &str) -> Value {
    json!({
        "id": finding.id, "dataType": finding.data_type, "stream": finding.stream,
        "odooId": finding.odoo_id, "status": status,
    })
}

pub(super) fn done(message: impl Into<String>, data: Value) -> Answer {
    Answer {
        status: 200,
        body: json!({"success": true, "message": message.into(), "data": data}),
    }
}
