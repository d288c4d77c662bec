//! A function that is killed at a random moment, again and again, ends in a mirror equal
//! to Odoo, and reads no row again whose page was committed.

mod lost;

use std::time::Duration;

use odoo_sim::{OdooSim, Version, When};
use secrecy::ExposeSecret;
use serde_json::json;
use shared::specs::PRODUCTS;
use tokio_postgres::Client;

use crate::support::function::{Environment, Function};
use crate::support::hold::Hold;
use crate::support::odoo::Odoo;
use crate::support::postgres::TestDatabase;
use crate::support::random::Random;
use crate::support::shop::{Shop, assert_failed};
use crate::support::snapshot::assert_mirror_equals;
use crate::support::wait_until;

const KILLS: usize = 20;
const PRODUCTS_IN_SHOP: usize = 4_000;

#[tokio::test]
async fn twenty_kills_at_random_moments_lose_nothing_and_read_nothing_twice() {
    let sim = OdooSim::builder()
        .version(Version::V14)
        .products(PRODUCTS_IN_SHOP)
        .delay(Duration::from_millis(5))
        .start()
        .await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let mut environment = odoo.environment(&database.url);
    environment.insert("SYNC_BATCH_SIZE", "25".to_owned());

    let mut random = seeded();
    for _ in 0..KILLS {
        let committed = cursor(&database.client).await;
        sim.reset_requests();
        kill_one(&environment, &database.client, committed, &mut random).await;
        assert_read_only_after(&sim, committed);
    }

    let committed = cursor(&database.client).await;
    assert!(committed > 0, "no kill came in the middle of the products");
    sim.reset_requests();
    end_lease(&database.client).await;
    let mut function = Function::start("sync-products", &environment).await;
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["data"]["slices"], KILLS + 1, "{answer}");
    assert_read_only_after(&sim, committed);
    // The counts of every life of the run, exactly once each.
    let rows = odoo.count("product.product").await + odoo.count("uom.uom").await;
    assert_eq!(answer["data"]["recordsInserted"], rows);
    assert_eq!(answer["data"]["recordsProcessed"], rows);
    assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
}

