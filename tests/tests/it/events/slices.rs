//! A run that is longer than an invocation: it is handed over from slice to slice, by
//! events that may be lost, doubled or late.

use std::time::Duration;

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bus::{Bus, Mood};
use crate::openapi::document::DOCUMENT;
use crate::support::function::{Answer, Function};
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::shop::{Shop, VERSIONS, assert_failed};
use crate::support::wait_until;

/// What Lambda gives an invocation here. A slice is done with its page long before.
const SHORT: Duration = Duration::from_secs(2);

/// What `POST /api/sync/reset/products?force=true` does.
const RESET: &str = "
    update odoo.sync_runs
    set status = 'failed', finished_at = now(), error_code = 'busy',
        error_message = 'ended by a reset';
    update odoo.sync_metadata
    set lease_token = null, lease_expires_at = null, run_id = null, run_mode = null, slice = 0;
    delete from odoo.sync_streams";

/// A function whose invocations are short, in a shop of five pages of products.
struct Chain {
    shop: Shop,
    bus: Bus,
    function: Function,
}

impl Chain {
    async fn in_a_shop(version: Version, mood: Mood) -> Self {
        let bus = Bus::start(mood).await;
        let mut shop = Shop::open(version).await;
        for (name, value) in [
            ("SYNC_BATCH_SIZE", "25"),
            // The first read of a slice is that of its first page.
            ("SYNC_FETCH_CONCURRENCY", "1"),
        ] {
            shop.environment.insert(name, value.to_owned());
        }
        let function = bus.function(&mut shop).await;
        Self {
            shop,
            bus,
            function,
        }
    }

    /// One page of products comes through, and nothing after it.
    fn let_one_page_through(&self) {
        self.shop.sim.clear_faults();
        let second = When::method("read").model("product.product").nth(2);
        self.shop.sim.inject(second.forever(), Fault::Hang);
    }

    fn let_all_through(&self) {
        self.shop.sim.clear_faults();
    }

    /// An invocation that runs out of time after one page. Returns its answer.
    async fn slice(&mut self, event: &Value) -> Value {
        self.let_one_page_through();
        let answer = self.invoke(event).await;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
        answer
    }

    async fn invoke(&mut self, event: &Value) -> Value {
        self.function.send_with_deadline(event, SHORT);
        match self.function.answer().await {
            Answer::Response(answer) => answer,
            _ => panic!("no answer; log:\n{}", self.function.log().await),
        }
    }

    /// The last event that was sent, as the bus delivers it; it asks for the next slice.
    fn next(&self) -> Value {
        let entry = self.bus.heard().pop().expect("an event");
        assert_eq!(entry["DetailType"], "Sync Requested", "{entry}");
        delivered(&entry["Detail"])
    }

    async fn products(&self) -> i64 {
        let rows = self.shop.rows("select count(*) from odoo.products").await;
        rows[0]["count"].as_i64().expect("a number")
    }
}

fn delivered(detail: &Value) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": "odoo.sync", "detail-type": "Sync Requested", "detail": detail
    })
}

fn schedule() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}

