//! What `api` does with dead letters: puts the requests of a queue back on the bus, each one's message being deleted
//! once its request is taken. Queue and bus may be slow; whoever asked is answered in time all the same, with what has
//! been done so far.

use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Duration, Instant, timeout_at};

use super::api::{Answer, Api};
use super::deadline::Deadline;
use super::events;
use super::operate::done;
use super::trigger::{self, Invocation};
use crate::api::pause;
use crate::api::replay::DeadLetters;
use crate::config::EventsConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::specs::DataType;
use crate::sync::RunFailure;
use crate::sync::request::SyncRequest;

/// Messages that one request replays at most.
const MAX_REPLAYED: usize = 100;

/// What a replay may take, of the time that its caller has.
struct Times {
    /// When no further message is begun.
    until: Instant,
    /// For the bus to take one request: what it has not taken by then lies in the queue still.
    of_request: Duration,
    /// For the queue to delete a message, and to count those that are left.
    of_call: Duration,
}

impl Times {
    /// Of 25 seconds 15 are for messages, 5 for the last of them, 2 each for deleting it and for counting.
    fn before(end: Instant) -> Self {
        let whole = end.saturating_duration_since(Instant::now());
        Self {
            until: Instant::now() + whole * 3 / 5,
            of_request: whole / 5,
            of_call: whole * 2 / 25,
        }
    }

    fn are_up(&self) -> bool {
        Instant::now() >= self.until
    }
}

/// What has become of the messages so far.
#[derive(Debug, Default)]
struct Replayed {
    replayed: usize,
    /// Held no request of this data type.
    kept: usize,
    /// Whether the queue was seen to show no more.
    is_empty: bool,
}

impl Api {
    /// Replays the dead letters of a data type, a hundred at most.
    pub(super) async fn replay(
        &mut self,
        spec: &'static DataType,
        deadline: Deadline,
    ) -> Result<Answer> {
        // Its function would turn them away, and then they would lie nowhere.
        if pause::is_paused(self.database()?, spec).await? {
            return Err(RunFailure::paused(spec).error);
        }
        let bus = EventsConfig::from_env().bus.ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "SYNC_EVENT_BUS is empty: a replay puts requests on the event bus that it names",
            )
        })?;
        let queue = DeadLetters::of(spec)?;
        let times = Times::before(deadline.of_silence());
        let mut so_far = Replayed::default();
        while so_far.replayed + so_far.kept < MAX_REPLAYED && !times.are_up() && !so_far.is_empty {
            self.replay_page(spec, &bus, &queue, &times, &mut so_far)
                .await?;
        }
        // Nobody is to be told of a failure where only the number is missing.
        let counted = timeout_at(Instant::now() + times.of_call, queue.count()).await;
        let left = counted.ok().and_then(Result::ok);
        Ok(answer(spec, &so_far, left))
    }

    /// Replays what one call of the queue hands out, or as much of it as there is time for: the rest comes into sight
    /// again.
    async fn replay_page(
        &mut self,
        spec: &DataType,
        bus: &str,
        queue: &DeadLetters,
        times: &Times,
        so_far: &mut Replayed,
    ) -> Result<()> {
        let Ok(messages) = timeout_at(times.until, queue.receive()).await else {
            return Ok(());
        };
        let messages = messages?;
        so_far.is_empty = messages.is_empty();
        for message in &messages {
            if times.are_up() {
                break;
            }
            let request = request_in(message.body().unwrap_or_default(), spec);
            let Some(request) = request else {
                so_far.kept += 1;
                continue;
            };
            let event = events::requested(&request);
            let sent = self.send(bus, event, Instant::now() + times.of_request);
            if let Err(cause) = sent.await {
                return Err(not_taken(cause, so_far.replayed));
            }
            so_far.replayed += 1;
            // One that is not deleted is replayed once more, and a request that comes twice does no harm.
            let deleting = timeout_at(Instant::now() + times.of_call, queue.delete(message));
            let Ok(deleted) = deleting.await else {
                tracing::warn!(data_type = spec.name, "a replayed message was not deleted");
                continue;
            };
            deleted?;
        }
        Ok(())
    }
}

