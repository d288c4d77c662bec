//! A reset that comes between two slices, or while a run is handed over.

use odoo_sim::Version;
use serde_json::json;
use uuid::Uuid;

use super::bus::{Mood, requested};
use super::chain::{Chain, SHORT};
use crate::api::caller::Caller;
use crate::support::shop::assert_failed;

const RESET: &str = "/api/sync/reset/products?force=true";

/// A reset comes between two slices: the next one's event finds no run to go on in.
#[tokio::test]
async fn a_slice_of_a_run_that_a_reset_has_ended_tells_the_batch_so() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    let batch = Uuid::new_v4().to_string();
    let request = json!({"mode": "full", "dataType": "products", "batchId": batch});
    chain.slice(&requested(&request)).await;
    let next = chain.next();
    let mut caller = Caller::of(&chain.shop).await;
    let (status, body) = caller.ask("POST", RESET).await;
    assert_eq!(status, 200, "{body}");
    let answer = chain.invoke(&next).await;
    assert_failed(&answer, "busy");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed", "{told}");
    assert_eq!(told["Detail"]["batchId"], json!(batch));
    assert_eq!(told["Detail"]["runId"], next["detail"]["runId"]);
    assert_eq!(told["Detail"]["error"]["code"], "busy");
    assert_eq!(chain.shop.runs().await.len(), 1);
}

/// Whatever else may one day be on record as `busy`.
#[tokio::test]
async fn a_run_that_failed_otherwise_is_not_taken_for_one_that_a_reset_has_ended() {
    let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
    chain.slice(&json!({})).await;
    let next = chain.next();
    chain
        .shop
        .execute(
            "update odoo.sync_runs
             set status = 'failed', finished_at = now(), error_code = 'busy', error_message = 'other';
             update odoo.sync_metadata set run_id = null, run_mode = null, slice = 0",
        )
        .await;
    let answer = chain.invoke(&next).await;
    assert_eq!(answer["success"], true, "{answer}");
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
        .send_with_deadline(&requested(&request), SHORT);
    let locker = chain.hold_the_hand_over_up().await;
    let hand_over = chain.shop.database.held_up(1).await[0];
    // The reset waits behind it, and so comes first once that is gone.
    let mut caller = Caller::of(&chain.shop).await;
    let breaking = async {
        chain.shop.database.held_up(2).await;
        let end = format!("select pg_terminate_backend({hand_over}); commit");
        locker.batch_execute(&end).await.expect("a commit");
    };
    let ((status, body), ()) = tokio::join!(caller.ask("POST", RESET), breaking);
    assert_eq!(status, 200, "{body}");
    let answer = chain.function.answered().await;
    assert_failed(&answer, "busy");
    let told = chain.bus.heard().pop().expect("an event");
    assert_eq!(told["DetailType"], "Sync Failed", "{told}");
    assert_eq!(told["Detail"]["batchId"], json!(batch));
}
