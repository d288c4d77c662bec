//! Who is let in, and what becomes of what he sends.

use serde_json::{Value, json};

use super::caller::{Hooked, MARKER, TOKEN, hook};
use crate::events::bus::Mood;
use crate::http::event::{ask, request_to};
use crate::support::function::Function;
use crate::support::shop::assert_failed;

#[tokio::test]
async fn only_the_hook_s_own_token_opens_it() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let body = r#"{"_id": 42}"#;
    for (target, status) in [
        ("products".to_owned(), 401),
        ("products?token=".to_owned(), 401),
        ("products?token=kennwort-des-haken".to_owned(), 401),
        ("products?token=ein-anderes-kennwort".to_owned(), 401),
        (format!("sales?token={TOKEN}"), 401),
        (format!("nonsense?token={TOKEN}x"), 401),
        (format!("nonsense?token={TOKEN}"), 400),
        (format!("products?token={TOKEN}&mode=full"), 400),
        (format!("products?token={TOKEN}&token={TOKEN}"), 400),
        (format!("transfers?token={TOKEN}"), 401),
        (format!("products?token={TOKEN}"), 202),
    ] {
        let path = format!("/api/sync/hooks/odoo/{target}");
        let event = request_to("POST", &path, None, Some(body));
        let (found, answer) = ask(&mut api, &event).await;
        assert_eq!(found, status, "{target}: {answer}");
    }
    assert_eq!(hooked.requests(), 1);
}

/// Three answers of 5xx ring `api-failed`, so nobody may be given one who has shown no token.
#[tokio::test]
async fn a_stranger_rings_nothing_and_the_log_tells_the_operator_what_is_missing() {
    let mut hooked = Hooked::open().await;
    for (tokens, missing) in [
        ("", "products"),
        (r#"{"sales": "ein-anderes-kennwort"}"#, "products"),
        (r#"{"products": "ein-anderes-kennwort"}"#, "transfers"),
    ] {
        hooked
            .shop
            .environment
            .insert("SYNC_HOOK_TOKENS", tokens.to_owned());
        let mut api = hooked.api().await;
        for method in ["POST", "GET", "PUT"] {
            for name in ["products", "sales", "transfers", "nonsense", "%ff", ""] {
                for query in ["", "?token=", "?token=geraten-und-falsch", "?token=%ff&x=1"] {
                    let path = format!("/api/sync/hooks/odoo/{name}{query}");
                    let event = request_to(method, &path, None, Some("{"));
                    let (status, answer) = ask(&mut api, &event).await;
                    assert!((400..500).contains(&status), "{method} {path}: {answer}");
                    let message = answer["error"]["message"].as_str().expect("a message");
                    assert!(!message.contains("SYNC_HOOK_TOKENS"), "{message}");
                }
            }
        }
        let log = api.log().await;
        let closed: Vec<Value> = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line["message"] == "a hook is closed")
            .collect();
        let of_one = closed.iter().find(|line| {
            line["cause"]
                .as_str()
                .is_some_and(|it| it.contains(missing))
        });
        let of_one = of_one.unwrap_or_else(|| panic!("{missing}: {closed:?}"));
        assert_eq!(of_one["level"], "WARN");
        assert_eq!(of_one["code"], "config");
        assert!(of_one["remedy"].is_string());
        assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
        assert!(!log.contains("geraten"), "{log}");
    }
    assert_eq!(hooked.requests(), 0);
}

#[tokio::test]
async fn a_malformed_variable_closes_every_hook_and_says_so() {
    let mut hooked = Hooked::open().await;
    for tokens in [r#"{"products": "short"}"#, "hunter2"] {
        hooked
            .shop
            .environment
            .insert("SYNC_HOOK_TOKENS", tokens.to_owned());
        let mut api = hooked.api().await;
        let (status, answer) = ask(&mut api, &hook()).await;
        assert_eq!(status, 503, "{tokens}");
        let message = assert_failed(&answer, "config");
        assert!(message.starts_with("SYNC_HOOK_TOKENS"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert_eq!(hooked.requests(), 0);
}

#[tokio::test]
async fn a_body_that_is_no_hook_s_is_refused_and_asks_for_nothing() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let target = format!("/api/sync/hooks/odoo/products?token={TOKEN}");
    let large = format!(r#"{{"_id": 7, "name": "{}"}}"#, "x".repeat(64 * 1024));
    for (body, status) in [
        ("", 400),
        ("{}", 400),
        ("[42]", 400),
        (r#"{"_id": "42"}"#, 400),
        (r#"{"_id": 4.2}"#, 400),
        (r#"{"_id": true}"#, 400),
        (large.as_str(), 413),
    ] {
        let event = request_to("POST", &target, None, Some(body));
        assert_eq!(ask(&mut api, &event).await.0, status, "{body:.40}");
    }
    let event = request_to("GET", &target, None, None);
    assert_eq!(ask(&mut api, &event).await.0, 405);
    assert_eq!(hooked.requests(), 0);
    assert!(hooked.waits_since().await.is_null());
}

/// Another model, a name, a price: whatever Odoo is made to send.
#[tokio::test]
async fn nothing_of_a_body_or_a_token_is_told_to_anybody() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let mut answers = vec![ask(&mut api, &hook()).await.1];
    let target = format!("/api/sync/hooks/odoo/products?token={TOKEN}");
    let wrong = json!({"name": MARKER}).to_string();
    let wrong = request_to("POST", &target, None, Some(&wrong));
    answers.push(ask(&mut api, &wrong).await.1);
    let told = json!([hooked.bus.heard(), answers]).to_string();
    hooked.shop.assert_discreet(&mut api, &answers).await;
    let log = api.log().await;
    for secret in [MARKER, TOKEN] {
        assert!(!told.contains(secret), "{told}");
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn a_hook_that_the_bus_does_not_take_fails_and_the_next_one_tries_again() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    hooked.bus.set_mood(Mood::RefusesRequests);
    let (status, answer) = ask(&mut api, &hook()).await;
    assert_eq!(status, 503, "{answer}");
    assert_failed(&answer, "config");
    hooked.bus.set_mood(Mood::Takes);
    assert_eq!(ask(&mut api, &hook()).await.0, 202);
    assert_eq!(hooked.requests(), 1);
}

#[tokio::test]
async fn without_a_bus_a_hook_says_that_it_can_ask_nobody() {
    let mut hooked = Hooked::open().await;
    hooked
        .shop
        .environment
        .insert("SYNC_EVENT_BUS", String::new());
    let mut api = Function::start("api", &hooked.shop.environment).await;
    let (status, answer) = ask(&mut api, &hook()).await;
    assert_eq!(status, 503);
    let message = assert_failed(&answer, "config");
    assert!(message.starts_with("SYNC_EVENT_BUS"), "{message}");
}
