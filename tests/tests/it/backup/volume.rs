//! A million rows.

use std::time::Instant;

use serde_json::json;

use super::mirror::{contents, location, run};
use super::restored::restored;
use super::s3::Bucket;
use crate::support::function::Function;
use crate::support::postgres::TestDatabase;

/// What the function may have resident, whatever the mirror's size.
const BAR: u64 = 64 * 1024 * 1024;

#[tokio::test]
async fn a_million_rows_are_backed_up_in_64_mb_and_restored() {
    let database = TestDatabase::create().await;
    run(
        &database.client,
        "insert into odoo.stock_moves (odoo_id, reference, state, product_id, product_quantity,
             source_location_id, destination_location_id, date, odoo_updated_at)
         select n, md5(n::text), 'done', n % 5000, n % 97 + 0.5, 8, n % 13,
             '2026-01-01'::timestamptz + n * interval '1 second', now()
         from generate_series(1, 1000000) n",
    )
    .await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    let began = Instant::now();
    let answer = function.call(&json!({})).await;
    let took = began.elapsed();
    assert_eq!(answer["data"]["rows"], 1_000_000, "{answer}");
    let parts = bucket
        .seen()
        .iter()
        .filter(|it| it.contains("partNumber="))
        .count();
    assert!(parts > 2, "{parts} parts");
    let peak = function.peak_memory();
    assert!(peak <= BAR, "{peak} bytes");
    let began = Instant::now();
    let copy = restored(&bucket, location(&answer["data"])).await;
    let restoring = began.elapsed();
    assert_eq!(
        contents(&copy.client).await,
        contents(&database.client).await
    );
    eprintln!("{peak} bytes, {took:?} there, {restoring:?} back, {answer}");
}
