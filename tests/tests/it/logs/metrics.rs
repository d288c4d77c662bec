//! The metrics: each is read from the log of real functions, and compared with what their runs did.

use std::collections::BTreeSet;

use jsonschema::Validator;
use odoo_sim::proxy::{Conduct, Direction, Ending, Point};
use odoo_sim::{Fault, When};
use serde_json::{Value, json};
use shared::telemetry::metrics;

use super::{is_metrics, lines, one_dies_at, shop, with_message};
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wire::{proxy_before, through};

const PRODUCT: &str = "product.product";

/// The schema of AWS's specification of the embedded metric format (CloudWatch user guide), as far as it goes,
/// with its limits, and the dimensions that are ours.
pub(super) fn schema() -> Validator {
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
pub(super) fn assert_is_embedded_metric_format(line: &Value, schema: &Validator) {
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

/// The names of all metrics that these lines declare.
fn declared(lines: &[Value]) -> BTreeSet<&str> {
    let declared = lines
        .iter()
        .filter_map(|line| {
            line.pointer("/_aws/CloudWatchMetrics/0/Metrics")?
                .as_array()
        })
        .flatten();
    declared
        .map(|metric| metric["Name"].as_str().expect("a name"))
        .collect()
}

/// What a query's only cell says.
async fn number(shop: &Shop, query: &str) -> f64 {
    let rows = shop.rows(&format!("select ({query}) as it")).await;
    rows[0]["it"].as_f64().expect("a number")
}

/// Lets a product be changed, one be gone, one be no row, and leaves the others alone.
fn change(shop: &Shop) {
    let ids = shop.sim.ids(PRODUCT);
    shop.change_something();
    shop.sim.unlink(PRODUCT, &ids[20..22]);
    shop.sim.patch(PRODUCT, ids[30], "weight", "NaN");
}

#[tokio::test]
async fn each_metric_says_what_the_runs_did_and_what_did_not_happen_is_not_paid_for() {
    let shop = shop().await;
    // One dies in the middle, so the next one ends its run in a second slice.
    one_dies_at(&shop, When::method("read").model(PRODUCT).nth(2)).await;
    let mut function = shop.function().await;
    let first = shop.sync(&mut function).await;
    change(&shop);
    shop.sim.inject(When::method("read"), Fault::status(502));
    let mut reports = vec![first];
    for mode in ["full", "reconcile"] {
        let answer = function.call(&json!({"mode": mode})).await;
        assert_eq!(answer["success"], true, "{answer}");
        reports.push(answer["data"].clone());
    }
    let lines = lines(&mut function).await;
    for (metric, of_report) in [
        (metrics::ROWS_INSERTED, "recordsInserted"),
        (metrics::ROWS_UPDATED, "recordsUpdated"),
        (metrics::ROWS_UNCHANGED, "recordsUnchanged"),
        (metrics::ROWS_DELETED, "recordsDeleted"),
        (metrics::ROWS_SKIPPED, "recordsSkipped"),
        (metrics::DURATION, "duration"),
        (metrics::RETRIES, "retries"),
        (metrics::SLICES, "slices"),
    ] {
        let reported = reports
            .iter()
            .map(|report| report[of_report].as_f64().expect("a number"));
        let reported: Vec<f64> = reported.filter(|value| *value > 0.0).collect();
        assert!(!reported.is_empty(), "no run had any {of_report}");
        assert_eq!(values(&lines, metric), reported, "{metric}");
    }
    assert_eq!(values(&lines, metrics::ROWS_DELETED), [2.0]);
    assert_eq!(values(&lines, metrics::ROWS_SKIPPED), [1.0]);
    assert_eq!(values(&lines, metrics::RETRIES), [1.0]);
    assert_eq!(values(&lines, metrics::SLICES), [2.0, 1.0, 1.0]);

    let ends = with_message(&lines, "run succeeded");
    for (metric, of_line) in [
        (metrics::ODOO_TIME, "odoo_ms"),
        (metrics::POSTGRES_TIME, "postgres_ms"),
    ] {
        let logged: Vec<f64> = ends
            .iter()
            .filter_map(|end| end[of_line].as_f64())
            .collect();
        assert!(logged.iter().all(|it| *it > 0.0), "{of_line}");
        assert_eq!(values(&lines, metric), logged, "{metric}");
    }
    assert_eq!(values(&lines, metrics::RUNS_FAILED), [0.0; 0]);
    let open = number(
        &shop,
        "select count(*) from odoo.sync_findings where resolved_at is null",
    )
    .await;
    assert!(open > 0.0);
    assert_eq!(values(&lines, metrics::FINDINGS_OPEN).last(), Some(&open));
    for age in [metrics::FRESHNESS, metrics::UNVERIFIED] {
        let values = values(&lines, age);
        assert_eq!(values.len(), 3, "{age}");
        assert!(
            values.iter().all(|it| (0.0..60.0).contains(it)),
            "{values:?}"
        );
    }
    let mut names = BTreeSet::from(metrics::NAMES);
    names.remove(metrics::RUNS_FAILED);
    assert_eq!(declared(&lines), names);
    for line in lines.iter().filter(|line| is_metrics(line)) {
        assert_is_embedded_metric_format(line, &schema());
    }
}

/// Each is paid for; what alarms look at has to stay.
#[tokio::test]
async fn what_no_alarm_looks_at_or_all_of_it_can_be_left_out() {
    let shop = shop().await;
    for (extent, expected) in [
        (
            "alarms",
            &[
                metrics::FINDINGS_OPEN,
                metrics::FRESHNESS,
                metrics::RUNS_FAILED,
                metrics::UNVERIFIED,
            ][..],
        ),
        ("none", &[]),
    ] {
        let mut function = shop.function_with(&[("SYNC_METRICS", extent)]).await;
        shop.sync(&mut function).await;
        shop.sim
            .inject(When::method("search_read").forever(), Fault::AccessDenied);
        assert_failed(&function.call(&json!({})).await, "odoo_auth");
        shop.sim.clear_faults();
        let lines = lines(&mut function).await;
        assert_eq!(declared(&lines), expected.iter().copied().collect());
        assert_eq!(with_message(&lines, "run succeeded").len(), 1);
    }
}

/// docs/MONITORING.md is what people look a metric up in.
#[test]
fn every_metric_stands_in_the_guide_with_its_unit() {
    let page = std::fs::read_to_string("../docs/MONITORING.md").expect("docs/MONITORING.md");
    for name in metrics::NAMES {
        let row = page
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{name}`")));
        let row = row.unwrap_or_else(|| panic!("no row for {name}"));
        let units = ["Count", "Milliseconds", "Seconds"];
        assert!(units.iter().any(|unit| row.contains(unit)), "{row}");
    }
}

/// As long as nothing succeeds, the mirror grows old.
#[tokio::test]
async fn freshness_grows_with_each_run_that_fails_and_a_success_ends_that() {
    let shop = shop().await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let when = When::method("search_read").forever();
    shop.sim.inject(when, Fault::AccessDenied);
    for _ in 0..3 {
        shop.execute(
            "update odoo.sync_metadata set last_sync_timestamp = last_sync_timestamp - interval '1 hour'",
        )
        .await;
        assert_failed(&function.call(&json!({})).await, "odoo_auth");
    }
    shop.sim.clear_faults();
    shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    let hours: Vec<f64> = values(&lines, metrics::FRESHNESS)
        .iter()
        .map(|seconds| (seconds / 3600.0).floor())
        .collect();
    assert_eq!(hours, [0.0, 1.0, 2.0, 3.0, 0.0]);
    assert_eq!(values(&lines, metrics::RUNS_FAILED), [1.0; 3]);
    assert_eq!(values(&lines, metrics::ROWS_INSERTED).len(), 1);
}

#[tokio::test]
async fn the_stream_that_was_longest_not_verified_counts_and_only_a_comparison_ends_that() {
    let shop = shop().await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    // One that has never been compared counts from when it was first read.
    shop.execute("update odoo.sync_streams set created_at = created_at - interval '1 hour'")
        .await;
    for mode in ["incremental", "full", "reconcile"] {
        let answer = function.call(&json!({"mode": mode})).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
    shop.execute(
        "update odoo.sync_streams set verified_at = verified_at - interval '2 hours'
         where stream = 'uoms'",
    )
    .await;
    shop.sync(&mut function).await;
    let when = When::method("search_read").forever();
    shop.sim.inject(when, Fault::AccessDenied);
    assert_failed(
        &function.call(&json!({"mode": "reconcile"})).await,
        "odoo_auth",
    );
    shop.sim.clear_faults();
    shop.execute("update odoo.sync_metadata set paused_at = now()")
        .await;
    assert_failed(&function.call(&json!({})).await, "paused");
    // What is read anew after a reset has to be verified from then on.
    shop.execute("update odoo.sync_metadata set paused_at = null; delete from odoo.sync_streams")
        .await;
    shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    let hours: Vec<f64> = values(&lines, metrics::UNVERIFIED)
        .iter()
        .map(|seconds| (seconds / 3600.0).floor())
        .collect();
    assert_eq!(hours, [0.0, 1.0, 1.0, 0.0, 2.0, 2.0, 0.0, 0.0]);
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
