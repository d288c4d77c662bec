//! A lost right looks like a deletion: too many at once stop the run, and nothing goes.

use std::time::Duration;

use odoo_sim::{Version, When};
use serde_json::{Value, json};
use shared::specs::{PRODUCTS, WAREHOUSES};

use super::shop::{Shop, VERSIONS};
use crate::http::event;
use crate::support::shop::{self, assert_failed};

const PRODUCT: &str = "product.product";

async fn assert_stopped(shop: &Shop, request: &Value, counts: [&str; 2]) {
    let before = shop.writes("products").await;
    let stream = shop.stream("products").await;
    let answer = shop.ask(request).await;
    let message = assert_failed(&answer, "delete_guard");
    for count in counts {
        assert!(message.contains(count), "{message}");
    }
    assert_eq!(answer["data"]["recordsDeleted"], 0);
    assert_eq!(shop.writes("products").await, before, "something went");
    let staged = shop.rows("select * from odoo.sync_deletions").await;
    assert!(staged.is_empty(), "left behind: {staged:?}");
    let now = shop.stream("products").await;
    for column in ["watermark", "verified_at"] {
        assert_eq!(now[column], stream[column], "{column}");
    }
    let run = shop
        .rows("select * from odoo.sync_runs order by started_at")
        .await;
    let run = run.last().expect("a run");
    assert_eq!(run["error_code"], "delete_guard");
    assert_eq!(run["error_message"], message.as_str());
    assert_eq!(run["confirm_deletes"], false);
}

#[tokio::test]
async fn a_share_above_the_limit_stops_and_one_at_it_does_not() {
    for version in VERSIONS {
        let mut shop = Shop::at_rest(version, &PRODUCTS).await;
        let rows = shop.sim.count(PRODUCT);
        shop.environment
            .insert("SYNC_DELETE_GUARD_PERCENT", "50".to_owned());
        let ids = shop.sim.ids(PRODUCT);
        let half = rows / 2;
        shop.sim.hide(PRODUCT, &ids[..=half]);
        let counts = [(half + 1).to_string(), rows.to_string()];
        let request = json!({"mode": "reconcile"});
        assert_stopped(&shop, &request, [&counts[0], &counts[1]]).await;
        shop.sim.show_all(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[..half]);
        assert_eq!(shop.reconcile().await["recordsDeleted"], half);
        shop.assert_equal().await;
    }
}

#[tokio::test]
async fn a_source_that_is_suddenly_empty_stops_however_few_rows_it_had() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let units = shop.sim.ids("uom.uom");
    shop.sim.hide("uom.uom", &units);
    let answer = shop.ask(&json!({"mode": "reconcile"})).await;
    let message = assert_failed(&answer, "delete_guard");
    let count = format!("{0} of {0} rows of uoms", units.len());
    assert!(message.contains(&count), "{message}");
    shop.sim.show_all("uom.uom");
    let all = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &all);
    let count = all.len().to_string();
    assert_stopped(
        &shop,
        &json!({"mode": "reconcile"}),
        [&count, "none at all"],
    )
    .await;
}

#[tokio::test]
async fn ten_rows_may_always_go() {
    let shop = Shop::at_rest(Version::V14, &PRODUCTS).await;
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &ids[12..]);
    let confirmed = json!({"mode": "reconcile", "confirmDeletes": true});
    shop.sync(&confirmed).await;
    shop.sim.hide(PRODUCT, &ids[2..12]);
    assert_eq!(shop.reconcile().await["recordsDeleted"], 10);
    shop.assert_equal().await;
}

#[tokio::test]
async fn a_confirmed_deletion_goes_through_and_is_on_record() {
    for request in [
        json!({"mode": "reconcile", "confirmDeletes": true}),
        json!({"confirmDeletes": true}),
    ] {
        let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[..60]);
        if request["mode"].is_null() {
            // An incremental run compares once the counts have differed twice.
            shop.sync(&json!({})).await;
            assert_stopped(&shop, &json!({}), ["60", &ids.len().to_string()]).await;
        }
        assert_eq!(shop.sync(&request).await["recordsDeleted"], 60, "{request}");
        let runs = shop
            .rows("select * from odoo.sync_runs order by started_at")
            .await;
        let run = runs.last().expect("a run");
        assert_eq!(run["confirm_deletes"], true);
        assert_eq!(run["records_deleted"], 60);
        shop.assert_equal().await;
    }
}

/// A wrong company shows rows of its own in place of those that it hides.
#[tokio::test]
async fn rows_that_the_run_itself_brought_in_make_no_share_smaller() {
    for language in ["en_US", "fr_FR"] {
        let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[..60]);
        shop.sim.tie(PRODUCT, 1_000);
        // Another language makes it read everything before it compares.
        shop.environment.insert("ODOO_LANG", language.to_owned());
        let answer = shop.ask(&json!({"mode": "reconcile"})).await;
        let message = assert_failed(&answer, "delete_guard");
        let counts = format!("60 of {} rows", ids.len());
        assert!(message.contains(&counts), "{message}");
    }
}

