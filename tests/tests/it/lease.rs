//! One run at a time: who comes second is told so, and a holder that only slept and
//! lost its lease writes nothing any more.

mod asleep;

use odoo_sim::{Version, When};
use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::snapshot::assert_mirror_equals;

#[tokio::test]
async fn twenty_invocations_while_one_is_held_answer_busy_and_it_finishes() {
    let sim = simulator(Version::V19, 100).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let environment = odoo.environment(&database.url);

    let hold = Hold::the_next(&sim, When::method("read"));
    let mut first = Function::start("sync-products", &environment).await;
    first.send(&json!({}));
    hold.reached().await;

    let mut others = Vec::new();
    for _ in 0..20 {
        others.push(Function::start("sync-products", &environment).await);
    }
    for other in &others {
        other.send(&json!({}));
    }
    let mut running: Vec<Value> = Vec::new();
    for other in &mut others {
        let answer = other.answered().await;
        assert_eq!(answer["success"], false);
        assert_eq!(answer["error"]["code"], "busy");
        running.push(answer["data"]["runId"].clone());
    }

    hold.release();
    let answer = first.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(running.iter().all(|id| *id == answer["data"]["runId"]));
    assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
    let runs = database
        .client
        .query_one("select count(*) from odoo.sync_runs", &[])
        .await
        .expect("the runs");
    assert_eq!(runs.get::<_, i64>(0), 1, "who is busy leaves no run behind");
}

#[tokio::test]
async fn a_holder_that_lost_its_lease_writes_no_row_and_no_status() {
    let sim = simulator(Version::V14, 100).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let environment = odoo.environment(&database.url);

    let hold = Hold::the_next(&sim, When::method("read"));
    let mut sleeper = Function::start("sync-products", &environment).await;
    sleeper.send(&json!({}));
    hold.reached().await;
    database
        .client
        .execute(
            "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'",
            &[],
        )
        .await
        .expect("the lease");

    let mut second = Function::start("sync-products", &environment).await;
    let answer = second.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    let before = state(&database).await;

    hold.release();
    let late = sleeper.answered().await;
    assert_eq!(late["success"], false);
    assert_eq!(late["error"]["code"], "busy");
    assert_eq!(
        state(&database).await,
        before,
        "the sleeper wrote something"
    );
    assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
}

/// Everything that a run may write, as one text.
async fn state(database: &TestDatabase) -> String {
    let row = database
        .client
        .query_one(
            "select concat(
                 (select string_agg(m::text, '|' order by id) from odoo.sync_metadata m),
                 (select string_agg(s::text, '|' order by stream) from odoo.sync_streams s),
                 (select string_agg(r::text, '|' order by started_at) from odoo.sync_runs r),
                 (select string_agg(p::text, '|' order by odoo_id) from odoo.products p),
                 (select string_agg(u::text, '|' order by odoo_id) from odoo.uoms u))",
            &[],
        )
        .await
        .expect("the tables");
    row.get(0)
}
