//! Health: for anybody that it is up, for who has the key what works and what does not.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::caller::Caller;
use crate::http::event::{ask, request_to};
use crate::support::function::Environment;
use crate::support::shop::{Shop, assert_failed};

const DEEP: &str = "/api/sync/health?deep=true";

/// API Gateway waits no longer for an answer.
const GATEWAY_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn anybody_learns_that_it_is_up_and_nothing_else() {
    let mut caller = Caller::with(&Environment::new()).await;
    for target in ["/api/sync/health", "/api/sync/health?deep=false"] {
        let event = request_to("GET", target, None, None);
        let (status, body) = ask(&mut caller.function, &event).await;
        assert_eq!(status, 200);
        let version = env!("CARGO_PKG_VERSION");
        let expected = json!({"success": true, "data": {"status": "up", "version": version}});
        assert_eq!(body, expected);
    }
    let (status, _) = ask(&mut caller.function, &request_to("GET", DEEP, None, None)).await;
    assert_eq!(status, 401);
    let (status, body) = ask(
        &mut caller.function,
        &request_to("GET", "/api/sync/health?deep=1", None, None),
    )
    .await;
    assert_eq!(status, 400, "{body}");
}

/// The checks of an answer by their names.
fn failed(body: &Value) -> Vec<(&str, &str)> {
    let checks = body["data"]["checks"].as_array().expect("checks");
    let failed = checks.iter().filter(|check| check["ok"] == false);
    let named = failed.map(|check| (check["name"].as_str(), check["error"]["code"].as_str()));
    named
        .map(|(name, code)| (name.expect("a name"), code.expect("a code")))
        .collect()
}

#[tokio::test]
async fn a_set_up_that_works_passes_every_check() {
    for version in [Version::V14, Version::V19] {
        let shop = Shop::open(version).await;
        let mut caller = Caller::with(&shop.environment).await;
        let (status, body) = caller.ask("GET", DEEP).await;
        assert_eq!(status, 200, "{body}");
        let checks = body["data"]["checks"].as_array().expect("checks");
        let names: Vec<&str> = checks.iter().filter_map(|it| it["name"].as_str()).collect();
        for name in [
            "configuration",
            "Odoo",
            "read access to stock.move",
            "fields of product.product",
            "database",
            "schema odoo",
            "event bus",
        ] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        shop.assert_discreet(&mut caller.function, &[body]).await;
    }
}

#[tokio::test]
async fn a_stale_run_is_named_and_is_no_failure() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let mut caller = Caller::with(&shop.environment).await;
    let mut told = async || {
        let (status, body) = caller.ask("GET", DEEP).await;
        assert_eq!(status, 200, "{body}");
        let checks = body["data"]["checks"].as_array().expect("checks");
        let runs = checks.iter().find(|check| check["name"] == "runs");
        runs.expect("a check")["found"].to_string()
    };
    assert!(told().await.contains("none is stale"));
    shop.execute(
        "update odoo.sync_metadata set sync_status = 'in_progress', run_id = gen_random_uuid(),
             run_mode = 'full', lease_token = gen_random_uuid(),
             lease_expires_at = now() - interval '1 s'",
    )
    .await;
    let found = told().await;
    assert!(
        found.contains("stale") && found.contains("products"),
        "{found}"
    );
}

#[tokio::test]
async fn what_fails_is_named_beside_what_works_and_gives_the_status() {
    let shop = Shop::open(Version::V19).await;
    let mut caller = Caller::with(&shop.environment).await;
    shop.sim.deny("uom.uom");
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 502, "{body}");
    assert_failed(&body, "odoo_access");
    assert_eq!(failed(&body)[0], ("read access to uom.uom", "odoo_access"));

    shop.sim.allow("uom.uom");
    shop.execute("alter table odoo.products drop column weight cascade")
        .await;
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 503, "{body}");
    assert_failed(&body, "db_schema");
    assert_eq!(failed(&body), [("schema odoo", "db_schema")]);
    assert_eq!(body["data"]["status"], "failing");
}

