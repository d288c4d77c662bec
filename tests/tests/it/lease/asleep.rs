//! A holder that only sleeps: its process is stopped for longer than its lease, another takes
//! over, and then it wakes. Whatever it was at, it writes nothing any more.

use std::time::{Duration, Instant};

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use uuid::Uuid;

use super::state;
use crate::events::bus::{Bus, Mood, requested};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wait_until;
use crate::support::wire::{proxy_before, through};

/// Stands for the minute after which a lease is over.
const END_LEASE: &str =
    "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'";

/// Waits until it waits for Odoo alone: what it had read before may still be on its way to
/// Postgres, and one that sleeps in a transaction is another matter.
async fn at_rest(shop: &Shop) {
    wait_until("it is at rest", async || {
        let rests = "state = 'idle' and state_change < clock_timestamp() - interval '100 ms'";
        count(shop, rests).await == 1
    })
    .await;
}

async fn freeze_at_rest(shop: &Shop, function: &Function) {
    at_rest(shop).await;
    function.freeze();
}

/// Wakes, and finds that it has lost its lease; nothing has changed by that.
async fn wakes_in_vain(shop: &Shop, sleeper: &mut Function, what: &str) {
    let before = state(&shop.database).await;
    sleeper.thaw();
    let late = sleeper.answered().await;
    assert_failed(&late, "busy");
    assert_eq!(
        state(&shop.database).await,
        before,
        "{what}: the sleeper wrote something"
    );
    shop.assert_mirrored().await;
}

/// Where in a run it falls asleep: it waits for the answer to this.
fn stages() -> [(&'static str, When); 4] {
    [
        ("before it opens a window", When::method("fields_get")),
        (
            "before it lists ids",
            When::method("search").model("product.product"),
        ),
        (
            "before it writes rows",
            When::method("read").model("product.product"),
        ),
        (
            "before it ends",
            When::method("search_count").model("product.product"),
        ),
    ]
}

#[tokio::test]
async fn one_that_slept_while_odoo_was_asked_writes_no_row_no_cursor_and_no_status() {
    for version in [Version::V14, Version::V19] {
        for (what, when) in stages() {
            let shop = Shop::open(version).await;
            let mut sleeper = shop.function().await;
            let hold = Hold::the_next(&shop.sim, when);
            sleeper.send(&json!({}));
            hold.reached().await;
            freeze_at_rest(&shop, &sleeper).await;
            shop.execute(END_LEASE).await;
            let mut second = shop.function().await;
            shop.sync(&mut second).await;
            // Odoo's answer lies there when it wakes.
            hold.release();
            wakes_in_vain(&shop, &mut sleeper, what).await;
        }
    }
}

/// A function that is stopped inside the transaction of a page of products.
struct InTransaction {
    shop: Shop,
    sleeper: Function,
}

impl InTransaction {
    /// In the first page of all, which is copied.
    async fn copying(version: Version) -> Self {
        let shop = Shop::open(version).await;
        let sleeper = shop.function().await;
        Self::fall_asleep(shop, sleeper).await
    }

    /// In a page of one row that has changed.
    async fn updating(version: Version) -> Self {
        let shop = Shop::open(version).await;
        let mut sleeper = shop.function().await;
        shop.sync(&mut sleeper).await;
        shop.change_something();
        Self::fall_asleep(shop, sleeper).await
    }

    async fn fall_asleep(shop: Shop, sleeper: Function) -> Self {
        let other = open(&shop.database.url).await;
        let held = "begin; lock table odoo.products in share mode";
        other.batch_execute(held).await.expect("a lock");
        sleeper.send(&json!({}));
        shop.database.held_up(1).await;
        sleeper.freeze();
        other.batch_execute("rollback").await.expect("an end");
        // Postgres has answered; the function does not hear it.
        wait_until("Postgres waits for the function", async || {
            count(&shop, WAITS_FOR_CLIENT).await == 1
        })
        .await;
        Self { shop, sleeper }
    }
}

const WAITS_FOR_CLIENT: &str = "xact_start is not null and wait_event = 'ClientRead'";

/// Sessions of functions that are so.
async fn count(shop: &Shop, condition: &str) -> usize {
    let sql = format!(
        "select 1 from pg_stat_activity where datname = current_database()
             and application_name = 'odoo-supabase-sync' and {condition}"
    );
    shop.rows(&sql).await.len()
}

#[tokio::test]
async fn while_one_sleeps_in_its_transaction_nobody_takes_its_lease_and_it_goes_on_when_it_wakes() {
    for mut asleep in [
        InTransaction::copying(Version::V19).await,
        InTransaction::updating(Version::V14).await,
    ] {
        let mut second = asleep.shop.function().await;
        for _ in 0..3 {
            let answer = second.call(&json!({})).await;
            assert_failed(&answer, "busy");
        }
        asleep.sleeper.thaw();
        let answer = asleep.sleeper.answered().await;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["data"]["slices"], 1, "{answer}");
        asleep.shop.assert_mirrored().await;
    }
}

/// 30 s: what Postgres is told of each transaction that idles. Nothing else could end it.
#[tokio::test]
async fn one_that_sleeps_in_its_transaction_is_put_out_by_postgres_and_writes_nothing() {
    let mut asleep = InTransaction::updating(Version::V14).await;
    wait_until("Postgres ends its session", async || {
        count(&asleep.shop, WAITS_FOR_CLIENT).await == 0
    })
    .await;
    asleep.shop.execute(END_LEASE).await;
    let mut second = asleep.shop.function().await;
    asleep.shop.sync(&mut second).await;
    wakes_in_vain(&asleep.shop, &mut asleep.sleeper, "in its transaction").await;
}

