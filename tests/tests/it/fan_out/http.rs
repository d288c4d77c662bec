//! `POST /api/sync/all`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::yard::{ALL, Yard, completed, event, failed, post, request, start};
use crate::http::event::ask;
use crate::support::function::Function;
use crate::support::shop::assert_failed;
use crate::support::wait_until;

/// Sends a request that waits for the batch, and returns once the batch is there.
async fn wait_for_batch(yard: &Yard, waiting: &Function) -> String {
    waiting.send(&post("", Some("true")));
    wait_until("the batch is there", async || {
        !yard.batches().await.is_empty()
    })
    .await;
    let batch = yard.batches().await[0]["batch_id"].clone();
    batch.as_str().expect("an id").to_owned()
}

async fn answered(waiting: &mut Function) -> (u64, Value) {
    let answer = waiting.answered().await;
    let body = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
    (answer["statusCode"].as_u64().expect("a status"), body)
}

#[tokio::test]
async fn it_answers_202_with_the_batch_and_where_to_look() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let answer = function.call(&post("{\"mode\": \"full\"}", None)).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    assert_eq!(answer["headers"]["location"], "/api/sync/status");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("text")).expect("JSON");
    assert_eq!(body["success"], true);
    assert!(body["message"].is_string());
    let data = &body["data"];
    assert_eq!(data["batchId"], yard.part("sales").await["batch_id"]);
    assert_eq!(
        (&data["status"], &data["mode"]),
        (&json!("in_progress"), &json!("full"))
    );
    let states: Vec<Value> = ALL
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let status = if place < 3 { "in_progress" } else { "pending" };
            json!({"dataType": name, "status": status})
        })
        .collect();
    assert_eq!(data["results"], json!(states));
    assert_eq!(yard.part("sales").await["triggered_by"], "http");
}

#[tokio::test]
async fn who_waits_gets_the_sum_over_all_data_types_and_each_one_s_result() {
    let yard = Yard::open().await;
    let (mut waiting, mut working) = (yard.function().await, yard.function().await);
    let batch = wait_for_batch(&yard, &waiting).await;
    let mut runs = Vec::new();
    for data_type in ALL {
        let is_requested = async || yard.part(data_type).await["state"] == "requested";
        wait_until("its turn has come", is_requested).await;
        let run = yard.put_run(data_type, "incremental", "success", 0).await;
        let detail = json!({"dataType": data_type, "batchId": batch, "runId": run});
        working
            .call(&event("odoo.sync", "Sync Completed", &detail))
            .await;
        runs.push(json!(run));
    }
    let (status, body) = answered(&mut waiting).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["success"], true);
    let data = &body["data"];
    assert_eq!(data["status"], "success");
    assert_eq!(data["recordsProcessed"], 6 * 9);
    assert_eq!(data["recordsInserted"], 6 * 7);
    assert_eq!(data["recordsUnchanged"], 6 * 2);
    assert_eq!(data["slices"], 6);
    assert!(data["duration"].is_u64());
    let results = data["results"].as_array().expect("results");
    for ((result, data_type), run) in results.iter().zip(ALL).zip(&runs) {
        assert_eq!(result["dataType"], data_type);
        assert_eq!(&result["runId"], run);
        assert_eq!(result["status"], "success");
        assert_eq!(result["recordsProcessed"], 9);
        assert_eq!(result["errors"], json!([]));
    }
}

#[tokio::test]
async fn who_waits_is_told_of_failures_with_the_status_of_the_first() {
    let yard = Yard::open().await;
    let (mut waiting, mut working) = (yard.function().await, yard.function().await);
    let batch = wait_for_batch(&yard, &waiting).await;
    for data_type in ALL {
        let is_requested = async || yard.part(data_type).await["state"] == "requested";
        wait_until("its turn has come", is_requested).await;
        let end = match data_type {
            "products" => failed(data_type, &batch, "odoo_access"),
            "sales" => failed(data_type, &batch, "busy"),
            _ => completed(data_type, &batch),
        };
        working.call(&end).await;
    }
    let (status, body) = answered(&mut waiting).await;
    assert_eq!(status, 502, "{body}");
    let message = assert_failed(&body, "odoo_access");
    assert_eq!(
        message,
        "2 of 6 data types failed: products (odoo_access), sales (busy)"
    );
    let data = &body["data"];
    assert_eq!(data["status"], "failed");
    let product = &data["results"][2];
    assert_eq!(product["status"], "failed");
    assert_eq!(product["error"]["code"], "odoo_access");
    assert_eq!(product["error"]["message"], "what went wrong");
    assert!(product["error"]["remedy"].is_string());
    assert_eq!(data["results"][0]["status"], "success");
}

