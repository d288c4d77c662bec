//! What rows refer to is looked at when a batch is over.

use odoo_sim::When;
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::shop::Shop;
use super::yard::{ALL, completed};
use crate::support::hold::Hold;
use crate::support::postgres::open;

/// An id that no row has.
const NOWHERE: i64 = 987_654;

#[tokio::test]
async fn at_the_end_of_a_batch_references_are_looked_at_and_resolved_when_mended() {
    let mut shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    let product = shop.sim.ids("product.product")[5];
    let right = shop.sim.record("product.product", product)["categ_id"].clone();
    shop.sim
        .force("product.product", product, json!({"categ_id": NOWHERE}));
    shop.sync_all(&mut all, "incremental").await;
    let warnings = shop.open_warnings().await;
    let found: Vec<_> = warnings
        .iter()
        .filter(|it| it["odoo_id"] == product)
        .collect();
    let [warning] = found.as_slice() else {
        panic!("{warnings:?}");
    };
    assert_eq!(warning["rule"], "refers_to:category_id");
    assert_eq!(warning["data_type"], "products");
    let part = shop.yard.part("products").await;
    assert_eq!(warning["run_id"], part["run_id"]);

    shop.sim
        .force("product.product", product, json!({"categ_id": right}));
    shop.sync_all(&mut all, "full").await;
    assert_eq!(shop.open_warnings().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_check_that_postgres_breaks_off_keeps_no_other_from_being_made() {
    let mut shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    // Products are looked at first.
    let elsewhere = [
        ("product.product", "categ_id"),
        ("product.category", "parent_id"),
        ("stock.move", "location_id"),
    ];
    for (model, field) in elsewhere {
        let id = shop.sim.ids(model)[0];
        shop.sim.force(model, id, json!({field: NOWHERE}));
    }
    shop.yard
        .execute(
            "create function odoo.break_off() returns trigger language plpgsql as
             $$begin raise exception 'no'; end$$;
             create trigger break_off before insert on odoo.sync_findings for each row
             when (new.rule = 'refers_to:category_id') execute function odoo.break_off()",
        )
        .await;
    shop.sync_all(&mut all, "full").await;
    let warnings = shop.open_warnings().await;
    let mut found: Vec<_> = warnings.iter().map(|it| it["rule"].as_str()).collect();
    found.sort();
    assert_eq!(
        found,
        [
            Some("refers_to:parent_id"),
            Some("refers_to:source_location_id")
        ]
    );
    let logged = all.end().await;
    assert!(logged.contains("a rule was not checked"), "{logged}");
}

#[tokio::test]
async fn references_of_a_data_type_whose_run_is_on_are_left_to_the_next_batch() {
    let mut shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    shop.sync_all(&mut all, "full").await;
    let product = shop.sim.ids("product.product")[5];
    shop.sim
        .force("product.product", product, json!({"categ_id": NOWHERE}));
    let answer = all.call(&json!({"mode": "full"})).await;
    assert_eq!(answer["success"], true);
    // Products are brought over; then a second run of them starts and stays on until the end.
    shop.deliver_to("products").await;
    let hold = Hold::the_next(&shop.sim, When::method("read").model("product.product"));
    let mut other = shop.another("products").await;
    other.send(&json!({"mode": "full"}));
    hold.reached().await;
    shop.deliver(&mut all).await;
    assert_eq!(shop.yard.in_state("success").await, ALL);
    assert_eq!(shop.open_warnings().await, Vec::<Value>::new());
    hold.release();
    other.answered().await;

    shop.sync_all(&mut all, "incremental").await;
    assert_eq!(shop.yard.in_state("success").await, ALL);
    assert!(!shop.open_warnings().await.is_empty());
}

/// The lease is taken while the check already waits for the row: it must see that.
#[tokio::test]
async fn a_run_that_has_the_row_first_keeps_the_check_away() {
    let mut shop = Shop::open().await;
    let mut all = shop.yard.function().await;
    shop.sync_all(&mut all, "full").await;
    let product = shop.sim.ids("product.product")[5];
    shop.sim
        .force("product.product", product, json!({"categ_id": NOWHERE}));
    // A row is judged once what it refers to has been read after it.
    for data_type in ["products", "categories"] {
        let function = shop.function(data_type);
        function.call(&json!({"mode": "full"})).await;
    }
    assert_eq!(shop.open_warnings().await, Vec::<Value>::new());
    shop.yard
        .execute("update odoo.sync_batches set checked_at = null where data_type = 'products'")
        .await;

    let run = open(&shop.yard.database.url).await;
    run.batch_execute(
        "begin;
         update odoo.sync_metadata
         set run_id = gen_random_uuid(), lease_expires_at = now() + interval '1 minute'
         where data_type = 'products'",
    )
    .await
    .expect("a transaction of a run");
    // Any event is an occasion to look at what has not been looked at.
    let occasion = completed("sales", "no batch");
    all.send(&occasion);
    shop.yard.database.held_up(1).await;
    run.batch_execute("commit").await.expect("a commit");
    all.answered().await;
    assert_eq!(shop.open_warnings().await, Vec::<Value>::new());

    shop.yard
        .execute(
            "update odoo.sync_metadata set run_id = null, lease_expires_at = null;
             update odoo.sync_batches set checked_at = null where data_type = 'products'",
        )
        .await;
    all.call(&occasion).await;
    assert!(!shop.open_warnings().await.is_empty());
}

/// What a check of categories does while it is on, which it is until this commits.
async fn check_of_categories(shop: &Shop) -> Client {
    shop.yard
        .execute("insert into odoo.sync_metadata (data_type) values ('categories')")
        .await;
    let check = open(&shop.yard.database.url).await;
    check
        .batch_execute("begin; select from odoo.sync_metadata for update")
        .await
        .expect("a check");
    check
}

/// A check of a large table takes seconds; no run is on then that anybody could be told of.
#[tokio::test]
async fn a_run_that_comes_while_references_are_checked_waits_for_that() {
    let mut shop = Shop::open().await;
    let check = check_of_categories(&shop).await;
    shop.function("categories").send(&json!({}));
    shop.yard.database.held_up(1).await;
    check.batch_execute("commit").await.expect("a commit");
    let answer = shop.function("categories").answered().await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
}

#[tokio::test]
async fn a_check_that_takes_very_long_makes_busy_who_would_not_wait_as_long() {
    let mut shop = Shop::open().await;
    let check = check_of_categories(&shop).await;
    let answer = shop.function("categories").call(&json!({})).await;
    assert_eq!(answer["error"]["code"], "busy", "{answer}");
    assert_eq!(answer["data"], json!({"dataType": "categories"}));
    check.batch_execute("commit").await.expect("a commit");
    let answer = shop.function("categories").call(&json!({})).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
}
