//! The log: what each line says, over whole runs at the level at which it is deployed.

mod metrics;
mod run;

use std::collections::BTreeSet;

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::Shop;
use metrics::{assert_is_embedded_metric_format, schema};

/// Everything that a function has printed, line by line.
async fn lines(function: &mut Function) -> Vec<Value> {
    let log = function.end().await;
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn is_metrics(line: &Value) -> bool {
    line.get("_aws").is_some()
}

fn with_message<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines
        .iter()
        .filter(|line| line["message"] == message && !is_metrics(line))
        .collect()
}

async fn shop() -> Shop {
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.insert("RUST_LOG", "INFO".to_owned());
    shop
}

/// A function dies when it asks for this, and a minute has passed since.
async fn one_dies_at(shop: &Shop, when: When) {
    let mut dying = shop.function().await;
    let hold = Hold::the_next(&shop.sim, when);
    dying.send(&json!({}));
    hold.reached().await;
    dying.kill().await;
    hold.release();
    shop.execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'")
        .await;
}

#[tokio::test]
async fn each_line_of_a_run_says_whose_it_is_each_page_how_far_it_is_and_the_last_one_everything() {
    let shop = shop().await;
    let mut function = shop.function().await;
    // What has to be tried again is logged from the deep.
    shop.sim
        .inject(When::method("read").nth(2), Fault::status(502));
    let report = shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    let schema = schema();
    for line in &lines {
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
        assert_eq!(line["data_type"], "products", "{line}");
        assert_eq!(line["run_id"], report["runId"], "{line}");
        assert_eq!(line["slice"], 1, "{line}");
        if is_metrics(line) {
            assert_is_embedded_metric_format(line, &schema);
        }
    }
    let retried: Vec<_> = lines.iter().filter(|it| it["level"] == "WARN").collect();
    assert_eq!(retried.len(), 1, "{retried:?}");

    let streams: BTreeSet<&str> = PRODUCTS.streams.iter().map(|it| it.name).collect();
    assert!(streams.contains(retried[0]["stream"].as_str().expect("a stream")));
    let pages = with_message(&lines, "page committed");
    let mut rows = 0;
    let mut seen = BTreeSet::new();
    for page in &pages {
        seen.insert(page["stream"].as_str().expect("a stream"));
        rows += page["rows"].as_u64().expect("a number");
        assert!(
            page["rate"].as_f64().is_some_and(|rate| rate > 0.0),
            "{page}"
        );
        let progress = page["progress"].as_f64().expect("percent");
        assert!(progress > 0.0 && progress <= 100.0, "{page}");
        if page["to_do"] == 0 {
            assert!((progress - 100.0).abs() < f64::EPSILON, "{page}");
        }
    }
    assert_eq!(seen, streams);
    assert_eq!(report["recordsProcessed"], rows);

    let [end] = with_message(&lines, "run succeeded")[..] else {
        panic!("not one end: {lines:?}");
    };
    for (field, of_report) in [
        ("mode", "mode"),
        ("status", "status"),
        ("processed", "recordsProcessed"),
        ("inserted", "recordsInserted"),
        ("updated", "recordsUpdated"),
        ("unchanged", "recordsUnchanged"),
        ("deleted", "recordsDeleted"),
        ("skipped", "recordsSkipped"),
        ("milliseconds", "duration"),
        ("retries", "retries"),
        ("slices", "slices"),
    ] {
        assert_eq!(end[field], report[of_report], "{field}");
    }
    assert_eq!(report["retries"], 1);
    assert!(end["odoo_ms"].as_u64() > Some(0) && end["postgres_ms"].as_u64() > Some(0));
}