#[tokio::test]
async fn a_chain_of_slices_finishes_a_run_of_any_length_and_reads_no_row_twice() {
    for version in VERSIONS {
        let mut chain = Chain::in_a_shop(version, Mood::Takes).await;
        let batch = Uuid::new_v4().to_string();
        let mut event = delivered(&json!({
            "dataType": "products", "mode": "full", "batchId": batch
        }));
        let mut run_id = Value::Null;
        for number in 1..=4 {
            chain.shop.sim.reset_requests();
            let answer = chain.slice(&event).await;
            assert_eq!(answer["data"]["slices"], number);
            assert_eq!(chain.products().await, 25 * number);
            if number == 1 {
                run_id = answer["data"]["runId"].clone();
            } else {
                let uoms = chain.shop.sim.requests();
                let mut uoms = uoms.iter().filter(|it| it.model == "uom.uom");
                assert!(uoms.all(|it| it.method != "read"), "read again");
            }
            event = chain.next();
            let expected = json!({
                "dataType": "products", "mode": "full", "confirmDeletes": false,
                "runId": run_id, "slice": number + 1, "batchId": batch
            });
            assert_eq!(event["detail"], expected);
        }
        chain.let_all_through();
        let answer = chain.invoke(&event).await;
        let data = &answer["data"];
        let rows = chain.shop.sim.count("product.product") + chain.shop.sim.count("uom.uom");
        assert_eq!(data["status"], "success", "{answer}");
        assert_eq!((&data["runId"], &data["slices"]), (&run_id, &json!(5)));
        // Those of all slices, each row once.
        assert_eq!(data["recordsInserted"], rows);
        assert_eq!(data["recordsProcessed"], rows);
        let told = chain.bus.heard().pop().expect("an event");
        assert_eq!(told["DetailType"], "Sync Completed");
        assert_eq!(told["Detail"]["batchId"], json!(batch));
        chain.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn an_http_caller_is_answered_within_its_budget_and_the_run_goes_on_by_itself() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let key = "schluessel-0815";
    chain
        .shop
        .environment
        .insert("SYNC_API_KEY", key.to_owned());
    let budget = [("SYNC_API_BUDGET_MS", "1500")];
    chain.function = chain.shop.function_with(&budget).await;
    chain.let_one_page_through();
    let request = json!({
        "version": "2.0", "rawPath": "/api/sync/products", "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {key}")},
        "requestContext": {"http": {"method": "POST", "path": "/api/sync/products"}}
    });
    let answer = chain.function.call(&request).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    assert_eq!(answer["headers"]["location"], "/api/sync/status/products");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(body["success"], true);
    assert_eq!(body["data"]["status"], "in_progress");
    DOCUMENT.assert_describes(&request, 202, &body);
    chain.let_all_through();
    let answer = chain.invoke(&chain.next()).await;
    assert_eq!(answer["data"]["runId"], body["data"]["runId"]);
    assert_eq!(answer["data"]["status"], "success");
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_slice_that_is_running_or_over_is_not_done_again() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let second = chain.next();
    chain.slice(&second).await;
    let third = chain.next();
    let runs = chain.shop.runs().await;

    // Over: the second one's event comes once more.
    chain.let_all_through();
    let requests = chain.shop.sim.requests().len();
    let answer = chain.invoke(&second).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["data"]["runId"], runs[0]["run_id"]);
    assert_eq!(chain.shop.runs().await, runs);

    // Running: the third one's event comes while it is at work.
    let mut other = chain.shop.function().await;
    let hold = Hold::the_next(&chain.shop.sim, When::method("read"));
    other.send(&third);
    hold.reached().await;
    let before = chain.bus.heard().len();
    let answer = chain.invoke(&third).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(chain.bus.heard().len(), before, "nothing is told of it");
    hold.release();
    let Answer::Response(answer) = other.answer().await else {
        panic!("no answer; log:\n{}", other.log().await);
    };
    assert_eq!(answer["data"]["slices"], 3, "{answer}");
    assert_eq!(answer["data"]["status"], "success");

    // The run is over: it comes a third time.
    let asked = chain.shop.sim.requests().len();
    assert!(asked > requests);
    chain.invoke(&third).await;
    assert_eq!(chain.shop.sim.requests().len(), asked, "Odoo was asked");
    assert_eq!(chain.shop.runs().await.len(), 1);
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_slice_whose_function_died_is_done_by_lambda_s_own_retry() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let second = chain.next();
    chain.let_all_through();
    let hold = Hold::the_next(&chain.shop.sim, When::method("read"));
    chain.function.send(&second);
    hold.reached().await;
    chain.function.kill().await;
    chain.function = chain.shop.function().await;
    // Too early: its lease has not ended.
    let answer = chain.invoke(&second).await;
    assert!(answer["data"].get("status").is_none(), "{answer}");
    // Stands for the minute after which it has.
    chain
        .shop
        .execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'")
        .await;
    let answer = chain.invoke(&second).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["slices"], 3);
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_broken_chain_is_picked_up_by_the_next_schedule_and_a_late_event_does_nothing() {
    for mood in [Mood::RefusesEntries, Mood::Takes] {
        let mut chain = Chain::in_a_shop(Version::V14, mood).await;
        chain.slice(&json!({"mode": "full"})).await;
        let late = chain.next();
        chain.slice(&schedule()).await;
        let answer = chain.invoke(&late).await;
        assert!(answer["data"].get("status").is_none(), "{answer}");
        chain.let_all_through();
        let answer = chain.invoke(&schedule()).await;
        let data = &answer["data"];
        assert_eq!(data["status"], "success", "{answer}");
        assert_eq!(
            (&data["mode"], &data["slices"]),
            (&json!("full"), &json!(3))
        );
        chain.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn what_is_asked_of_a_run_that_is_handed_over_again_is_not_forgotten() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let batch = Uuid::new_v4().to_string();
    let request = json!({"mode": "reconcile", "dataType": "products", "batchId": batch});
    chain.slice(&delivered(&request)).await;
    assert_eq!(chain.shop.metadata().await["pending_mode"], "reconcile");
    // The batch must not take the end of the lesser run for the end of its own.
    assert_eq!(chain.next()["detail"].get("batchId"), None);
    chain.let_all_through();
    chain.invoke(&chain.next()).await;
    let runs = chain.shop.runs().await;
    let modes: Vec<&Value> = runs.iter().map(|run| &run["mode"]).collect();
    assert_eq!(modes, ["incremental", "reconcile"]);
    assert!(
        runs.iter().all(|run| run["status"] == "success"),
        "{runs:?}"
    );
}

#[tokio::test]
async fn a_comparison_of_ids_that_runs_out_of_time_is_done_by_the_next_slice() {
    let mut chain = Chain::in_a_shop(Version::V14, Mood::Takes).await;
    chain.invoke(&json!({})).await;
    let gone = chain.shop.sim.ids("product.product")[5];
    chain.shop.sim.unlink("product.product", &[gone]);
    // The first one lists what to read.
    let second = When::method("search").model("product.product").nth(2);
    chain.shop.sim.inject(second.forever(), Fault::Hang);
    let answer = chain.invoke(&json!({"mode": "reconcile"})).await;
    assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
    assert_eq!(answer["data"]["recordsDeleted"], 0);

    chain.let_all_through();
    chain.shop.sim.reset_requests();
    let answer = chain.invoke(&chain.next()).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(answer["data"]["recordsDeleted"], 1);
    assert_eq!(chain.shop.sim.count_requests("read"), 0, "read again");
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_chain_that_brings_in_no_row_comes_to_an_end_that_is_on_record() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let any = When::method("read").forever();
    chain.shop.sim.inject(any, Fault::Hang);
    let mut event = json!({});
    for _ in 0..4 {
        let answer = chain.invoke(&event).await;
        assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
        event = chain.next();
    }
    let answer = chain.invoke(&event).await;
    assert_failed(&answer, "internal");
    assert_eq!(answer["data"]["status"], "failed");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed");
    let metadata = chain.shop.metadata().await;
    assert_eq!(metadata["sync_status"], "failed");
    assert!(metadata["run_id"].is_null() && metadata["lease_token"].is_null());

    chain.let_all_through();
    chain.invoke(&schedule()).await;
    chain.shop.assert_mirrored().await;
}

/// A reset comes between two slices: the next one's event finds no run to go on in.
#[tokio::test]
async fn a_slice_of_a_run_that_a_reset_has_ended_tells_the_batch_so() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let batch = Uuid::new_v4().to_string();
    let request = json!({"mode": "full", "dataType": "products", "batchId": batch});
    chain.slice(&delivered(&request)).await;
    let next = chain.next();
    chain.shop.execute(RESET).await;
    let answer = chain.invoke(&next).await;
    assert_failed(&answer, "busy");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed", "{told}");
    assert_eq!(told["Detail"]["batchId"], json!(batch));
    assert_eq!(told["Detail"]["runId"], next["detail"]["runId"]);
    assert_eq!(told["Detail"]["error"]["code"], "busy");
    assert_eq!(chain.shop.runs().await.len(), 1);
}

