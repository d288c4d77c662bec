//! A Postgres that takes connections and then says nothing: who asks over HTTP is told so before
//! API Gateway answers in the function's place.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpListener;

use crate::api::caller::Caller;
use crate::events::bus::{Bus, Mood};
use crate::fan_out::yard;
use crate::http::event::{KEY, post, request_to};
use crate::support::function::{Environment, Function};
use crate::support::odoo::{Odoo, simulator};
use crate::support::shop::assert_failed;

/// What an invocation has here.
const TIME: Duration = Duration::from_secs(3);

/// The socket, which takes connections as long as it is open, and the URL that leads to it.
async fn silent_postgres() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let url = format!("postgres://reader:none@127.0.0.1:{port}/mirror?sslmode=disable");
    (listener, url)
}

/// The answer's status and body, and how long it took.
async fn ask(function: &mut Function, event: &Value, time: Duration) -> (u64, Value, Duration) {
    let asked = Instant::now();
    function.send_with_deadline(event, time);
    let answer = function.answered().await;
    let body = answer["body"].as_str().expect("a text");
    (
        answer["statusCode"].as_u64().expect("a status"),
        serde_json::from_str(body).expect("JSON"),
        asked.elapsed(),
    )
}

/// One attempt to connect alone would take 20 seconds.
fn assert_told_in_time((status, body, took): (u64, Value, Duration)) {
    assert_eq!(status, 503, "{body}");
    let message = assert_failed(&body, "db_unreachable");
    assert!(
        message.contains("Postgres did not answer in time"),
        "{message}"
    );
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test]
async fn a_sync_is_answered_within_its_budget() {
    let (_postgres, url) = silent_postgres().await;
    let sim = simulator(odoo_sim::Version::V19, 10).await;
    let bus = Bus::start(Mood::Takes).await;
    let mut environment = Odoo::simulated(&sim).await.environment(&url);
    environment.extend(bus.variables());
    environment.insert("SYNC_API_KEY", KEY.to_owned());
    environment.insert("SYNC_API_BUDGET_MS", "1000".to_owned());
    let mut function = Function::start("sync-products", &environment).await;
    let long = Duration::from_secs(900);
    assert_told_in_time(ask(&mut function, &post(""), long).await);
}

#[tokio::test]
async fn api_answers_on_each_route_that_asks_postgres() {
    let (_postgres, url) = silent_postgres().await;
    let environment = Environment::from([("SUPABASE_DB_URL", url)]);
    let mut caller = Caller::with(&environment).await;
    let bearer = format!("Bearer {KEY}");
    for (method, target) in [
        ("GET", "/api/sync/status"),
        ("GET", "/api/sync/status/products"),
        ("GET", "/api/sync/runs"),
        ("GET", "/api/sync/findings"),
        ("POST", "/api/sync/reset/products"),
    ] {
        let event = request_to(method, target, Some(&bearer), None);
        assert_told_in_time(ask(&mut caller.function, &event, TIME).await);
    }
}

#[tokio::test]
async fn sync_all_answers_whether_or_not_the_caller_waits() {
    let (_postgres, url) = silent_postgres().await;
    let bus = Bus::start(Mood::Takes).await;
    let mut environment =
        Environment::from([("SUPABASE_DB_URL", url), ("SYNC_API_KEY", KEY.to_owned())]);
    environment.extend(bus.variables());
    let mut function = Function::start("sync-all", &environment).await;
    for wait in [None, Some("true")] {
        let event = yard::post("", wait);
        assert_told_in_time(ask(&mut function, &event, TIME).await);
    }
}