/// The next run finds the rows of the one that was stopped here.
#[tokio::test]
async fn rows_that_a_stopped_run_brought_in_make_no_share_smaller() {
    for language in ["en_US", "fr_FR"] {
        let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[..60]);
        shop.sim.tie(PRODUCT, 1_000);
        shop.environment.insert("ODOO_LANG", language.to_owned());
        let counts = format!("60 of {} rows", ids.len());
        for _ in 0..3 {
            let answer = shop.ask(&json!({"mode": "reconcile"})).await;
            let message = assert_failed(&answer, "delete_guard");
            assert!(message.contains(&counts), "{message}");
        }
    }
}

#[tokio::test]
async fn rows_that_came_while_the_counts_differed_make_no_share_smaller() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &ids[..60]);
    shop.sim.tie(PRODUCT, 1_000);
    assert_eq!(shop.sync(&json!({})).await["recordsInserted"], 1_000);
    let counts = format!("60 of {} rows", ids.len());
    // The incremental run that says it, and the reconcile of the night after some more.
    for mode in ["incremental", "reconcile"] {
        let answer = shop.ask(&json!({"mode": mode})).await;
        let message = assert_failed(&answer, "delete_guard");
        assert!(message.contains(&counts), "{message}");
        shop.sync(&json!({})).await;
    }
}

/// Rows that go while a first fill is on keep its counts from agreeing: all rows are new then.
#[tokio::test]
async fn a_few_rows_that_go_during_a_first_fill_are_deleted_unasked() {
    for version in VERSIONS {
        let mut shop = Shop::unfilled(version, &PRODUCTS).await;
        shop.environment.insert("SYNC_BATCH_SIZE", "20".to_owned());
        let ids = shop.sim.ids(PRODUCT);
        let gone = ids[..12].to_vec();
        // The first page has been read by then.
        let fourth = When::method("read").model(PRODUCT).nth(4);
        shop.sim
            .on_request(fourth, move |sim| sim.hide(PRODUCT, &gone));
        shop.sync(&json!({})).await;
        assert_eq!(shop.sync(&json!({})).await["recordsDeleted"], 12);
        shop.assert_equal().await;
        // The counts have agreed, so what is here now is the measure.
        let before = ids.len() - 12;
        shop.sim.hide(PRODUCT, &ids[..72]);
        shop.sim.tie(PRODUCT, 1_000);
        let answer = shop.ask(&json!({"mode": "reconcile"})).await;
        let message = assert_failed(&answer, "delete_guard");
        assert!(
            message.contains(&format!("60 of {before} rows")),
            "{message}"
        );
    }
}

#[tokio::test]
async fn rows_that_come_back_in_the_run_make_no_share_smaller() {
    for language in ["en_US", "fr_FR"] {
        let mut shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        let (half, live) = (ids.len() / 2, ids.len() - ids.len() / 2);
        shop.sim.hide(PRODUCT, &ids[..half]);
        shop.sync(&json!({"mode": "reconcile", "confirmDeletes": true}))
            .await;
        shop.sim.show_all(PRODUCT);
        // A quarter of those that are live, an eighth of all.
        let gone = live / 4;
        shop.sim.hide(PRODUCT, &ids[ids.len() - gone..]);
        shop.environment.insert("ODOO_LANG", language.to_owned());
        let counts = format!("{gone} of {live} rows");
        for _ in 0..2 {
            let answer = shop.ask(&json!({"mode": "reconcile"})).await;
            let message = assert_failed(&answer, "delete_guard");
            assert!(message.contains(&counts), "{message}");
        }
    }
}

/// The row of `sync_metadata`, which is what the status shows.
async fn status(shop: &Shop) -> Value {
    let rows = shop.rows("select * from odoo.sync_metadata").await;
    rows.into_iter().next().expect("a row")
}

