//! Tells the bus how a run ended, and asks for runs. The client is built when the first event is sent: a
//! function that has nothing to tell pays nothing for it.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use backon::{BackoffBuilder, ExponentialBuilder};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::account::Account;
use super::trigger::{OUR_SOURCE, SYNC_REQUESTED};
use super::{response, summary};
use crate::config::RetryConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sdk;
use crate::specs::DataType;
use crate::sync::request::SyncRequest;
use crate::sync::{EndedRun, Outcome, RunFailure, RunReport};

/// Entries that one call takes (`PutEvents`).
const MAX_ENTRIES: usize = 10;

/// Longest first delay before an event is sent again: somebody may be waiting for the answer.
pub(super) const LONGEST_DELAY: Duration = Duration::from_millis(100);

/// An event to send.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    detail_type: &'static str,
    detail: Value,
}

/// The event that asks for a sync: its detail is the request.
pub(super) fn requested(request: &SyncRequest) -> Event {
    Event {
        detail_type: SYNC_REQUESTED,
        detail: json!(request),
    }
}

/// The event that an outcome gives rise to. Beside the `data` object its detail says what no other
/// part of it tells: `recovered`, whether that ends a failure; `again`, whether the data type had failed before
/// with the same code; `summary`, a line for people. Who only found another run at work says
/// nothing, unless a batch waits to hear of it; and of the end of the batch's own run it hears again.
pub(super) fn event(
    account: &Account,
    request: &SyncRequest,
    outcome: &Result<Outcome, RunFailure>,
) -> Option<Event> {
    let spec = account.spec;
    let (detail_type, mut detail) = match outcome {
        Ok(Outcome::Finished(report)) => completed(spec, report, account.recovers(report)),
        Ok(Outcome::HandedOver { next, .. }) => return Some(requested(next)),
        Ok(Outcome::Repeated { ended, .. }) => match (ended, request.batch_id) {
            (Some(ended), Some(_)) => told_again(spec, ended),
            _ => return None,
        },
        Err(failure) if was_turned_away(failure) && request.batch_id.is_none() => return None,
        Err(failure) => {
            let before = account.failed_before(failure.report.as_ref());
            let data = response::failure_data(spec, failure);
            failed(spec, data, &failure.error, before)
        }
    };
    if let Some(batch_id) = request.batch_id {
        detail["batchId"] = json!(batch_id);
    }
    Some(Event {
        detail_type,
        detail,
    })
}

/// Whether nothing was done, and a batch alone waits to hear of it.
fn was_turned_away(failure: &RunFailure) -> bool {
    matches!(failure.error.kind(), ErrorKind::Busy | ErrorKind::Paused)
}

/// The event of a run that an operator has ended, where nobody is at work on it who could tell.
pub(super) fn cancelled(spec: &DataType, ended: &EndedRun, batch_id: Option<Uuid>) -> Event {
    let (detail_type, mut detail) = told_again(spec, ended);
    if let Some(batch_id) = batch_id {
        detail["batchId"] = json!(batch_id);
    }
    Event {
        detail_type,
        detail,
    }
}

/// Detail type and detail of the end of a run that is on record.
fn told_again(spec: &DataType, ended: &EndedRun) -> (&'static str, Value) {
    let report = &ended.report;
    match &ended.error {
        None => completed(spec, report, report.recovers),
        Some(error) => failed(spec, json!(report), error, report.failed_before.clone()),
    }
}

fn completed(spec: &DataType, report: &RunReport, recovered: bool) -> (&'static str, Value) {
    let mut detail = json!(report);
    detail["recovered"] = json!(recovered);
    detail["summary"] = json!(summary::of_success(spec, report, recovered));
    ("Sync Completed", detail)
}

/// `before`: the code with which the data type failed the last time, if it did.
fn failed(
    spec: &DataType,
    data: Value,
    error: &Error,
    before: Option<String>,
) -> (&'static str, Value) {
    let mut detail = data;
    detail["error"] = response::error(error);
    detail["again"] = json!(before.as_deref() == Some(error.kind().code()));
    detail["summary"] = json!(summary::of_failure(spec, error));
    ("Sync Failed", detail)
}

/// Says that the bus did not take a request.
pub(super) fn unsent(cause: String) -> Error {
    Error::new(
        ErrorKind::Config,
        "the event bus that SYNC_EVENT_BUS names did not take a request: it is the name of an existing EventBridge bus to which this function may send",
    )
    .with_source(cause)
}

/// Sends events to a bus.
#[derive(Default)]
pub(super) struct Publisher {
    client: Option<Client>,
}

impl Publisher {
    /// Sends one event, as [`Publisher::send_all`] does; the error is the reason, for the log.
    pub(super) async fn send(
        &mut self,
        bus: &str,
        event: Event,
        retry: RetryConfig,
        until: Instant,
    ) -> Result<(), String> {
        let mut outcomes = self.send_all(bus, &[event], retry, until).await;
        outcomes.pop().unwrap_or(Ok(()))
    }