#[tokio::test]
async fn kills_at_any_moment_through_a_pooler_while_odoo_changes_lose_nothing() {
    let sim = OdooSim::builder()
        .version(Version::V19)
        .products(600)
        .delay(Duration::from_millis(3))
        .start()
        .await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let pooler = database.pooler_config().url;
    let mut environment = odoo.environment(pooler.expose_secret());
    environment.insert("SYNC_BATCH_SIZE", "25".to_owned());

    let mut random = seeded();
    let ids = sim.ids("product.product");
    for round in 0..KILLS {
        end_lease(&database.client).await;
        let mut function = Function::start("sync-products", &environment).await;
        function.send(&json!({}));
        let changed = ids[usize::try_from(random.below(600)).expect("a small number")];
        sim.write("product.product", &[changed], json!({"weight": round}));
        sim.create("product.product", json!({"name": format!("Round {round}")}));
        // Anywhere from before the lease to after the end.
        tokio::time::sleep(random.milliseconds(400)).await;
        function.kill().await;
    }
    // What a run was given up for, or read before a change, the next ones make good.
    for _ in 0..2 {
        end_lease(&database.client).await;
        let mut function = Function::start("sync-products", &environment).await;
        let answer = function.call(&json!({})).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
    assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
}

#[tokio::test]
async fn a_run_that_dies_at_the_same_place_again_and_again_is_given_up() {
    let sim = OdooSim::builder()
        .version(Version::V19)
        .products(50)
        .start()
        .await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let environment = odoo.environment(&database.url);
    sim.inject(
        odoo_sim::When::method("read")
            .model("product.product")
            .forever(),
        odoo_sim::Fault::Hang,
    );
    for _ in 0..4 {
        end_lease(&database.client).await;
        let mut function = Function::start("sync-products", &environment).await;
        let before = sim.count_requests("read");
        function.send(&json!({}));
        wait_until("the read hangs", async || {
            sim.count_requests("read") > before
        })
        .await;
        function.kill().await;
    }
    sim.clear_faults();
    end_lease(&database.client).await;
    let mut function = Function::start("sync-products", &environment).await;
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    let rows = database
        .client
        .query(
            "select status, error_code from odoo.sync_runs order by started_at",
            &[],
        )
        .await
        .expect("the runs");
    let runs: Vec<(String, Option<String>)> =
        rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(
        runs,
        [
            ("failed".to_owned(), Some("internal".to_owned())),
            ("success".to_owned(), None)
        ]
    );
    assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
    // Nobody is left whom an answer for it would reach.
    let log = function.end().await;
    let is_told = |line: &str| line.contains("ERROR") && line.contains("a run is given up");
    assert!(log.lines().any(is_told), "{log}");
}

/// A crash with `synchronous_commit = off`, or a fail-over to a standby that lagged.
#[tokio::test]
async fn pages_that_postgres_loses_after_confirming_them_fail_the_run_and_are_read_again() {
    let shop = Shop::open(Version::V19).await;
    // Else the request for the third page may overtake the one for the second.
    let mut function = shop.function_with(&[("SYNC_FETCH_CONCURRENCY", "1")]).await;
    let third = When::method("read").model("product.product").nth(3);
    let hold = Hold::the_next(&shop.sim, third);
    function.send(&json!({}));
    hold.reached().await;
    wait_until("two pages are in", async || {
        shop.rows("select odoo_id from odoo.products").await.len() == 100
    })
    .await;
    shop.execute(
        "update odoo.sync_streams set last_id = 0 where stream = 'products';
         delete from odoo.products",
    )
    .await;
    hold.release();
    let answer = function.answered().await;
    assert_failed(&answer, "db_fault");
    let watermarks = shop.watermarks().await;
    assert!(watermarks.iter().all(|row| row["watermark"].is_null()));

    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
}

/// Moments that nobody chose; the seed is printed.
fn seeded() -> Random {
    let seed = Random::fresh_seed();
    eprintln!("seed {seed}");
    Random::new(seed)
}

/// Lets a function commit a few pages and kills it at a random moment after.
async fn kill_one(environment: &Environment, client: &Client, committed: i64, random: &mut Random) {
    end_lease(client).await;
    let mut function = Function::start("sync-products", environment).await;
    function.send(&json!({}));
    wait_until("a page is committed", async || {
        cursor(client).await > committed
    })
    .await;
    // The moment is what is random here; nothing is waited for.
    tokio::time::sleep(random.milliseconds(20)).await;
    function.kill().await;
    // Postgres may still be at the commit that the function sent as it died.
    wait_until("Postgres is done with it", async || {
        backends(client).await == 0
    })
    .await;
}

/// Connections of functions to this database.
async fn backends(client: &Client) -> i64 {
    client
        .query_one(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name = 'odoo-supabase-sync'",
            &[],
        )
        .await
        .expect("the activity")
        .get(0)
}

fn assert_read_only_after(sim: &OdooSim, committed: i64) {
    for request in sim.requests() {
        if request.method == "read" && request.model == "product.product" {
            let first = request.ids.iter().min().copied().unwrap_or(i64::MAX);
            assert!(
                first > committed,
                "{first} was read again, {committed} is committed"
            );
        }
    }
}

/// The last product id that is committed in the open window.
async fn cursor(client: &Client) -> i64 {
    client
        .query_opt(
            "select last_id from odoo.sync_streams where stream = 'products'",
            &[],
        )
        .await
        .expect("the streams")
        .map_or(0, |row| row.get(0))
}

/// Stands for the minute after which a dead holder's lease is over.
async fn end_lease(client: &Client) {
    client
        .execute(
            "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'",
            &[],
        )
        .await
        .expect("the lease");
}