/// A minute: as long as a lease lasts. Postgres itself waits for the rest of a copy for hours.
#[tokio::test]
async fn one_that_sleeps_in_a_copy_is_put_out_by_the_next_request_and_writes_nothing() {
    let mut asleep = InTransaction::copying(Version::V19).await;
    let since = Instant::now();
    let mut second = asleep.shop.function().await;
    let mut answers = Vec::new();
    while since.elapsed() < Duration::from_secs(90) {
        let answer = second.call(&json!({})).await;
        if answer["success"] == true {
            break;
        }
        assert_failed(&answer, "busy");
        answers.push(answer);
        // The next request, as a schedule makes it.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let log = second.log().await;
    assert!(
        log.contains("a session that was stuck is ended"),
        "{answers:?}"
    );
    assert!(
        since.elapsed() >= Duration::from_secs(59),
        "it was ended too soon"
    );
    wakes_in_vain(&asleep.shop, &mut asleep.sleeper, "in its copy").await;
}

#[tokio::test]
async fn a_commit_that_is_held_up_on_its_way_is_late_for_nobody() {
    let shop = Shop::open(Version::V19).await;
    let way = proxy_before(&shop.database.url);
    let url = through(&way, &shop.database.url);
    let mut sleeper = shop.function_with(&[("SUPABASE_DB_URL", &url)]).await;
    let hold = Hold::the_next(&shop.sim, When::method("read").model("product.product"));
    sleeper.send(&json!({}));
    hold.reached().await;
    at_rest(&shop).await;
    // All that it sends from now on stays on the way.
    way.stall();
    hold.release();
    shop.execute(END_LEASE).await;
    let mut second = shop.function().await;
    shop.sync(&mut second).await;
    let before = state(&shop.database).await;
    way.go_on();
    assert_failed(&sleeper.answered().await, "busy");
    assert_eq!(
        state(&shop.database).await,
        before,
        "what came late was written"
    );
}

#[tokio::test]
async fn a_slice_that_slept_is_done_by_the_retry_of_its_event_and_tells_and_writes_nothing() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V19).await;
    shop.environment.insert("SYNC_BATCH_SIZE", "25".to_owned());
    let mut sleeper = bus.function(&mut shop).await;
    let first = hand_over_once(&shop, &bus, &mut sleeper).await;
    let hold = Hold::the_next(&shop.sim, When::method("read").model("product.product"));
    sleeper.send(&first);
    hold.reached().await;
    freeze_at_rest(&shop, &sleeper).await;
    shop.execute(END_LEASE).await;
    let mut retry = shop.function().await;
    let answer = retry.call(&first).await;
    assert_eq!(answer["data"]["status"], "success", "{answer}");
    let told = bus.heard().len();
    hold.release();
    let before = state(&shop.database).await;
    sleeper.thaw();
    sleeper.answered().await;
    assert_eq!(
        state(&shop.database).await,
        before,
        "the sleeper wrote something"
    );
    let since: Vec<Value> = bus.heard().split_off(told);
    let completed = since.iter().filter(|it| it["DetailType"] != "Sync Failed");
    assert_eq!(completed.count(), 0, "{since:?}");
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_slice_that_slept_past_its_own_end_hands_nothing_over() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V14).await;
    let mut sleeper = bus.function(&mut shop).await;
    let hang = When::method("read").model("product.product");
    shop.sim.inject(hang.forever(), Fault::Hang);
    let asked = shop.sim.count_requests("read");
    let time = Duration::from_secs(3);
    sleeper.send_with_deadline(&json!({}), time);
    wait_until("the read hangs", async || {
        shop.sim.count_requests("read") > asked + 1
    })
    .await;
    freeze_at_rest(&shop, &sleeper).await;
    shop.sim.clear_faults();
    shop.execute(END_LEASE).await;
    let mut second = shop.function().await;
    shop.sync(&mut second).await;
    let told = bus.heard().len();
    // What is waited for is the end of its time.
    tokio::time::sleep(time).await;
    wakes_in_vain(&shop, &mut sleeper, "past its end").await;
    let since = bus.heard().split_off(told);
    let asked_for: Vec<&Value> = since
        .iter()
        .filter(|it| it["DetailType"] == "Sync Requested")
        .collect();
    assert!(asked_for.is_empty(), "{asked_for:?}");
}

#[tokio::test]
async fn a_slice_s_event_for_a_run_that_nobody_knows_does_nothing() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V19).await;
    let mut function = bus.function(&mut shop).await;
    shop.sync(&mut function).await;
    let before = state(&shop.database).await;
    let asked = shop.sim.requests().len();
    for (run_id, slice) in [
        (Uuid::new_v4().to_string(), 2),
        (
            shop.runs().await[0]["run_id"]
                .as_str()
                .expect("text")
                .to_owned(),
            9,
        ),
    ] {
        let event = requested(&json!({
            "dataType": "products", "mode": "full", "runId": run_id, "slice": slice
        }));
        let answer = function.call(&event).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
    assert_eq!(state(&shop.database).await, before);
    assert_eq!(shop.sim.requests().len(), asked, "Odoo was asked");
}

/// A run that is handed over after its first page of products. Returns the event of its second
/// slice.
async fn hand_over_once(shop: &Shop, bus: &Bus, function: &mut Function) -> Value {
    let second = When::method("read").model("product.product").nth(2);
    shop.sim.inject(second.forever(), Fault::Hang);
    function.send_with_deadline(&json!({}), Duration::from_secs(2));
    let answer = function.answered().await;
    assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
    shop.sim.clear_faults();
    bus.last_request()
}
