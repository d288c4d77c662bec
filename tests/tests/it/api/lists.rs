//! Runs and findings: the latest first, as many as asked for, of whom was asked.

use odoo_sim::Version;
use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::function::Function;
use crate::support::shop::{Shop, assert_failed};

fn values<'a>(data: &'a Value, list: &str, column: &str) -> Vec<&'a Value> {
    let rows = data[list].as_array().expect("a list");
    rows.iter().map(|row| &row[column]).collect()
}

#[tokio::test]
async fn runs_come_latest_first_and_no_more_than_asked_for() {
    let shop = Shop::open(Version::V19).await;
    let mut products = shop.function().await;
    let mut categories = Function::start("sync-categories", &shop.environment).await;
    for mode in ["incremental", "full"] {
        products.call(&json!({"mode": mode})).await;
    }
    categories.call(&json!({})).await;
    let mut caller = Caller::of(&shop).await;

    let all = caller.get("/api/sync/runs").await;
    assert_eq!(
        values(&all, "runs", "data_type"),
        ["categories", "products", "products"]
    );
    assert_eq!(
        values(&all, "runs", "mode"),
        ["incremental", "full", "incremental"]
    );
    let two = caller.get("/api/sync/runs?limit=2").await;
    assert_eq!(
        two["runs"].as_array(),
        all["runs"].as_array().map(|it| it[..2].to_vec()).as_ref()
    );
    let one = caller.get("/api/sync/runs?limit=1&dataType=products").await;
    assert_eq!(values(&one, "runs", "mode"), ["full"]);
    let none = caller.get("/api/sync/runs?dataType=sales").await;
    assert_eq!(none, json!({"runs": []}));
    let counts = &all["runs"][2];
    let rows = shop.sim.count("product.product") + shop.sim.count("uom.uom");
    assert_eq!(counts["records_inserted"], rows);
}

#[tokio::test]
async fn findings_are_the_open_ones_without_the_row_s_values() {
    let shop = Shop::open(Version::V19).await;
    let ids = shop.sim.ids("product.product");
    shop.sim
        .patch("product.product", ids[9], "weight", "\"Geheimgewicht\"");
    shop.sim
        .patch("product.product", ids[10], "weight", "\"Geheimgewicht\"");
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let mut caller = Caller::of(&shop).await;

    let rejects = caller.get("/api/sync/findings?severity=reject").await;
    assert_eq!(rejects["total"], 2);
    assert_eq!(values(&rejects, "findings", "odoo_id"), [ids[10], ids[9]]);
    assert_eq!(
        rejects["findings"][0]["reason"],
        "column weight: a number was expected"
    );
    assert!(!rejects.to_string().contains("Geheimgewicht"));
    let all = caller.get("/api/sync/findings?dataType=products").await;
    let warnings = caller.get("/api/sync/findings?severity=warning").await;
    let total = |data: &Value| data["total"].as_u64().expect("a number");
    assert_eq!(total(&all), total(&warnings) + 2);
    let one = caller
        .get("/api/sync/findings?limit=1&severity=reject")
        .await;
    assert_eq!(
        (total(&one), values(&one, "findings", "odoo_id").len()),
        (2, 1)
    );
    let none = caller.get("/api/sync/findings?dataType=sales").await;
    assert_eq!(none, json!({"total": 0, "findings": []}));

    shop.execute("update odoo.sync_findings set resolved_at = now(), resolution = 'mended'")
        .await;
    assert_eq!(total(&caller.get("/api/sync/findings").await), 0);
}

#[tokio::test]
async fn a_parameter_of_another_form_is_refused_with_what_is_allowed() {
    let shop = Shop::open(Version::V14).await;
    let mut caller = Caller::of(&shop).await;
    for (target, told) in [
        ("/api/sync/runs?limit=0", "500"),
        ("/api/sync/runs?limit=501", "500"),
        ("/api/sync/runs?limit=-1", "500"),
        ("/api/sync/runs?limit=ten", "500"),
        ("/api/sync/runs?limit=", "500"),
        ("/api/sync/runs?limit=99999999999999999999", "500"),
        ("/api/sync/runs?limit=1&limit=2", "twice"),
        ("/api/sync/runs?severity=reject", "dataType, limit"),
        ("/api/sync/runs?dataType=Products", "categories"),
        ("/api/sync/runs?dataType=", "categories"),
        ("/api/sync/runs?dataType=products'--", "categories"),
        ("/api/sync/findings?severity=error", "warning"),
        ("/api/sync/findings?Severity=reject", "severity"),
        ("/api/sync/findings?=&%00", "severity"),
        ("/api/sync/status?dataType=products", "no parameters"),
        ("/api/sync/status/products?x", "no parameters"),
        ("/api/sync/status/produkte", "categories"),
        ("/api/sync/health?deep=yes", "deep"),
        ("/api/sync/health?verbose=true", "deep"),
    ] {
        let (status, body) = caller.ask("GET", target).await;
        assert_eq!(status, 400, "{target}");
        let message = assert_failed(&body, "bad_request");
        assert!(message.contains(told), "{target}: {message}");
    }
}