#[tokio::test]
async fn who_waits_in_vain_gets_202_within_the_budget() {
    let yard = Yard::open().await;
    let mut function = yard.function_with("SYNC_API_BUDGET_MS", "2000").await;
    let asked = Instant::now();
    let (status, body) = ask(&mut function, &post("", Some("true"))).await;
    let took = asked.elapsed();
    assert_eq!(status, 202);
    assert_eq!(body["data"]["status"], "in_progress");
    assert!(took > Duration::from_millis(1500), "{took:?}");
    // A process's first answer and a busy machine included.
    assert!(took < Duration::from_secs(4), "{took:?}");
}

/// As the status route does: no event of these ends has come.
#[tokio::test]
async fn who_waits_sees_what_the_runs_have_done_though_nobody_told_of_it() {
    let mut yard = Yard::open().await;
    yard.environment.insert("SYNC_PARALLEL", "6".to_owned());
    let mut waiting = yard.function().await;
    wait_for_batch(&yard, &waiting).await;
    wait_until("all are requested", async || {
        yard.in_state("requested").await.len() == ALL.len()
    })
    .await;
    for data_type in ALL {
        yard.put_run(data_type, "incremental", "success", 0).await;
    }
    let (status, body) = answered(&mut waiting).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["data"]["status"], "success");
}

#[tokio::test]
async fn only_the_key_opens_and_only_post_starts_a_batch() {
    let yard = Yard::open().await;
    let mut function = yard.function().await;
    let bearer = "Bearer schluessel-0815";
    for (method, authorization, body, wait, status) in [
        ("POST", None, "", None, 401),
        ("POST", Some("Bearer wrong"), "", Some("true"), 401),
        ("GET", Some(bearer), "", None, 405),
        ("POST", Some(bearer), "{", None, 400),
        (
            "POST",
            Some(bearer),
            "{\"dataType\": \"products\"}",
            None,
            400,
        ),
        ("POST", Some(bearer), "{\"mode\": \"all\"}", None, 400),
        ("POST", Some(bearer), "", Some("1"), 400),
    ] {
        let (found, answer) = ask(&mut function, &request(method, authorization, body, wait)).await;
        assert_eq!(found, status, "{method} {authorization:?} {body} {wait:?}");
        assert_failed(&answer, "bad_request");
    }
    let mut keyless = yard.function_with("SYNC_API_KEY", "").await;
    assert_eq!(ask(&mut keyless, &post("", None)).await.0, 503);
    assert_eq!(yard.batches().await, Vec::<Value>::new());
    assert_eq!(ask(&mut function, &post("", Some("false"))).await.0, 202);
}

#[tokio::test]
async fn no_log_and_no_answer_repeats_a_secret() {
    let mut yard = Yard::open().await;
    yard.environment.insert("RUST_LOG", "trace".to_owned());
    let mut function = yard.function().await;
    let batch = start(&mut function).await;
    let end = failed("categories", &batch, "odoo_auth");
    let mut said = function.call(&end).await.to_string();
    let (_, body) = ask(&mut function, &post("", None)).await;
    said.push_str(&body.to_string());
    said.push_str(&function.end().await);
    assert!(said.contains("sync requested"), "{said}");
    for name in ["SYNC_API_KEY", "AWS_SECRET_ACCESS_KEY"] {
        assert!(!said.contains(&yard.environment[name]), "{name}");
    }
    let url = reqwest::Url::parse(&yard.database.url).expect("a URL");
    if let Some(password) = url.password() {
        assert!(!said.contains(password), "the database's password");
    }
}