/// The connection breaks while the run is handed over, and a reset comes before it is tried again.
#[tokio::test]
async fn a_run_that_was_reset_does_not_count_as_handed_over() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let retry = [("SYNC_RETRY_DELAY_MS", "2000")];
    chain.function = chain.shop.function_with(&retry).await;
    chain.let_one_page_through();
    let batch = Uuid::new_v4().to_string();
    let request = json!({"mode": "full", "dataType": "products", "batchId": batch});
    chain
        .function
        .send_with_deadline(&delivered(&request), SHORT);
    wait_until("a page is in", async || chain.products().await == 25).await;
    let reset = open(&chain.shop.database.url).await;
    reset
        .batch_execute(&format!("begin; {RESET}"))
        .await
        .expect("a reset");
    let waiting = "from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    wait_until("the hand-over waits", async || {
        let query = format!("select count(*) {waiting}");
        chain.shop.rows(&query).await[0]["count"] == 1
    })
    .await;
    let end = format!("select pg_terminate_backend(pid) {waiting}; commit");
    reset.batch_execute(&end).await.expect("a commit");
    let Answer::Response(answer) = chain.function.answer().await else {
        panic!("no answer; log:\n{}", chain.function.log().await);
    };
    assert_failed(&answer, "busy");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed", "{told}");
    assert_eq!(told["Detail"]["batchId"], json!(batch));
}
