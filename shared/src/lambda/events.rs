//! Tells the bus how a run ended. The client is built when the first event is sent: a
//! function that has nothing to tell pays nothing for it.

use aws_config::BehaviorVersion;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

use super::response;
use super::sdk_http::SdkHttpClient;
use super::trigger::{OUR_SOURCE, SYNC_REQUESTED};
use crate::error::{ErrorKind, Result};
use crate::specs::DataType;
use crate::sync::request::SyncRequest;
use crate::sync::{Outcome, RunFailure};

/// An event to send.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    detail_type: &'static str,
    detail: Value,
}

/// The event that asks for a sync.
pub(super) fn requested(request: &SyncRequest) -> Event {
    Event {
        detail_type: SYNC_REQUESTED,
        detail: json!(request),
    }
}

/// The event that an outcome gives rise to. Who only found another run at work says
/// nothing, unless a batch waits to hear of it.
pub(super) fn event(
    spec: &DataType,
    request: &SyncRequest,
    outcome: &Result<Outcome, RunFailure>,
) -> Option<Event> {
    let (detail_type, mut detail) = match outcome {
        Ok(Outcome::Finished(report)) => ("Sync Completed", json!(report)),
        Ok(Outcome::HandedOver { next, .. }) => return Some(requested(next)),
        Ok(Outcome::Repeated { .. }) => return None,
        Err(failure) if failure.error.kind() == ErrorKind::Busy && request.batch_id.is_none() => {
            return None;
        }
        Err(failure) => {
            let mut detail = response::failure_data(spec, failure);
            detail["error"] = response::error(&failure.error);
            ("Sync Failed", detail)
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

/// Sends events to a bus.
#[derive(Default)]
pub(super) struct Publisher {
    client: Option<Client>,
}

impl Publisher {
    /// Sends one event; the error is the reason, for the log.
    pub(super) async fn send(&mut self, bus: &str, event: Event) -> Result<(), String> {
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(connect().await?),
        };
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(OUR_SOURCE)
            .detail_type(event.detail_type)
            .detail(event.detail.to_string())
            .build();
        let answer = client
            .put_events()
            .entries(entry)
            .send()
            .await
            .map_err(|error| DisplayErrorContext(error).to_string())?;
        let refused = answer.entries().iter().find_map(|entry| entry.error_code());
        refused.map_or(Ok(()), |code| {
            Err(format!("EventBridge refused it: {code}"))
        })
    }
}

/// A client with the account and region of the environment.
pub(super) async fn connect() -> Result<Client, String> {
    let http = SdkHttpClient::new().map_err(|error| error.to_string())?;
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .load()
        .await;
    Ok(Client::new(&config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::specs::PRODUCTS;
    use uuid::Uuid;

    fn failed(request: &SyncRequest, kind: ErrorKind) -> Option<Event> {
        let failure = RunFailure::from(Error::new(kind, "a reason"));
        event(&PRODUCTS, request, &Err(failure))
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
    fn busy_is_told_only_to_a_batch() {
        let alone = SyncRequest::default();
        assert_eq!(failed(&alone, ErrorKind::Busy), None);
        let in_batch = SyncRequest {
            batch_id: Some(Uuid::from_u128(7)),
            ..SyncRequest::default()
        };
        let event = failed(&in_batch, ErrorKind::Busy).expect("worth telling");
        assert_eq!(event.detail["error"]["code"], "busy");
        assert_eq!(event.detail["batchId"], Uuid::from_u128(7).to_string());
    }
}
