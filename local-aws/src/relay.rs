//! Takes events from the queues and invokes the functions with them, as Lambda does with
//! asynchronous invocations: one that fails is made again, and the bus is told of one that
//! failed for good (AWS Lambda Developer Guide, *Capturing records of Lambda asynchronous
//! invocations*).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use shared::tls::http_client;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::aws::{Aws, function_arn};
use crate::bus::{Bus, Queue};
use crate::dead_letters::DeadLetters;
use crate::template::{Function, Template};

/// Longest that SQS lets one wait, in seconds.
const WAIT: u8 = 20;
/// Pause after the queues could not be reached.
const PAUSE: Duration = Duration::from_millis(500);

/// How long is waited before the first retry; it doubles with the second. On Lambda it is a
/// minute, then two.
#[derive(Debug, Clone, Copy)]
pub struct RetryDelay(pub Duration);

/// The running relay; it ends when this is dropped.
#[derive(Debug)]
pub struct Relay {
    pollers: Vec<JoinHandle<()>>,
}

struct Shared {
    aws: Aws,
    bus: String,
    dead_letters: DeadLetters,
    /// Address of `cargo lambda watch`.
    url: String,
    delay: Duration,
    http: Client,
}

impl Relay {
    /// Begins to take events from every queue of the bus; what is given up goes into `dead_letters`. The functions are invoked through
    /// `cargo lambda watch` at `url`.
    ///
    /// # Errors
    /// Where no HTTP client can be made, or a queue is for no function of the template.
    pub fn start(
        aws: &Aws,
        bus: &Bus,
        dead_letters: DeadLetters,
        template: &Template,
        url: &str,
        delay: RetryDelay,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            aws: aws.clone(),
            bus: bus.name.clone(),
            dead_letters,
            url: url.to_owned(),
            delay: delay.0,
            http: http_client().no_proxy().build()?,
        });
        let mut pollers = Vec::new();
        for queue in &bus.queues {
            let function = template
                .function(&queue.function)
                .with_context(|| format!("no function {}", queue.function))?;
            let poller = poll(
                Arc::clone(&shared),
                queue.clone(),
                Arc::new(function.clone()),
            );
            pollers.push(tokio::spawn(poller));
        }
        Ok(Self { pollers })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.pollers.iter().for_each(JoinHandle::abort);
    }
}

/// Deliveries go on side by side: one that waits to be tried again keeps no other waiting.
async fn poll(shared: Arc<Shared>, queue: Queue, function: Arc<Function>) {
    let mut deliveries = JoinSet::new();
    loop {
        while deliveries.try_join_next().is_some() {}
        match queue.take(&shared.aws, WAIT).await {
            Ok(events) => {
                for event in events {
                    deliveries.spawn(deliver(Arc::clone(&shared), Arc::clone(&function), event));
                }
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Invokes the function until it succeeds or its retries are used up.
async fn deliver(shared: Arc<Shared>, function: Arc<Function>, event: Value) {
    let mut delay = shared.delay;
    let mut attempt = 1;
    let failure = loop {
        match shared.invoke(&function.binary, &event).await {
            Ok(()) => return,
            Err(failure) if attempt > function.retries => break failure,
            Err(_) => tokio::time::sleep(delay).await,
        }
        attempt += 1;
        delay *= 2;
    };
    let (aws, queues) = (&shared.aws, &shared.dead_letters);
    queues.put(aws, &function.binary, &event, &failure).await;
    if function.failure_goes_to_bus {
        let entry = on_failure(&shared.bus, &function, &event, attempt, &failure);
        // Lambda, too, only counts a record that could not be delivered.
        let _ = shared.aws.put_events(&[entry]).await;
    }
}

impl Shared {
    /// The error is what the function, or the sandbox in its place, reported.
    async fn invoke(&self, function: &str, event: &Value) -> Result<(), Value> {
        let unreachable = |error: reqwest::Error| json!({"errorType": "Unreachable", "errorMessage": error.without_url().to_string()});
        let answer = self
            .http
            .post(format!(
                "{}/2015-03-31/functions/{function}/invocations",
                self.url
            ))
            .body(event.to_string())
            .send()
            .await
            .map_err(unreachable)?;
        let status = answer.status();
        let body = answer.text().await.map_err(unreachable)?;
        if status == StatusCode::OK {
            return Ok(());
        }
        Err(serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

/// The event that Lambda sends to a bus as on-failure destination.
fn on_failure(
    bus: &str,
    function: &Function,
    event: &Value,
    attempts: u32,
    failure: &Value,
) -> Value {
    let arn = format!("{}:$LATEST", function_arn(&function.name));
    let detail = json!({
        "version": "1.0",
        "timestamp": format!("{:.3}", Timestamp::now()),
        "requestContext": {
            "requestId": Uuid::new_v4(),
            "functionArn": arn,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": failure,
    });
    json!({
        "EventBusName": bus,
        "Source": "lambda",
        "DetailType": "Lambda Function Invocation Result - Failure",
        "Resources": [arn],
        "Detail": detail.to_string(),
    })
}
