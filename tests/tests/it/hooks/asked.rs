//! What is asked for: one run for any number of hooks, and one more for those that come while one is on.

use odoo_sim::When;
use serde_json::json;

use super::caller::{Hooked, call, hook};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::postgres::open;

/// Functions at work side by side, and hooks for each.
const FUNCTIONS: usize = 10;
const HOOKS: usize = 100;

/// A thousand hooks, of which every one is taken.
async fn a_thousand(hooked: &Hooked) {
    let mut functions = Vec::new();
    for _ in 0..FUNCTIONS {
        functions.push(hooked.api().await);
    }
    for function in &functions {
        for _ in 0..HOOKS {
            function.send(&hook());
        }
    }
    for function in &mut functions {
        for _ in 0..HOOKS {
            let answer = function.answered().await;
            assert_eq!(answer["statusCode"], 202, "{answer}");
        }
    }
}

/// Delivers the request that the bus has; returns the modes and ends of all runs so far.
async fn deliver(hooked: &Hooked, function: &mut Function) -> Vec<String> {
    let mut taken = hooked.bus.taken().into_iter();
    let request = taken.rfind(|it| it["DetailType"] == "Sync Requested");
    let request = request.expect("a request");
    let expected = json!({"mode": "incremental", "confirmDeletes": false, "dataType": "products"});
    assert_eq!(request["Detail"], expected);
    let event = crate::events::bus::requested(&request["Detail"]);
    let answer = function.call(&event).await;
    assert_eq!(answer["success"], true, "{answer}");
    ends(hooked).await
}

async fn ends(hooked: &Hooked) -> Vec<String> {
    let runs = hooked.shop.runs().await;
    let end = |run: &serde_json::Value| format!("{} {}", run["mode"], run["status"]);
    runs.iter().map(end).map(|it| it.replace('"', "")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hooks_at_once_are_one_run() {
    let hooked = Hooked::open().await;
    let mut products = hooked.shop.function().await;
    hooked.shop.sync(&mut products).await;
    a_thousand(&hooked).await;
    assert_eq!(hooked.requests(), 1);
    assert!(hooked.waits_since().await.is_string());
    hooked.shop.change_something();
    let runs = deliver(&hooked, &mut products).await;
    assert_eq!(runs, ["incremental success", "incremental success"]);
    hooked.shop.assert_mirrored().await;
    // The run has answered them all.
    assert!(hooked.waits_since().await.is_null());
    assert_eq!(hooked.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_hooks_while_a_run_is_on_are_one_more() {
    let hooked = Hooked::open().await;
    let (mut products, hold) = hooked.run_that_is_on().await;
    a_thousand(&hooked).await;
    assert_eq!(hooked.requests(), 0, "the end of the run asks");

    hooked.shop.change_something();
    hold.release();
    let answer = products.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(hooked.requests(), 1);
    let runs = deliver(&hooked, &mut products).await;
    assert_eq!(
        runs,
        [
            "incremental success",
            "incremental success",
            "incremental success"
        ]
    );
    hooked.shop.assert_mirrored().await;
    assert!(hooked.waits_since().await.is_null());
    assert_eq!(hooked.requests(), 1);
}

/// A run that fails has answered the hook as well: the schedule tries again, not hook after hook.
#[tokio::test]
async fn the_end_of_a_run_that_fails_asks_for_one_more_too_and_that_one_s_for_none() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let (mut products, hold) = hooked.run_that_is_on().await;
    call(&mut api).await;
    let always = When::any().forever();
    hooked.shop.sim.inject(always, odoo_sim::Fault::LoginPage);
    hold.release();
    assert_eq!(products.answered().await["success"], false);
    assert_eq!(hooked.requests(), 1);
    let request = crate::events::bus::requested(&json!({"dataType": "products"}));
    assert_eq!(products.call(&request).await["success"], false);
    assert_eq!(hooked.requests(), 1);
    assert!(hooked.waits_since().await.is_null());
}

/// Its windows were opened before the hook came.
#[tokio::test]
async fn a_run_that_is_taken_over_leaves_the_hook_to_one_more() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let (mut products, hold) = hooked.run_that_is_on().await;
    products.kill().await;
    hold.release();
    let expire = "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'";
    hooked.shop.execute(expire).await;
    call(&mut api).await;
    assert_eq!(hooked.requests(), 1);

    let mut products = hooked.shop.function().await;
    let runs = deliver(&hooked, &mut products).await;
    assert_eq!(runs, ["incremental success", "incremental success"]);
    assert_eq!(hooked.requests(), 2);
    let runs = deliver(&hooked, &mut products).await;
    assert_eq!(runs.len(), 3);
    assert!(hooked.waits_since().await.is_null());
    hooked.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_request_that_gets_lost_is_sent_again_by_a_hook_a_minute_later() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    for _ in 0..3 {
        call(&mut api).await;
    }
    assert_eq!(hooked.requests(), 1);
    let later = "update odoo.sync_hooks set sent_at = sent_at - interval '61 seconds'";
    hooked.shop.execute(later).await;
    for _ in 0..3 {
        call(&mut api).await;
    }
    assert_eq!(hooked.requests(), 2);
}

/// A hook that is just looking at the mark holds no run up, and its mark does not outlive the event that it had.
#[tokio::test]
async fn a_mark_that_its_run_finds_locked_is_asked_for_once_more() {
    let hooked = Hooked::open().await;
    let mut api = hooked.api().await;
    let mut products = hooked.shop.function().await;
    hooked.shop.sync(&mut products).await;
    call(&mut api).await;
    assert_eq!(hooked.requests(), 1);
    let another = open(&hooked.shop.database.url).await;
    another
        .batch_execute("begin; select from odoo.sync_hooks for update")
        .await
        .expect("a lock");
    hooked.shop.change_something();
    let hold = Hold::the_next(&hooked.shop.sim, When::method("read"));
    products.send(&crate::events::bus::requested(
        &json!({"dataType": "products"}),
    ));
    // It did not wait for the lock, and left the mark.
    hold.reached().await;
    another.batch_execute("commit").await.expect("unlocked");
    assert!(!hooked.waits_since().await.is_null());
    hold.release();
    assert_eq!(products.answered().await["success"], true);
    assert_eq!(hooked.requests(), 2, "its end asks");
    deliver(&hooked, &mut products).await;
    assert!(hooked.waits_since().await.is_null());
    assert_eq!(hooked.requests(), 2);
    hooked.shop.assert_mirrored().await;
}
