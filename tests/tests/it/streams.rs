//! A data type of several streams: read in the order given, each in a window of its own,
//! and successful only when all are.

use odoo_sim::{Fault, Version, When};
use serde_json::json;
use shared::specs::SALES;

use crate::support::function::Function;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::shop::assert_failed;
use crate::support::snapshot::assert_mirror_equals;

const ORDER: &str = "sale.order";
const LINE: &str = "sale.order.line";

async fn watermarks(database: &TestDatabase) -> Vec<(String, Option<jiff::Timestamp>)> {
    let sql = "select stream, watermark from odoo.sync_streams order by stream";
    let rows = database.client.query(sql, &[]).await.expect("the streams");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn status(database: &TestDatabase) -> String {
    let sql = "select sync_status from odoo.sync_metadata where data_type = 'sales'";
    let row = database.client.query_one(sql, &[]).await;
    row.expect("the data type").get(0)
}

#[tokio::test]
async fn no_watermark_moves_until_all_streams_are_through() {
    let sim = simulator(Version::V19, 60).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let mut function = Function::start("sync-sales", &odoo.environment(&database.url)).await;
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    let before = watermarks(&database).await;
    assert_eq!(before.len(), 2);
    assert!(before.iter().all(|(_, watermark)| watermark.is_some()));

    let order = sim.ids(ORDER)[0];
    let line = sim.ids(LINE)[0];
    sim.force(ORDER, order, json!({"origin": "Messe"}));
    sim.force(LINE, line, json!({"name": "Messepreis"}));
    sim.inject(
        When::method("read").model(LINE).times(100),
        Fault::status(500),
    );
    assert_failed(&function.call(&json!({})).await, "odoo_unreachable");
    let sql = "select origin from odoo.sale_orders where odoo_id = $1";
    let row = database.client.query_one(sql, &[&order]).await;
    let origin: String = row.expect("the order").get(0);
    assert_eq!(origin, "Messe", "the first stream was through");
    assert_eq!(
        watermarks(&database).await,
        before,
        "neither stream's has moved"
    );
    assert_eq!(status(&database).await, "failed");

    sim.clear_faults();
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(status(&database).await, "success");
    let after = watermarks(&database).await;
    for (before, after) in before.iter().zip(&after) {
        assert!(after.1 > before.1, "{before:?} {after:?}");
    }
    assert_mirror_equals(&odoo, &database.client, &SALES).await;
}

#[tokio::test]
async fn each_stream_has_a_window_of_its_own_and_they_come_in_order() {
    let sim = simulator(Version::V19, 60).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let mut function = Function::start("sync-sales", &odoo.environment(&database.url)).await;
    function.call(&json!({})).await;

    // A line's text moves its own time and not its order's.
    let line = sim.ids(LINE)[0];
    sim.write(LINE, &[line], json!({"name": "Messepreis"}));
    sim.reset_requests();
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["data"]["recordsUpdated"], 1, "{answer}");
    let marks = watermarks(&database).await;
    let of = |stream: &str| marks.iter().find(|it| it.0 == stream).expect("a stream").1;
    let times = [ORDER, LINE].map(|model| {
        let ids = sim.ids(model);
        ids.iter().filter_map(|id| sim.write_date(model, *id)).max()
    });
    let seconds = |time: Option<jiff::Timestamp>| time.expect("a time").as_second();
    assert_eq!(seconds(of("sale_orders")), seconds(times[0]));
    assert_eq!(seconds(of("sale_order_lines")), seconds(times[1]));
    assert_ne!(seconds(times[0]), seconds(times[1]));

    let requests = sim.requests();
    let read: Vec<&str> = requests
        .iter()
        .filter(|request| request.method == "read")
        .map(|request| request.model.as_str())
        .collect();
    let mut in_order = read.clone();
    in_order.sort_by_key(|model| *model == LINE);
    assert_eq!(read, in_order, "orders are read before lines");
    assert_eq!(read.last(), Some(&LINE));
}
