//! Who is let in, and what gets 4xx: paths, methods, bearers and events of any form.

use odoo_sim::Version;
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::caller::Caller;
use crate::http::event::{KEY, ask, request_to};
use crate::support::function::{Environment, Function};
use crate::support::shop::{Shop, assert_failed};

/// Every route that `api` answers and that wants the key.
const PROTECTED: [(&str, &str); 8] = [
    ("GET", "/api/sync/status"),
    ("GET", "/api/sync/status/products"),
    ("GET", "/api/sync/runs"),
    ("GET", "/api/sync/findings"),
    ("POST", "/api/sync/reset/products"),
    ("POST", "/api/sync/reset/products?force=true"),
    ("GET", "/api/sync/health?deep=true"),
    ("POST", "/api/sync/nonsense"),
];

#[tokio::test]
async fn without_the_key_no_route_opens_and_nothing_is_told() {
    let mut caller = Caller::with(&Environment::new()).await;
    let oversized = format!("Bearer {}", KEY.repeat(50_000));
    let twice = format!("Bearer {KEY}, Bearer {KEY}");
    let basic = format!("Basic {KEY}");
    for bearer in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer wrong"),
        Some(KEY),
        Some(&basic),
        Some(&twice),
        Some(&oversized),
        Some("Bearer schl\u{fc}ssel\u{0}"),
    ] {
        for (method, target) in PROTECTED {
            let event = request_to(method, target, bearer, Some("{"));
            let answer = caller.function.call(&event).await;
            assert_eq!(answer["headers"]["www-authenticate"], "Bearer");
            let (status, body) = ask(&mut caller.function, &event).await;
            assert_eq!(status, 401, "{target}");
            assert_failed(&body, "bad_request");
        }
    }
}

#[tokio::test]
async fn without_any_key_set_every_protected_route_answers_503() {
    let mut function = Function::start("api", &Environment::new()).await;
    for (method, target) in PROTECTED {
        for bearer in [None, Some("Bearer "), Some("Bearer x")] {
            let event = request_to(method, target, bearer, None);
            let (status, body) = ask(&mut function, &event).await;
            assert_eq!(status, 503, "{target}");
            assert!(assert_failed(&body, "config").contains("SYNC_API_KEY"));
        }
    }
    let health = request_to("GET", "/api/sync/health", None, None);
    assert_eq!(ask(&mut function, &health).await.0, 200);
}

#[tokio::test]
async fn a_sync_of_an_unknown_data_type_gets_the_list_of_those_that_there_are() {
    let mut caller = Caller::with(&Environment::new()).await;
    for name in [
        "produkte",
        "Products",
        "products%00",
        "..",
        "%2e%2e%2fstatus",
        "sync-products",
    ] {
        let (status, body) = caller
            .send("POST", &format!("/api/sync/{name}"), Some("{}"))
            .await;
        assert_eq!(status, 400, "{name}");
        let message = assert_failed(&body, "bad_request");
        assert!(
            REGISTRY.iter().all(|spec| message.contains(spec.name)),
            "{message}"
        );
        assert!(!message.contains(name), "{message}");
    }
    let large = " ".repeat(64 * 1024 + 1);
    let (status, _) = caller
        .send("POST", "/api/sync/produkte", Some(&large))
        .await;
    assert_eq!(status, 413);
    // Their own functions answer these; here they only come where that route is missing,
    // which it is in no deployment and so in no description.
    for name in ["products", "all"] {
        let bearer = format!("Bearer {KEY}");
        let path = format!("/api/sync/{name}");
        let event = request_to("POST", &path, Some(&bearer), None);
        let answer = caller.function.call(&event).await;
        assert_eq!(answer["statusCode"], 404, "{answer}");
    }
}

