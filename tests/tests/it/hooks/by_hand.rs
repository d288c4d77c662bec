//! Hooks and what an operator does by hand.

use odoo_sim::When;
use serde_json::json;

use super::caller::{Hooked, call};
use crate::api::caller::Caller;
use crate::support::hold::Hold;

async fn post(caller: &mut Caller, path: &str) {
    let (status, body) = caller.ask("POST", &format!("/api/sync/{path}")).await;
    assert_eq!(status, 200, "{path}: {body}");
}

#[tokio::test]
async fn a_hook_of_a_paused_data_type_waits_until_it_is_resumed() {
    let hooked = Hooked::open().await;
    let mut operator = Caller::with(&hooked.shop.environment).await;
    let mut api = hooked.api().await;
    post(&mut operator, "pause/products").await;
    for _ in 0..2 {
        call(&mut api).await;
    }
    assert_eq!(hooked.requests(), 0);
    assert!(!hooked.waits_since().await.is_null());
    post(&mut operator, "resume/products").await;
    assert_eq!(hooked.requests(), 1);
    post(&mut operator, "resume/products").await;
    assert_eq!(hooked.requests(), 1);
}

#[tokio::test]
async fn a_run_that_is_cancelled_is_not_begun_anew_for_a_hook_that_came_meanwhile() {
    let hooked = Hooked::open().await;
    let mut operator = Caller::with(&hooked.shop.environment).await;
    let mut api = hooked.api().await;
    let mut products = hooked.shop.function().await;
    let hold = Hold::the_next(&hooked.shop.sim, When::method("read"));
    products.send(&json!({}));
    hold.reached().await;
    call(&mut api).await;
    post(&mut operator, "cancel/products").await;
    hold.release();
    assert_eq!(products.answered().await["error"]["code"], "cancelled");
    assert_eq!(hooked.requests(), 0);
    // The next hook finds nobody at work.
    call(&mut api).await;
    assert_eq!(hooked.requests(), 1);
}
