//! The log: what each line says, over whole runs at the level at which it is deployed.

use std::collections::BTreeSet;

use jsonschema::Validator;
use odoo_sim::proxy::{Conduct, Direction, Ending, Point};
use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use shared::specs::PRODUCTS;
use shared::telemetry::metrics;

use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wire::{proxy_before, through};

/// The schema of AWS's specification of the embedded metric format (CloudWatch user guide), as far as it goes,
/// with its limits, and the dimensions that are ours.
fn schema() -> Validator {
    let schema = json!({
        "type": "object",
        "required": ["_aws", metrics::STACK, metrics::DATA_TYPE],
        "properties": {
            "_aws": {
                "type": "object",
                "required": ["Timestamp", "CloudWatchMetrics"],
                "properties": {
                    "Timestamp": {"type": "integer", "minimum": 1_000_000_000_000_u64},
                    "CloudWatchMetrics": {"type": "array", "minItems": 1, "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": false,
                        "properties": {
                            "Namespace": {"const": metrics::NAMESPACE},
                            "Dimensions": {"type": "array", "minItems": 1, "items": {
                                "type": "array",
                                "items": {"type": "string", "minLength": 1, "maxLength": 250},
                                "maxItems": 30,
                            }},
                            "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": {
                                "type": "object",
                                "required": ["Name", "Unit"],
                                "additionalProperties": false,
                                "properties": {
                                    "Name": {"enum": metrics::NAMES},
                                    "Unit": {"enum": ["Count", "Milliseconds", "Seconds"]},
                                },
                            }},
                        },
                    }},
                },
            },
        },
    });
    jsonschema::validator_for(&schema).expect("a schema")
}

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

/// A metric's values in these lines, in their order; those with a code as a dimension aside.
fn values(lines: &[Value], name: &str) -> Vec<f64> {
    let of_the_type = lines
        .iter()
        .filter(|line| line.get(metrics::CODE).is_none() && is_metrics(line));
    let values = of_the_type.filter_map(|line| match line.get(name)? {
        Value::Array(values) => values.first()?.as_f64(),
        value => value.as_f64(),
    });
    values.collect()
}

/// The line names its dimensions and has a value for each metric that it declares.
fn assert_is_embedded_metric_format(line: &Value, schema: &Validator) {
    schema
        .validate(line)
        .unwrap_or_else(|error| panic!("{error}: {line}"));
    let declared = &line["_aws"]["CloudWatchMetrics"][0];
    for dimension in declared["Dimensions"][0].as_array().expect("dimensions") {
        let dimension = dimension.as_str().expect("a name");
        let value = line[dimension].as_str();
        assert!(value.is_some_and(|value| !value.is_empty()), "{line}");
    }
    for metric in declared["Metrics"].as_array().expect("metrics") {
        let value = &line[metric["Name"].as_str().expect("a name")];
        let is_number = value.is_number()
            || value
                .as_array()
                .is_some_and(|values| values.iter().all(Value::is_number));
        assert!(is_number, "{line}");
    }
}