#[tokio::test]
async fn an_odoo_that_is_away_or_hangs_is_told_of_in_time_for_the_caller() {
    let shop = Shop::open(Version::V14).await;
    let mut caller = Caller::with(&shop.environment).await;
    shop.sim.inject(When::any().forever(), Fault::Hang);
    let asked = Instant::now();
    let (status, body) = caller.ask("GET", DEEP).await;
    assert!(asked.elapsed() < GATEWAY_LIMIT, "{:?}", asked.elapsed());
    assert_eq!(status, 502, "{body}");
    assert_eq!(failed(&body), [("Odoo", "odoo_unreachable")]);
    shop.sim.clear_faults();
    shop.sim.refuse_connections();
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 502, "{body}");
    assert_eq!(failed(&body), [("Odoo", "odoo_unreachable")]);
}

#[tokio::test]
async fn a_missing_variable_is_named_and_what_does_not_need_it_is_looked_at() {
    let shop = Shop::open(Version::V19).await;
    let mut environment = shop.environment.clone();
    environment.remove("ODOO_DB");
    let mut caller = Caller::with(&environment).await;
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 503);
    assert!(assert_failed(&body, "config").contains("ODOO_DB"));
    assert_eq!(failed(&body), [("configuration", "config")]);
    let checks = body["data"]["checks"].as_array().expect("checks");
    assert!(checks.iter().any(|check| check["name"] == "schema odoo"));
}

#[tokio::test]
async fn what_only_a_batch_needs_is_looked_at_too() {
    let shop = Shop::open(Version::V19).await;
    let mut environment = shop.environment.clone();
    environment.insert("SYNC_PARALLEL", "0".to_owned());
    environment.insert("SYNC_BATCH_SIZE", "0".to_owned());
    let mut caller = Caller::with(&environment).await;
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 503, "{body}");
    let message = assert_failed(&body, "config");
    for name in ["SYNC_PARALLEL", "SYNC_BATCH_SIZE"] {
        assert!(message.contains(name), "{message}");
    }

    // A single sync needs no bus, so that is no failure; that a batch does is told.
    environment.insert("SYNC_PARALLEL", "1".to_owned());
    environment.insert("SYNC_BATCH_SIZE", "50".to_owned());
    environment.insert("SYNC_EVENT_BUS", String::new());
    let mut caller = Caller::with(&environment).await;
    let (status, body) = caller.ask("GET", DEEP).await;
    assert_eq!(status, 200, "{body}");
    let checks = body["data"]["checks"].as_array().expect("checks");
    let bus = checks.iter().find(|check| check["name"] == "event bus");
    let found = bus.expect("a check")["found"].as_str().expect("a text");
    assert!(found.contains("POST /api/sync/all"), "{found}");
}

/// A caller whose event bus answers every question with this.
async fn caller_with_bus(shop: &Shop, status: u16, answer: Value) -> Caller {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let app = Router::new().fallback(move |headers: HeaderMap| async move {
        assert_eq!(headers["x-amz-target"], "AWSEvents.DescribeEventBus");
        let status = StatusCode::from_u16(status).expect("a status");
        let content_type = [("content-type", "application/x-amz-json-1.1")];
        (status, content_type, answer.to_string())
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut environment = shop.environment.clone();
    for (name, value) in [
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", url.as_str()),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "schluessel-des-busses"),
        ("SYNC_EVENT_BUS", "test-bus"),
    ] {
        environment.insert(name, value.to_owned());
    }
    Caller::with(&environment).await
}

#[tokio::test]
async fn a_bus_must_exist_where_one_is_set_and_may_be_looked_at() {
    let shop = Shop::open(Version::V19).await;
    let no = |code: &str| json!({"__type": code, "message": "no"});
    for (status, answer, expected, told) in [
        (200, json!({"Name": "test-bus"}), 200, "it exists"),
        (400, no("AccessDeniedException"), 200, "not looked at"),
        (400, no("ResourceNotFoundException"), 503, "SYNC_EVENT_BUS"),
        (
            400,
            no("UnrecognizedClientException"),
            503,
            "UnrecognizedClientException",
        ),
    ] {
        let mut caller = caller_with_bus(&shop, status, answer).await;
        let (status, body) = caller.ask("GET", DEEP).await;
        assert_eq!(status, expected, "{body}");
        let checks = body["data"]["checks"].as_array().expect("checks");
        let bus = checks.iter().find(|check| check["name"] == "event bus");
        assert!(bus.expect("a check").to_string().contains(told), "{body}");
    }
}
