//! What a caller is told who was let in.

use odoo_sim::{Fault, Version, When};
use reqwest::Url;
use serde_json::{Value, json};

use super::event::{KEY, ask, function, post, request};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, VERSIONS, assert_failed};

#[tokio::test]
async fn a_sync_answers_200_with_the_contract_s_body() {
    for version in VERSIONS {
        let mut shop = Shop::open(version).await;
        let bad = shop.sim.ids("product.product")[9];
        shop.sim
            .patch("product.product", bad, "weight", "\"heavy\"");
        let mut function = function(&mut shop).await;
        let rows = shop.sim.count("product.product") + shop.sim.count("uom.uom");

        let (status, body) = ask(&mut function, &post("")).await;
        assert_eq!(status, 200, "{body}");
        let run = shop.runs().await.remove(0);
        assert_eq!(run["triggered_by"], "http");
        let duration = &body["data"]["duration"];
        assert!(duration.as_u64().is_some_and(|it| it > 0), "{body}");
        let expected = json!({
            "success": true,
            "message": "Products sync completed",
            "data": {
                "runId": run["run_id"], "dataType": "products", "mode": "incremental",
                "status": "success", "recordsProcessed": rows, "recordsInserted": rows - 1,
                "recordsUpdated": 0, "recordsUnchanged": 0, "recordsDeleted": 0,
                "recordsSkipped": 1, "duration": duration, "retries": 0, "slices": 1,
                "errors": [{
                    "odooId": bad, "stream": "products",
                    "reason": "column weight: a number was expected"
                }]
            }
        });
        assert_eq!(body, expected);
        shop.assert_discreet(&mut function, &[body]).await;
    }
}

#[tokio::test]
async fn a_request_without_a_body_and_one_with_a_mode_are_taken() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let bearer = format!("bearer {KEY}");
    let (status, body) = ask(&mut function, &request("POST", Some(&bearer), None)).await;
    assert_eq!(
        (status, &body["data"]["mode"]),
        (200, &json!("incremental"))
    );
    for mode in ["full", "reconcile", "incremental"] {
        let request = json!({"mode": mode, "dataType": "products"}).to_string();
        let (status, body) = ask(&mut function, &post(&request)).await;
        assert_eq!(
            (status, &body["data"]["mode"]),
            (200, &json!(mode)),
            "{body}"
        );
    }
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_caller_who_comes_second_gets_409_with_the_running_run_and_changes_nothing() {
    let mut shop = Shop::open(Version::V14).await;
    let mut first = function(&mut shop).await;
    let mut second = shop.function().await;
    // No page can be under way beside it, so the held run changes nothing either.
    let preparing = When::method("fields_get").model("product.product");
    let hold = Hold::the_next(&shop.sim, preparing);
    first.send(&post("{}"));
    hold.reached().await;
    let before = recorded(&shop).await;

    for body in ["{}", "{\"mode\": \"full\"}", "{\"mode\": \"reconcile\"}"] {
        let (status, answer) = ask(&mut second, &post(body)).await;
        assert_eq!(status, 409);
        assert_failed(&answer, "busy");
        let running = &shop.runs().await[0]["run_id"];
        assert_eq!(&answer["data"]["runId"], running);
        assert_eq!(answer["data"]["status"], "in_progress");
    }
    assert_eq!(recorded(&shop).await, before);

    hold.release();
    let answer = first.answered().await;
    assert_eq!(answer["statusCode"], 200);
    assert_eq!(shop.runs().await.len(), 1);
    shop.assert_mirrored().await;
    assert_eq!(ask(&mut second, &post("{}")).await.0, 200);
}

/// Everything that a second caller could have changed.
async fn recorded(shop: &Shop) -> Vec<Value> {
    let mut rows = shop.runs().await;
    rows.push(shop.metadata().await);
    rows.extend(
        shop.rows("select * from odoo.sync_streams order by stream")
            .await,
    );
    rows.extend(shop.rows("select * from odoo.sync_findings").await);
    rows
}

#[tokio::test]
async fn what_odoo_refuses_is_502() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    for (fault, code) in [
        (Fault::LoginPage, "odoo_unreachable"),
        (Fault::AccessDenied, "odoo_auth"),
        (Fault::AccessError, "odoo_access"),
        (Fault::UnknownField, "odoo_schema"),
        (Fault::DatabaseDown, "odoo_fault"),
    ] {
        shop.sim.inject(When::method("read").forever(), fault);
        let (status, body) = ask(&mut function, &post("{}")).await;
        assert_eq!(status, 502, "{body}");
        shop.assert_recorded(&body, code).await;
        shop.sim.clear_faults();
    }
    assert_eq!(ask(&mut function, &post("{}")).await.0, 200);
}

#[tokio::test]
async fn what_postgres_refuses_and_what_is_not_configured_is_503() {
    let mut shop = Shop::open(Version::V14).await;
    shop.environment.insert("SYNC_API_KEY", KEY.to_owned());
    let mut wrong = Url::parse(&shop.database.url).expect("a URL");
    wrong.set_password(Some("wrong")).expect("a host");
    for (variable, value, code) in [
        ("SUPABASE_DB_URL", wrong.as_str(), "db_auth"),
        ("SUPABASE_DB_URL", "nonsense", "config"),
        ("ODOO_URL", "", "config"),
    ] {
        let mut function: Function = shop.function_with(&[(variable, value)]).await;
        let (status, body) = ask(&mut function, &post("{}")).await;
        assert_eq!(status, 503, "{body}");
        assert_failed(&body, code);
        assert_eq!(body["data"], json!({"dataType": "products"}));
    }
    shop.execute("alter table odoo.uoms rename to elsewhere")
        .await;
    let mut function = shop.function().await;
    let (status, body) = ask(&mut function, &post("{}")).await;
    assert_eq!(status, 503);
    shop.assert_recorded(&body, "db_schema").await;
}

#[tokio::test]
async fn a_schedule_and_an_event_of_ours_are_taken_like_a_bare_request() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = function(&mut shop).await;
    let event = |source: &str, detail_type: &str, detail: Value| {
        json!({
            "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            "detail-type": detail_type, "source": source, "account": "000000000000",
            "time": "2026-11-21T10:00:00Z", "region": "eu-central-1", "resources": [],
            "detail": detail
        })
    };
    for (event, trigger, mode) in [
        (json!({}), "invoke", "incremental"),
        (
            event("aws.events", "Scheduled Event", json!({})),
            "schedule",
            "incremental",
        ),
        (
            event("aws.scheduler", "Scheduled Event", json!(null)),
            "schedule",
            "incremental",
        ),
        (
            event("odoo.sync", "Sync Requested", json!({})),
            "event",
            "incremental",
        ),
        (
            event("odoo.sync", "Sync Requested", json!({"mode": "full"})),
            "event",
            "full",
        ),
    ] {
        let answer = function.call(&event).await;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["data"]["mode"], mode);
        let run = shop.runs().await.pop().expect("a run");
        assert_eq!(run["triggered_by"], trigger);
        assert_eq!(run["mode"], mode);
    }
}