async fn shop() -> Shop {
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.insert("RUST_LOG", "INFO".to_owned());
    shop
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
        if is_metrics(line) {
            assert_is_embedded_metric_format(line, &schema);
        } else if line["message"] != "run succeeded" {
            assert_eq!(line["slice"], 1, "{line}");
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

#[tokio::test]
async fn the_metrics_of_a_run_are_its_report() {
    let shop = shop().await;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    let number = |name: &str| report[name].as_f64().expect("a number");
    for (metric, of_report) in [
        (metrics::ROWS_INSERTED, "recordsInserted"),
        (metrics::DURATION, "duration"),
        (metrics::SLICES, "slices"),
    ] {
        assert_eq!(values(&lines, metric), [number(of_report)], "{metric}");
    }
    for metric in [metrics::ODOO_TIME, metrics::POSTGRES_TIME] {
        let [value] = values(&lines, metric)[..] else {
            panic!("not one value of {metric}");
        };
        assert!(value > 0.0, "{metric}");
    }
    // What did not happen costs nothing.
    assert_eq!(values(&lines, metrics::RUNS_FAILED), [0.0; 0]);
    let findings = shop
        .rows("select stream, count(*) from odoo.sync_findings where resolved_at is null group by stream")
        .await;
    let open: f64 = findings.iter().filter_map(|it| it["count"].as_f64()).sum();
    assert_eq!(values(&lines, metrics::FINDINGS_OPEN), [open]);
    let [freshness] = values(&lines, metrics::FRESHNESS)[..] else {
        panic!("not one value");
    };
    assert!((0.0..60.0).contains(&freshness), "{freshness}");
}

#[tokio::test]
async fn freshness_is_told_by_runs_that_fail_or_find_another_one_and_where_postgres_is_away() {
    let shop = shop().await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    shop.execute(
        "update odoo.sync_metadata set last_sync_timestamp = last_sync_timestamp - interval '1 hour'",
    )
    .await;
    let when = When::method("search_read").forever();
    shop.sim.inject(when, Fault::AccessDenied);
    let answer = function.call(&json!({})).await;
    assert_failed(&answer, "odoo_auth");
    shop.sim.clear_faults();

    let mut first = shop.function().await;
    let hold = Hold::the_next(&shop.sim, When::method("search_read"));
    first.send(&json!({"mode": "full"}));
    hold.reached().await;
    assert_failed(&function.call(&json!({})).await, "busy");
    hold.release();
    first.answer().await;

    let lines = lines(&mut function).await;
    let freshness = values(&lines, metrics::FRESHNESS);
    assert_eq!(freshness.len(), 3, "{freshness:?}");
    assert!(freshness[0] < 60.0);
    for stale in &freshness[1..] {
        assert!((3600.0..3700.0).contains(stale), "{stale}");
    }
    assert_eq!(values(&lines, metrics::RUNS_FAILED), [1.0]);
    let by_code: Vec<_> = lines
        .iter()
        .filter(|line| line.get(metrics::CODE).is_some())
        .collect();
    assert_eq!(by_code.len(), 1);
    assert_eq!(by_code[0][metrics::CODE], "odoo_auth");
    assert_eq!(by_code[0][metrics::RUNS_FAILED], 1);
    let [failed] = with_message(&lines, "sync failed")[..] else {
        panic!("not one failure: {lines:?}");
    };
    assert_eq!(failed["code"], "odoo_auth");
    assert_eq!(failed["run_id"], answer["data"]["runId"]);
    assert_eq!(failed["processed"], 0);
    for line in lines.iter().filter(|line| is_metrics(line)) {
        assert_is_embedded_metric_format(line, &schema());
    }
}

#[tokio::test]
async fn freshness_is_known_from_before_where_postgres_is_away() {
    let shop = shop().await;
    let postgres = proxy_before(&shop.database.url);
    let url = through(&postgres, &shop.database.url);
    let mut function = shop.function_with(&[("SUPABASE_DB_URL", &url)]).await;
    shop.sync(&mut function).await;
    let reset = || Conduct::cut(Direction::ToServer, Point::Byte(0), Ending::Reset);
    postgres.rule(move |_| reset());
    postgres.strike(Ending::Reset);
    assert_failed(&function.call(&json!({})).await, "db_unreachable");
    let lines = lines(&mut function).await;
    let freshness = values(&lines, metrics::FRESHNESS);
    assert_eq!(freshness.len(), 2, "{lines:?}");
    assert!(freshness[1] >= freshness[0]);
}

/// A level that hides what is only worth to know still lets the metrics through.
#[tokio::test]
async fn metrics_are_written_whatever_is_logged() {
    let shop = shop().await;
    let mut function = shop.function_with(&[("RUST_LOG", "ERROR")]).await;
    shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    assert!(!lines.is_empty());
    assert!(lines.iter().all(is_metrics), "{lines:?}");
}
