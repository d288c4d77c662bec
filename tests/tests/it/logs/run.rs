//! Whose a line is, however a run ends: with a failure, with nobody to record it, by an operator, or in a later slice.

use odoo_sim::proxy::{Conduct, Direction, Ending, Point};
use odoo_sim::{Fault, When};
use serde_json::{Value, json};

use super::{is_metrics, lines, one_dies_at, shop, with_message};
use crate::api::caller::Caller;
use crate::events::bus::{Bus, Mood};
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wire::{proxy_before, through};

/// A connection outlives runs, so its end is told outside of them.
const OF_A_CONNECTION: &str = "the connection to Postgres ended";

/// Every line names the data type, the only run there is, and this slice of it; these among them, and the metrics.
async fn assert_named(shop: &Shop, lines: &[Value], slice: u32, messages: &[&str]) {
    let runs = shop.runs().await;
    let [run] = &runs[..] else {
        panic!("not one run: {runs:?}");
    };
    let of_the_run = lines.iter().filter(|it| it["message"] != OF_A_CONNECTION);
    for line in of_the_run {
        assert_eq!(line["data_type"], "products", "{line}");
        assert_eq!(line["run_id"], run["run_id"], "{line}");
        assert_eq!(line["slice"], slice, "{line}");
    }
    for message in messages {
        assert!(!with_message(lines, message).is_empty(), "{message}");
    }
    assert!(lines.iter().any(is_metrics));
}

#[tokio::test]
async fn a_run_that_fails_and_whose_end_the_bus_does_not_take() {
    let mut shop = shop().await;
    let bus = Bus::start(Mood::RefusesRequests).await;
    shop.environment.extend(bus.variables());
    let mut function = shop.function().await;
    shop.sim
        .inject(When::method("read").nth(2), Fault::AccessDenied);
    assert_failed(&function.call(&json!({})).await, "odoo_auth");
    let lines = lines(&mut function).await;
    let messages = ["sync failed", "the event was not sent"];
    assert_named(&shop, &lines, 1, &messages).await;
}

/// Then nothing is on record, and the log alone says which run it was.
#[tokio::test]
async fn a_run_that_loses_postgres() {
    let shop = shop().await;
    let postgres = proxy_before(&shop.database.url);
    let url = through(&postgres, &shop.database.url);
    let mut function = shop.function_with(&[("SUPABASE_DB_URL", &url)]).await;
    let cut = |nth| {
        let before = Point::Before(b"COMMIT\0", nth);
        Conduct::cut(Direction::ToServer, before, Ending::Close)
    };
    // In the midst of the run, and whenever it comes again.
    postgres.rule(move |number| cut(if number == 1 { 5 } else { 1 }));
    assert_failed(&function.call(&json!({})).await, "db_unreachable");
    let lines = lines(&mut function).await;
    let messages = ["not on record as failed", "sync failed"];
    assert_named(&shop, &lines, 1, &messages).await;
}

#[tokio::test]
async fn a_run_that_an_operator_cancels() {
    let shop = shop().await;
    let mut function = shop.function().await;
    let hold = Hold::the_next(&shop.sim, When::method("read").nth(2));
    function.send(&json!({}));
    hold.reached().await;
    let mut operator = Caller::of(&shop).await;
    let (status, body) = operator.ask("POST", "/api/sync/cancel/products").await;
    assert_eq!(status, 200, "{body}");
    hold.release();
    assert_failed(&function.answered().await, "cancelled");
    let lines = lines(&mut function).await;
    assert_named(&shop, &lines, 1, &["run cancelled"]).await;
}

#[tokio::test]
async fn a_run_that_ends_in_its_second_slice() {
    let shop = shop().await;
    one_dies_at(&shop, When::method("read").nth(2)).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let lines = lines(&mut function).await;
    assert_named(&shop, &lines, 2, &["run started", "run succeeded"]).await;
}

/// What is about another's run names that run, and no slice: this invocation worked on none.
#[tokio::test]
async fn a_process_that_is_turned_away_names_no_slice_of_the_run_that_it_had_before() {
    let shop = shop().await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    shop.execute("update odoo.sync_metadata set paused_at = now()")
        .await;
    assert_failed(&function.call(&json!({})).await, "paused");
    let answer = function.call(&json!({"mode": "nonsense"})).await;
    assert_failed(&answer, "bad_request");
    let lines = lines(&mut function).await;
    let refused = with_message(&lines, "sync refused");
    assert_eq!(refused.len(), 2);
    let after = lines
        .iter()
        .skip_while(|line| line["message"] != "sync refused");
    for line in after {
        assert_eq!(
            (&line["run_id"], &line["slice"]),
            (&Value::Null, &Value::Null),
            "{line}"
        );
    }
}
