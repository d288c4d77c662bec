//! How far a run has come that is on, stream by stream and all in all.

use odoo_sim::{Version, When};
use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::shop::Shop;
use crate::support::wait_until;

const UNIT: &str = "uom.uom";
const PRODUCT: &str = "product.product";
/// So that units of measure come in several pages.
const PAGE: usize = 5;

/// `sync-products`, whose pages come one after the other.
async fn function(shop: &Shop) -> Function {
    let page = PAGE.to_string();
    shop.function_with(&[("SYNC_BATCH_SIZE", &page), ("SYNC_FETCH_CONCURRENCY", "1")])
        .await
}

/// The row of products, as soon as it is so.
async fn shown(caller: &mut Caller, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut row = Value::Null;
    wait_until(what, async || {
        row = caller.get("/api/sync/status/products").await["metadata"][0].take();
        is_so(&row)
    })
    .await;
    row
}

fn stream<'a>(row: &'a Value, name: &str) -> &'a Value {
    let streams = row["streams"].as_array().expect("streams");
    let mut named = streams.iter().filter(|it| it["stream"] == name);
    named.next().expect("a stream")
}

#[tokio::test]
async fn of_a_first_fill_the_stream_at_work_is_known_and_of_a_later_full_all_of_it() {
    let shop = Shop::open(Version::V19).await;
    let (units, products) = (shop.sim.count(UNIT), shop.sim.count(PRODUCT));
    assert!(units > PAGE);
    let mut function = function(&shop).await;
    let mut caller = Caller::of(&shop).await;
    for rows_to_do in [json!(null), json!(units - PAGE + products)] {
        let hold = Hold::the_next(&shop.sim, When::method("read").model(UNIT).nth(2));
        function.send(&json!({"mode": "full"}));
        hold.reached().await;
        let row = shown(&mut caller, "a page of units is in", |row| {
            row["progress"]["rows_done"] == PAGE
        })
        .await;
        assert_eq!(stream(&row, "uoms")["rows_to_do"], units - PAGE);
        assert_eq!(stream(&row, "uoms")["window_done"], false);
        assert_eq!(stream(&row, "products")["window_done"], false);
        assert_eq!(row["progress"]["rows_to_do"], rows_to_do, "{row}");
        hold.release();
        assert_eq!(function.answered().await["success"], true);
    }
}

#[tokio::test]
async fn a_reconcile_knows_what_is_to_do_before_it_counts_and_while_it_deletes() {
    let shop = Shop::open(Version::V19).await;
    let products = shop.sim.count(PRODUCT);
    let mut function = function(&shop).await;
    shop.sync(&mut function).await;
    let gone = shop.sim.ids(PRODUCT)[9];
    shop.sim.hide(PRODUCT, &[gone]);
    let mut caller = Caller::of(&shop).await;

    let hold = Hold::the_next(&shop.sim, When::method("search_count").model(PRODUCT));
    let another = open(&shop.database.url).await;
    let lock = format!("begin; select from odoo.products where odoo_id = {gone} for update");
    another.batch_execute(&lock).await.expect("a lock");
    function.send(&json!({"mode": "reconcile"}));
    hold.reached().await;
    let row = shown(&mut caller, "the units are compared", |row| {
        row["progress"]["rows_done"] == shop.sim.count(UNIT)
    })
    .await;
    assert_eq!(row["progress"]["rows_to_do"], products, "{row}");
    hold.release();
    let row = shown(&mut caller, "it deletes", |row| {
        stream(row, "products")["window_phase"] == "delete"
    })
    .await;
    assert_eq!(row["progress"]["rows_to_do"], 0, "{row}");
    another.batch_execute("commit").await.expect("unlocked");
    let answer = function.answered().await;
    assert_eq!(answer["data"]["recordsDeleted"], 1, "{answer}");
}
