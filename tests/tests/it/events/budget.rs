//! Who asks over HTTP is answered within a budget, and the run goes on without him.

use std::time::{Duration, Instant};

use odoo_sim::Version;
use serde_json::Value;

use super::bus::Mood;
use super::chain::{Chain, caller};
use crate::openapi::document::DOCUMENT;
use crate::support::shop::assert_failed;

#[tokio::test]
async fn an_http_caller_is_answered_within_its_budget_and_the_run_goes_on_by_itself() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.function_with_budget("3000").await;
    chain.let_one_page_through();
    let request = caller();
    let asked = Instant::now();
    let answer = chain.function.call(&request).await;
    let took = asked.elapsed();
    assert_eq!(answer["statusCode"], 202, "{answer}");
    // Odoo hangs for ever; a process's first answer and a busy machine included.
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(answer["headers"]["location"], "/api/sync/status/products");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
    assert_eq!(body["success"], true);
    assert_eq!(body["data"]["status"], "in_progress");
    DOCUMENT.assert_describes(&request, 202, &body);
    chain.let_all_through();
    let answer = chain.function.call(&chain.next()).await;
    assert_eq!(answer["data"]["runId"], body["data"]["runId"]);
    assert_eq!(answer["data"]["status"], "success");
    chain.shop.assert_mirrored().await;
}

/// Without its event the run would go on only with the next schedule, if there is one.
#[tokio::test]
async fn the_event_of_a_hand_over_is_sent_also_where_the_bus_outlasts_the_caller_s_budget() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.function_with_budget("2000").await;
    chain.let_one_page_through();
    chain.bus.answer_after(Duration::from_millis(2500));
    let answer = chain.function.call(&caller()).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    let body = answer["body"].as_str().expect("a text");
    assert!(!body.contains("schedule"), "{body}");
    assert_eq!(chain.bus.taken().len(), 1);

    // A bus that never answers is no reason to blame Postgres, nor to let the caller go without an answer.
    chain.bus.answer_after(Duration::from_secs(600));
    let asked = Instant::now();
    let answer = chain.function.call(&caller()).await;
    assert_eq!(answer["statusCode"], 202, "{answer}");
    let body = answer["body"].as_str().expect("a text");
    assert!(body.contains("with the next request or schedule"), "{body}");
    assert!(
        asked.elapsed() < Duration::from_secs(9),
        "{:?}",
        asked.elapsed()
    );
}

/// Its commit may have gone through unheard: then only the event makes the run go on.
#[tokio::test]
async fn a_hand_over_that_postgres_does_not_confirm_in_time_sends_its_event_all_the_same() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.function_with_budget("5000").await;
    chain.let_one_page_through();
    chain.function.send(&caller());
    let locker = chain.hold_the_hand_over_up().await;
    let answer = chain.function.answered().await;
    assert_eq!(answer["statusCode"], 503, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().expect("a text")).expect("JSON");
    assert!(assert_failed(&body, "db_unreachable").contains("handed over"));
    let next = chain.next();
    assert_eq!(next["detail"]["slice"], 2);
    chain.let_all_through();

    // It was not committed: the event does nothing while the lease is live.
    locker.batch_execute("commit").await.expect("a commit");
    let answer = chain.invoke(&next).await;
    assert!(answer["data"].get("status").is_none(), "{answer}");
    // It was.
    chain
        .shop
        .execute(
            "update odoo.sync_metadata
             set lease_token = null, lease_expires_at = null, slice = slice + 1",
        )
        .await;
    let answer = chain.function.call(&next).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    assert_eq!(chain.shop.runs().await.len(), 1);
    chain.shop.assert_mirrored().await;
}