#[tokio::test]
async fn a_path_that_is_no_route_gets_404_from_anybody() {
    let mut caller = Caller::with(&Environment::new()).await;
    let long = format!("/api/sync/status/{}", "a/".repeat(10_000));
    for path in [
        "",
        "/",
        "/api",
        "/api/sync",
        "/api/sync/",
        "/api/sync/status/",
        "//api/sync/status",
        "/api//sync/status",
        "/api/sync//status",
        "/api/sync/status//",
        "/api/sync/status/products/",
        "/api/sync/products/../reset",
        "/api/sync/products/..%2freset",
        "/api/sync/products/%2e%2e/status",
        "/api/sync/./status",
        "/api/sync/../sync/status",
        "/API/SYNC/STATUS",
        "/api/sync/reset/products/all",
        "/api%2fsync%2fstatus",
        "/api/sync/%ff%fe",
        "/api/sync/st\u{0}atus/x/y",
        "/.env",
        "/api/sync\\status",
        long.as_str(),
    ] {
        for bearer in [None, Some(format!("Bearer {KEY}"))] {
            for method in ["GET", "POST"] {
                let event = request_to(method, path, bearer.as_deref(), None);
                let (status, body) = ask(&mut caller.function, &event).await;
                assert_eq!(status, 404, "{path:.80}");
                let message = assert_failed(&body, "bad_request");
                assert!(message.contains("/api/sync/status"), "{message}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_method_gets_405_with_the_one_that_would_do() {
    let mut caller = Caller::with(&Environment::new()).await;
    let bearer = format!("Bearer {KEY}");
    for (target, allowed) in [
        ("/api/sync/status", "GET"),
        ("/api/sync/status/products", "GET"),
        ("/api/sync/runs", "GET"),
        ("/api/sync/findings", "GET"),
        ("/api/sync/health", "GET"),
        ("/api/sync/reset/products", "POST"),
        ("/api/sync/products", "POST"),
        ("/api/sync/reset", "POST"),
    ] {
        let methods = [
            "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get",
        ];
        for method in methods.into_iter().filter(|method| *method != allowed) {
            let event = request_to(method, target, Some(&bearer), None);
            let answer = caller.function.call(&event).await;
            assert_eq!(answer["statusCode"], 405, "{method} {target}");
            assert_eq!(answer["headers"]["allow"], allowed);
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_asked_for_changes_nothing_about_what_is_read() {
    let shop = Shop::open(Version::V14).await;
    let mut caller = Caller::of(&shop).await;
    let large = "[".repeat(200_000);
    for (method, target) in PROTECTED.into_iter().filter(|(method, _)| *method == "GET") {
        if target.contains("deep") {
            continue;
        }
        let (without, expected) = caller.ask(method, target).await;
        let (with, found) = caller.send(method, target, Some(&large)).await;
        assert_eq!((with, found), (without, expected), "{target}");
    }
}

#[tokio::test]
async fn an_event_of_any_form_gets_an_answer() {
    let shop = Shop::open(Version::V19).await;
    let mut caller = Caller::of(&shop).await;
    let bearer = format!("Bearer {KEY}");
    let get = |target: &str| request_to("GET", target, Some(&bearer), None);
    let mut flood = get("/api/sync/status");
    for number in 0..40_000 {
        flood["headers"][format!("x-{number}")] = json!("y".repeat(20));
    }
    assert_eq!(ask(&mut caller.function, &flood).await.0, 200);

    let mut wrong_types = get("/api/sync/status");
    wrong_types["headers"]["x"] = json!(7);
    let mut no_method = get("/api/sync/status");
    no_method["requestContext"]["http"] = json!({});
    let mut odd_path = get("/api/sync/status");
    odd_path["rawPath"] = json!(["/api/sync/status"]);
    let mut odd_query = get("/api/sync/runs");
    odd_query["rawQueryString"] = json!("limit=%ff&<b>&\u{0}={\"e\": 1}");
    for event in [wrong_types, no_method, odd_path, odd_query] {
        let answer = caller.function.call(&event).await;
        assert_eq!(answer["statusCode"], 400, "{event}: {answer}");
    }
    // No HTTP at all: a bare request, an event, a schedule, a deep nest.
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for event in [
        json!({}).to_string(),
        json!({"mode": "full"}).to_string(),
        json!(null).to_string(),
        json!({"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}).to_string(),
        json!({"detail-type": "Sync Requested", "source": "aws.s3"}).to_string(),
        deep,
    ] {
        caller.function.send_text(event);
        let answer = caller.function.answered().await;
        assert_failed(&answer, "bad_request");
    }
    let runs: Vec<Value> = shop.runs().await;
    assert_eq!(runs.len(), 0);
    shop.assert_discreet(&mut caller.function, &[]).await;
}

#[tokio::test]
async fn what_postgres_refuses_is_503() {
    let shop = Shop::open(Version::V19).await;
    let mut wrong = reqwest::Url::parse(&shop.database.url).expect("a URL");
    wrong.set_password(Some("wrong")).expect("a host");
    for (url, code) in [
        ("", "config"),
        ("nonsense", "config"),
        (wrong.as_str(), "db_auth"),
        (
            "postgres://u@127.0.0.1:1/d?sslmode=disable",
            "db_unreachable",
        ),
    ] {
        let environment = [
            ("SUPABASE_DB_URL", url.to_owned()),
            ("SYNC_RETRY_DELAY_MS", "1".to_owned()),
        ];
        let mut caller = Caller::with(&environment.into()).await;
        for (method, target) in &PROTECTED[..5] {
            let (status, body) = caller.ask(method, target).await;
            assert_eq!(status, 503, "{target}: {body}");
            assert_failed(&body, code);
        }
        shop.assert_discreet(&mut caller.function, &[]).await;
    }
    shop.execute("drop schema odoo cascade").await;
    let mut caller = Caller::of(&shop).await;
    let (status, body) = caller.ask("GET", "/api/sync/status").await;
    assert_eq!(status, 503);
    assert_failed(&body, "db_schema");
}