    /// Sends events, and those alone again that EventBridge refuses, after a delay that doubles. What has no
    /// answer by `until` counts as not sent.
    /// Returns what became of each, in their order; an error is the reason, for the log.
    pub(super) async fn send_all(
        &mut self,
        bus: &str,
        events: &[Event],
        retry: RetryConfig,
        until: Instant,
    ) -> Vec<Result<(), String>> {
        let mut outcomes = vec![Ok(()); events.len()];
        let mut left: Vec<usize> = (0..events.len()).collect();
        let mut delays = ExponentialBuilder::default()
            .with_min_delay(retry.delay.min(LONGEST_DELAY))
            .with_factor(2.0)
            .with_jitter()
            .with_max_times(usize::try_from(retry.max_retries).unwrap_or(usize::MAX))
            .build();
        loop {
            let attempt = self.attempt(bus, events, &left, &mut outcomes);
            let Ok(again) = timeout_at(until, attempt).await else {
                for index in left {
                    outcomes[index] = Err("EventBridge did not answer in time".to_owned());
                }
                return outcomes;
            };
            left = again;
            if left.is_empty() {
                return outcomes;
            }
            let Some(delay) = delays.next() else {
                return outcomes;
            };
            if Instant::now() + delay >= until {
                return outcomes;
            }
            tracing::warn!(
                entries = left.len(),
                "EventBridge refused entries, trying again"
            );
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends those of the events that are left. Returns those that are to be sent again.
    async fn attempt(
        &mut self,
        bus: &str,
        events: &[Event],
        left: &[usize],
        outcomes: &mut [Result<(), String>],
    ) -> Vec<usize> {
        let mut again = Vec::new();
        for indexes in left.chunks(MAX_ENTRIES) {
            let chunk: Vec<&Event> = indexes.iter().map(|index| &events[*index]).collect();
            match self.put(bus, &chunk).await {
                Ok(each) => {
                    for (index, outcome) in indexes.iter().zip(each) {
                        if outcome.is_err() {
                            again.push(*index);
                        }
                        outcomes[*index] = outcome;
                    }
                }
                // The SDK has tried the call again already, where that could help.
                Err(reason) => {
                    for index in indexes {
                        outcomes[*index] = Err(reason.clone());
                    }
                }
            }
        }
        again
    }

    /// One call, of [`MAX_ENTRIES`] at most. Returns what became of each entry, or why none was
    /// looked at.
    async fn put(
        &mut self,
        bus: &str,
        events: &[&Event],
    ) -> Result<Vec<Result<(), String>>, String> {
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(connect()?),
        };
        let entries = events.iter().map(|event| {
            PutEventsRequestEntry::builder()
                .event_bus_name(bus)
                .source(OUR_SOURCE)
                .detail_type(event.detail_type)
                .detail(event.detail.to_string())
                .build()
        });
        let call = client.put_events().set_entries(Some(entries.collect()));
        // Boxed: the SDK's futures nest deeper than a compiler wants to look.
        let answer = Box::pin(call.send())
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        // Entries are answered in their order.
        let each = (0..events.len()).map(|index| {
            let code = answer.entries().get(index).and_then(|it| it.error_code());
            code.map_or(Ok(()), |code| {
                Err(format!("EventBridge refused it: {code}"))
            })
        });
        Ok(each.collect())
    }
}

/// A client with the account and region of the environment.
pub(super) fn connect() -> Result<Client, String> {
    let config = sdk::config().map_err(|error| error.chain())?;
    Ok(Client::new(&config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::PRODUCTS;

    fn failed(request: &SyncRequest, kind: ErrorKind) -> Option<Event> {
        let failure = RunFailure::from(Error::new(kind, "a reason"));
        event(&Account::new(&PRODUCTS), request, &Err(failure))
    }

    #[test]
    fn a_failure_carries_its_code_and_the_data_type() {
        let request = SyncRequest::default();
        let event = failed(&request, ErrorKind::OdooAuth).expect("worth telling");
        assert_eq!(event.detail_type, "Sync Failed");
        assert_eq!(event.detail["dataType"], "products");
        assert_eq!(event.detail["error"]["code"], "odoo_auth");
        assert_eq!(event.detail.get("batchId"), None);
    }

    #[test]
    fn a_request_is_the_detail_of_the_event_that_asks() {
        let request = SyncRequest {
            data_type: Some("products".to_owned()),
            batch_id: Some(Uuid::from_u128(7)),
            ..SyncRequest::default()
        };
        let event = requested(&request);
        assert_eq!(event.detail_type, "Sync Requested");
        assert_eq!(event.detail["dataType"], "products");
        let read = SyncRequest::from_json(event.detail).expect("a request");
        assert_eq!(read, request);
    }

    #[test]
    fn who_was_turned_away_is_told_only_to_a_batch() {
        let alone = SyncRequest::default();
        assert_eq!(failed(&alone, ErrorKind::Busy), None);
        assert_eq!(failed(&alone, ErrorKind::Paused), None);
        let in_batch = SyncRequest {
            batch_id: Some(Uuid::from_u128(7)),
            ..SyncRequest::default()
        };
        for kind in [ErrorKind::Busy, ErrorKind::Paused] {
            let event = failed(&in_batch, kind).expect("worth telling");
            assert_eq!(event.detail["error"]["code"], kind.code());
            assert_eq!(event.detail["batchId"], Uuid::from_u128(7).to_string());
        }
    }
}
