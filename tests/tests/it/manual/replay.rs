//! Dead letters are put back on the bus, each once, and what is no request stays where it is.

use std::time::Duration;

use odoo_sim::Version;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::desk::Desk;
use super::queue::DeadLetters;
use crate::api::caller::Caller;
use crate::events::bus::{Mood, requested};
use crate::http::event::{KEY, request_to};
use crate::openapi::document::DOCUMENT;
use crate::support::postgres::variable;
use crate::support::shop::assert_failed;

/// A desk whose `api` has the dead-letter queues of a stack of its own in moto.
struct Stack {
    desk: Desk,
    queue: DeadLetters,
}

impl Stack {
    async fn open() -> Self {
        let mut desk = Desk::open(Version::V14).await;
        let queue = DeadLetters::create().await;
        let mut environment = desk.shop.environment.clone();
        environment.extend(queue.variables());
        desk.caller = Caller::with(&environment).await;
        Self { desk, queue }
    }

    async fn put(&self, event: &str) {
        self.queue.put(event).await;
    }

    async fn replay(&mut self) -> Value {
        self.desk.done("replay/products").await
    }
}

#[tokio::test]
async fn requests_are_put_back_and_what_is_none_stays_and_is_counted() {
    let mut stack = Stack::open().await;
    let schedule = json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    let run = Uuid::new_v4();
    let slice = json!({"dataType": "products", "mode": "full", "runId": run, "slice": 3});
    for event in [schedule, requested(&slice)] {
        stack.put(&event.to_string()).await;
    }
    stack.put("no event at all").await;
    stack
        .put(&requested(&json!({"dataType": "sales"})).to_string())
        .await;

    let data = stack.replay().await;
    assert_eq!(
        data,
        json!({"dataType": "products", "replayed": 2, "kept": 2, "left": 2, "hasMore": false})
    );
    let mut told = stack.desk.told("Sync Requested");
    told.sort_by_key(|it| it["runId"].is_null());
    assert_eq!(
        (&told[0]["runId"], &told[0]["slice"]),
        (&json!(run), &json!(3))
    );
    assert_eq!(
        (&told[1]["mode"], &told[1]["dataType"]),
        (&json!("incremental"), &json!("products"))
    );
    let again = stack.replay().await;
    assert_eq!(again["replayed"], 0, "each once");
    assert_eq!(again["left"], 2);
}

#[tokio::test]
async fn more_than_one_call_hands_out_are_replayed_at_once() {
    let mut stack = Stack::open().await;
    for _ in 0..23 {
        stack.put("{}").await;
    }
    let data = stack.replay().await;
    assert_eq!((&data["replayed"], &data["left"]), (&json!(23), &json!(0)));
    assert_eq!(stack.desk.told("Sync Requested").len(), 23);
}

/// The caller is answered with what was done, and the next request goes on.
#[tokio::test]
async fn a_replay_that_a_slow_bus_holds_up_is_answered_in_time_with_what_was_done() {
    let mut stack = Stack::open().await;
    for _ in 0..20 {
        stack.put("{}").await;
    }
    stack.desk.bus.answer_after(Duration::from_millis(400));
    let bearer = format!("Bearer {KEY}");
    let request = request_to("POST", "/api/sync/replay/products", Some(&bearer), None);
    let api = &mut stack.desk.caller.function;
    // Of these six seconds three and a bit are for messages: 400 ms each are too long for twenty.
    api.send_with_deadline(&request, Duration::from_secs(6));
    let answer = api.answered().await;
    let body = answer["body"].as_str().expect("a text");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(answer["statusCode"], 200, "{body}");
    DOCUMENT.assert_describes(&request, 200, &body);
    let data = &body["data"];
    let replayed = data["replayed"].as_u64().expect("a number");
    assert!((1..20).contains(&replayed), "{data}");
    assert_eq!(data["hasMore"], true);
    assert_eq!(data["left"], 20 - replayed);
    assert!(
        body["message"]
            .as_str()
            .is_some_and(|it| it.ends_with("ask again"))
    );
    assert_eq!(
        stack.queue.count().await,
        20 - replayed,
        "each is deleted once it is taken"
    );
    assert_eq!(stack.desk.told("Sync Requested").len() as u64, replayed);
}

/// A queue that takes the request and says nothing.
#[tokio::test]
async fn a_queue_that_keeps_silent_is_no_failure_of_postgres() {
    let stack = Stack::open().await;
    stack.put("{}").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("its address"));
    let mut environment = stack.desk.shop.environment.clone();
    environment.extend(stack.queue.variables());
    environment.insert("AWS_ENDPOINT_URL_SQS", url);
    let mut api = Caller::with(&environment).await.function;
    let bearer = format!("Bearer {KEY}");
    let request = request_to("POST", "/api/sync/replay/products", Some(&bearer), None);
    api.send_with_deadline(&request, Duration::from_secs(3));
    let answer = api.answered().await;
    let body = answer["body"].as_str().expect("a text");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(answer["statusCode"], 200, "{body}");
    DOCUMENT.assert_describes(&request, 200, &body);
    let expected =
        json!({"dataType": "products", "replayed": 0, "kept": 0, "left": null, "hasMore": true});
    assert_eq!(body["data"], expected);
}

#[tokio::test]
async fn what_the_bus_does_not_take_stays() {
    let mut stack = Stack::open().await;
    stack.put("{}").await;
    stack.desk.bus.set_mood(Mood::RefusesEntries);
    let (status, body) = stack.desk.post("replay/products").await;
    assert_eq!(status, 503);
    assert!(assert_failed(&body, "config").contains("SYNC_EVENT_BUS"));
    assert_eq!(stack.queue.count().await, 1);
}

#[tokio::test]
async fn while_the_data_type_is_paused_nothing_is_replayed() {
    let mut stack = Stack::open().await;
    stack.put("{}").await;
    stack.desk.done("pause/products").await;
    let (status, body) = stack.desk.post("replay/products").await;
    assert_eq!(status, 409);
    assert_failed(&body, "paused");
    stack.desk.done("resume/products").await;
    assert_eq!(stack.replay().await["replayed"], 1);
}

#[tokio::test]
async fn without_queues_it_says_which_variable_is_missing() {
    let mut desk = Desk::open(Version::V14).await;
    let (status, body) = desk.post("replay/products").await;
    assert_eq!(status, 503);
    assert!(assert_failed(&body, "config").contains("SYNC_DEAD_LETTERS_URL"));

    let mut environment = desk.shop.environment.clone();
    let nowhere = format!(
        "{}/123456789012/none-{{dataType}}",
        variable("TEST_AWS_URL")
    );
    environment.insert("AWS_ENDPOINT_URL_SQS", variable("TEST_AWS_URL"));
    environment.insert("SYNC_DEAD_LETTERS_URL", nowhere);
    desk.caller = Caller::with(&environment).await;
    let (status, body) = desk.post("replay/products").await;
    assert_eq!(status, 503);
    assert!(assert_failed(&body, "config").contains("NonExistentQueue"));
}