fn answer(spec: &DataType, so_far: &Replayed, left: Option<u64>) -> Answer {
    let (replayed, kept, name) = (so_far.replayed, so_far.kept, spec.name);
    let has_more = !so_far.is_empty;
    tracing::info!(
        data_type = name,
        replayed,
        kept,
        left,
        has_more,
        "dead letters replayed"
    );
    done(
        told(name, so_far),
        json!({
            "dataType": name, "replayed": replayed, "kept": kept, "left": left, "hasMore": has_more,
        }),
    )
}

/// The answer in words.
fn told(name: &str, so_far: &Replayed) -> String {
    let events = match so_far.replayed {
        1 => "1 event".to_owned(),
        many => format!("{many} events"),
    };
    let kept = match so_far.kept {
        0 => String::new(),
        1 => "; 1 message is no request of it and stays".to_owned(),
        many => format!("; {many} messages are no requests of it and stay"),
    };
    let more = match so_far.is_empty {
        true => "",
        false => "; there may be more: ask again",
    };
    format!("{events} of {name} replayed{kept}{more}")
}

/// The request that an event had, where it was one for this data type: what EventBridge could not
/// deliver and what Lambda gave up have the same form.
fn request_in(event: &str, spec: &DataType) -> Option<SyncRequest> {
    let event: &RawValue = serde_json::from_str(event).ok()?;
    let Invocation::Direct { request, .. } = trigger::read(event) else {
        return None;
    };
    let request = request.ok()?;
    request.check_data_type(spec.name).ok()?;
    Some(SyncRequest {
        data_type: Some(spec.name.to_owned()),
        ..request
    })
}

fn not_taken(cause: String, replayed: usize) -> Error {
    let before = match replayed {
        0 => String::new(),
        1 => " (1 was replayed before)".to_owned(),
        many => format!(" ({many} were replayed before)"),
    };
    Error::new(
        ErrorKind::Config,
        format!("the event bus that SYNC_EVENT_BUS names did not take a request{before}: it is the name of an existing EventBridge bus to which this function may send"),
    )
    .with_source(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::PRODUCTS;
    use crate::sync::request::Mode;

    #[test]
    fn a_request_is_found_in_whatever_form_it_failed() {
        let detail = json!({"dataType": "products", "mode": "full"});
        for event in [
            json!({"mode": "full"}),
            json!({"source": "odoo.sync", "detail-type": "Sync Requested", "detail": detail}),
            json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"mode": "full"}}),
        ] {
            let request = request_in(&event.to_string(), &PRODUCTS).expect("a request");
            assert_eq!(request.mode, Mode::Full, "{event}");
            assert_eq!(request.data_type.as_deref(), Some("products"));
        }
    }

    #[test]
    fn one_event_is_no_more_than_one() {
        let said = |replayed, kept, is_empty| {
            told(
                "products",
                &Replayed {
                    replayed,
                    kept,
                    is_empty,
                },
            )
        };
        assert_eq!(said(0, 0, true), "0 events of products replayed");
        assert_eq!(said(3, 0, true), "3 events of products replayed");
        assert_eq!(
            said(1, 1, false),
            "1 event of products replayed; 1 message is no request of it and stays; there may be more: ask again"
        );
        assert_eq!(
            said(2, 2, true),
            "2 events of products replayed; 2 messages are no requests of it and stay"
        );
    }

    #[test]
    fn what_is_no_request_of_the_data_type_is_left_alone() {
        let deep = "[".repeat(10_000);
        for event in [
            "",
            "nonsense",
            "7",
            deep.as_str(),
            r#"{"mode": "all"}"#,
            r#"{"dataType": "sales"}"#,
            r#"{"source": "odoo.sync", "detail-type": "Sync Failed", "detail": {}}"#,
            r#"{"requestContext": {"http": {"method": "POST"}}}"#,
        ] {
            assert_eq!(request_in(event, &PRODUCTS), None, "{event:.40}");
        }
    }
}