/// At night: the schedule's incremental runs after a right was lost.
#[tokio::test]
async fn the_guard_is_said_once_and_stays_in_the_status_while_what_changes_is_brought_in() {
    for version in VERSIONS {
        let shop = Shop::at_rest(version, &PRODUCTS).await;
        let ids = shop.sim.ids(PRODUCT);
        shop.sim.hide(PRODUCT, &ids[..60]);
        shop.sync(&json!({})).await;
        let counts = format!("60 of {} rows of products", ids.len());
        let answer = shop.ask(&json!({})).await;
        let said = assert_failed(&answer, "delete_guard");
        assert!(said.contains(&counts), "{said}");
        assert_eq!(status(&shop).await["sync_status"], "failed");

        for weight in [3.25, 4.25, 5.25] {
            let before = shop.stream("products").await["watermark"].clone();
            shop.sim.clock().advance(Duration::from_secs(300));
            shop.sim
                .write(PRODUCT, &ids[70..71], json!({"weight": weight}));
            shop.sim.reset_requests();
            let report = shop.sync(&json!({})).await;
            assert_eq!(report["recordsUpdated"], 1, "{version:?}: {report}");
            assert_eq!(report["recordsDeleted"], 0);
            assert_ne!(shop.stream("products").await["watermark"], before);
            let status = status(&shop).await;
            assert_eq!(status["sync_status"], "success");
            assert_eq!(status["error_message"], format!("delete_guard: {said}"));
            let requests = shop.sim.requests();
            let of_products = requests.iter().filter(|it| it.model == PRODUCT).count();
            assert!(of_products <= 5, "all was compared again: {requests:?}");
        }
        let failed = "select * from odoo.sync_runs where status = 'failed'";
        assert_eq!(shop.rows(failed).await.len(), 1, "said again");

        // Each reconcile looks for itself, and says it again.
        let answer = shop.ask(&json!({"mode": "reconcile"})).await;
        assert_eq!(assert_failed(&answer, "delete_guard"), said);
        shop.sync(&json!({})).await;
        shop.sim.show_all(PRODUCT);
        shop.sync(&json!({})).await;
        assert!(status(&shop).await["error_message"].is_null());
        shop.assert_equal().await;
        // It is at its post again.
        shop.sim.hide(PRODUCT, &ids[..60]);
        shop.sync(&json!({})).await;
        assert_failed(&shop.ask(&json!({})).await, "delete_guard");
    }
}

#[tokio::test]
async fn all_streams_that_are_stopped_are_named_at_once() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let (units, ids) = (shop.sim.ids("uom.uom"), shop.sim.ids(PRODUCT));
    shop.sim.hide("uom.uom", &units);
    shop.sim.hide(PRODUCT, &ids[..60]);
    shop.sync(&json!({})).await;
    let message = assert_failed(&shop.ask(&json!({})).await, "delete_guard");
    for counts in [
        format!("{0} of {0} rows of uoms", units.len()),
        format!("60 of {} rows of products", ids.len()),
    ] {
        assert!(message.contains(&counts), "{message}");
    }
    shop.sync(&json!({})).await;
    shop.sync(&json!({})).await;
}

#[tokio::test]
async fn a_stream_that_is_stopped_keeps_no_other_from_being_compared() {
    let shop = Shop::at_rest(Version::V19, &PRODUCTS).await;
    let units = shop.sim.ids("uom.uom");
    shop.sim.hide("uom.uom", &units);
    shop.execute("update odoo.products set name = 'wrong', odoo_updated_at = null")
        .await;
    assert_failed(
        &shop.ask(&json!({"mode": "reconcile"})).await,
        "delete_guard",
    );
    let wrong = "select odoo_id from odoo.products where name = 'wrong'";
    assert_eq!(shop.rows(wrong).await.len(), 0);
}

#[tokio::test]
async fn nothing_of_one_stream_goes_where_another_is_stopped() {
    let shop = Shop::at_rest(Version::V19, &WAREHOUSES).await;
    let warehouses = shop.sim.ids("stock.warehouse");
    shop.sim.hide("stock.warehouse", &warehouses[1..]);
    let locations = shop.sim.ids("stock.location");
    assert!(locations.len() > 11 && warehouses.len() > 1);
    shop.sim.hide("stock.location", &locations[1..]);
    let before = shop.writes("warehouses").await;
    let answer = shop.ask(&json!({"mode": "reconcile"})).await;
    let message = assert_failed(&answer, "delete_guard");
    assert!(message.contains("nothing was deleted"), "{message}");
    assert_eq!(answer["data"]["recordsDeleted"], 0);
    assert_eq!(shop.writes("warehouses").await, before, "something went");
}

#[tokio::test]
async fn over_http_it_is_409_with_the_run_and_what_to_do() {
    let mut shop = shop::Shop::open(Version::V19).await;
    let mut function = event::function(&mut shop).await;
    shop.sync(&mut function).await;
    let ids = shop.sim.ids(PRODUCT);
    shop.sim.hide(PRODUCT, &ids[..60]);
    let request = event::post("{\"mode\": \"reconcile\"}");
    let (status, answer) = event::ask(&mut function, &request).await;
    assert_eq!(status, 409);
    let message = shop.assert_recorded(&answer, "delete_guard").await;
    assert!(message.contains("60 of "), "{message}");
    let remedy = answer["error"]["remedy"].as_str().expect("a text");
    assert!(remedy.contains("confirmDeletes"), "{remedy}");
}
