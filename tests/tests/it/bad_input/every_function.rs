//! What every function refuses in the same way, whichever it is, before it asks Odoo or writes
//! anything.

use odoo_sim::Version;
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use crate::events::bus::{Bus, Mood};
use crate::http::event::{KEY, ask, request_to};
use crate::support::function::Function;
use crate::support::shop::{Shop, assert_failed};

/// Every binary, with the path of its route that takes a body.
fn functions() -> Vec<(String, String)> {
    let of_data_types = REGISTRY
        .iter()
        .map(|spec| (spec.function_name(), format!("/api/sync/{}", spec.name)));
    let shared = [("sync-all", "all"), ("api", "reset/products")]
        .map(|(name, path)| (name.to_owned(), format!("/api/sync/{path}")));
    of_data_types.chain(shared).collect()
}

async fn start_all(shop: &mut Shop) -> Vec<(Function, String)> {
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    let mut started = Vec::new();
    for (name, path) in functions() {
        started.push((Function::start(&name, &shop.environment).await, path));
    }
    started
}

/// So many objects or lists in one another.
fn nested(depth: usize) -> [String; 2] {
    let objects = format!("{}1{}", r#"{"mode":"#.repeat(depth), "}".repeat(depth));
    [
        objects,
        format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
    ]
}

/// Requests with their statuses; all but the first three have the key.
fn requests(path: &str) -> Vec<(Value, u64)> {
    let bearer = format!("Bearer {KEY}");
    let oversized = format!("Bearer {}", "x".repeat(1_000_000));
    let post = |body: &str| request_to("POST", path, Some(&bearer), Some(body));
    let mut requests = vec![
        (request_to("POST", path, None, Some("{}")), 401),
        (request_to("POST", path, Some("Bearer wrong"), None), 401),
        (request_to("POST", path, Some(&oversized), None), 401),
        (post(&" ".repeat(64 * 1024 + 1)), 413),
        (
            request_to("POST", &format!("{path}?mode=full"), Some(&bearer), None),
            400,
        ),
    ];
    for method in [
        "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "",
    ] {
        requests.push((request_to(method, path, Some(&bearer), None), 405));
    }
    let [objects, lists] = nested(1000);
    for body in [
        "{",
        "mode=full",
        "\u{0}",
        r#"{"mode": 1}"#,
        r#"{"mode": "everything"}"#,
        r#"{"modus": "full"}"#,
        "[]",
        "7",
        &objects,
        &lists,
    ] {
        requests.push((post(body), 400));
    }
    let mut flood = post("{");
    for number in 0..40_000 {
        flood["headers"][format!("x-{number}")] = json!("y");
    }
    requests.push((flood, 400));
    requests
}

#[tokio::test]
async fn a_request_that_no_function_takes_is_refused_by_every_one() {
    let mut shop = Shop::open(Version::V19).await;
    let bus = Bus::start(Mood::Takes).await;
    shop.environment.extend(bus.variables());
    for (mut function, path) in start_all(&mut shop).await {
        for (event, expected) in requests(&path) {
            let method = event["requestContext"]["http"]["method"].clone();
            let what = format!("{method} {path}: {:.60}", event["body"]);
            if expected == 405 {
                // No document describes a method that is none, so its body is not held to one.
                let answer = function.call(&event).await;
                assert_eq!(answer["statusCode"], 405, "{what}");
                assert_eq!(answer["headers"]["allow"], "POST", "{what}");
                continue;
            }
            let (status, body) = ask(&mut function, &event).await;
            assert_eq!(status, expected, "{what}: {body}");
            assert_failed(&body, "bad_request");
        }
        shop.assert_discreet(&mut function, &[]).await;
    }
    assert_nothing_happened(&shop, &bus).await;
}

#[tokio::test]
async fn an_event_of_a_foreign_source_is_refused_by_every_one() {
    let mut shop = Shop::open(Version::V19).await;
    let bus = Bus::start(Mood::Takes).await;
    shop.environment.extend(bus.variables());
    for (mut function, path) in start_all(&mut shop).await {
        for source in ["somebody.else", "odoo.sync.copy", "Odoo.Sync", "aws.s3", ""] {
            for detail_type in ["Sync Requested", "Sync Completed", "Sync Failed"] {
                let event = json!({
                    "version": "0",
                    "source": source,
                    "detail-type": detail_type,
                    "detail": {"mode": "full"},
                });
                let answer = function.call(&event).await;
                assert_eq!(answer["success"], false, "{path} {event}: {answer}");
                assert_failed(&answer, "bad_request");
            }
        }
    }
    assert_nothing_happened(&shop, &bus).await;
}

/// Events may be told of a refusal, but nothing may be asked for.
async fn assert_nothing_happened(shop: &Shop, bus: &Bus) {
    assert_eq!(shop.runs().await, Vec::<Value>::new());
    let batches = shop.rows("select * from odoo.sync_batches").await;
    assert_eq!(batches, Vec::<Value>::new());
    assert_eq!(shop.sim.requests().len(), 0, "nothing was asked of Odoo");
    let asked = bus.taken();
    assert!(
        asked
            .iter()
            .all(|entry| entry["DetailType"] != "Sync Requested"),
        "{asked:?}"
    );
}
