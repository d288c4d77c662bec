//! What Postgres refuses although the statement is right: a deadlock, a conflict, a standby, a
//! full house, a statement that takes too long.

use odoo_sim::{Version, When};
use serde_json::json;

use super::wired::Wired;
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::shop::{Shop, assert_failed};

/// Enough for what passes: 200 ms, 400 ms, 800 ms and so on.
const PATIENT: [(&str, &str); 2] = [("SYNC_RETRY_DELAY_MS", "200"), ("SYNC_MAX_RETRIES", "5")];

#[tokio::test]
async fn a_deadlock_s_victim_tries_again() {
    let mut wired = Wired::open(Version::V19, None, "").await;
    wired.sync_from_empty("the first").await;
    wired.shop.change_something();
    let other = open(&wired.shop.database.url).await;
    // The function's own patience ends first, so that it is the victim.
    let begun = "set deadlock_timeout = '60s'; begin; lock table odoo.products in share mode";
    other.batch_execute(begun).await.expect("a lock");
    wired.function.send(&json!({}));
    wired.shop.database.held_up(1).await;
    let row = "update odoo.sync_metadata set updated_at = updated_at";
    other
        .batch_execute(row)
        .await
        .expect("the function's row, once it is the victim");
    other.batch_execute("rollback").await.expect("an end");
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(answer["data"]["retries"].as_u64() >= Some(1), "{answer}");
    assert!(wired.function.log().await.contains("40P01"));
    wired.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_serialization_failure_is_tried_again() {
    let wired = Wired::open(Version::V14, None, "").await;
    wired
        .shop
        .execute(
            "do $$ begin execute format(
                 'alter database %I set default_transaction_isolation = ''repeatable read''',
                 current_database()); end $$",
        )
        .await;
    let mut wired = Wired {
        function: wired.shop.function().await,
        ..wired
    };
    wired.sync_from_empty("the first").await;
    wired.shop.change_something();
    let hold = Hold::the_next(&wired.shop.sim, When::method("read"));
    wired.function.send(&json!({}));
    hold.reached().await;
    let other = open(&wired.shop.database.url).await;
    let changed = "begin; update odoo.sync_metadata set updated_at = now()";
    other.batch_execute(changed).await.expect("a row");
    hold.release();
    wired.shop.database.held_up(1).await;
    other.batch_execute("commit").await.expect("an end");
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(wired.function.log().await.contains("40001"));
    wired.shop.assert_mirrored().await;
}

/// Makes the mirror what a standby is, or a server that has been failed over.
async fn set_read_only(shop: &Shop, is_read_only: bool) {
    let change = match is_read_only {
        true => "set default_transaction_read_only = on",
        false => "reset default_transaction_read_only",
    };
    shop.execute(&format!(
        "set transaction read write;
         do $$ begin execute format('alter database %I {change}', current_database()); end $$"
    ))
    .await;
}

#[tokio::test]
async fn a_fail_over_to_a_read_only_server_is_sat_out() {
    let mut wired = Wired::open(Version::V19, None, "").await;
    wired.function = wired.shop.function_with(&PATIENT).await;
    let hold = Hold::the_next(&wired.shop.sim, When::method("read"));
    wired.function.send(&json!({}));
    hold.reached().await;
    set_read_only(&wired.shop, true).await;
    wired.terminate().await;
    hold.release();
    wired.is_trying_again().await;
    crate::support::wait_until("it is told so", async || {
        wired.function.log().await.contains("25006")
    })
    .await;
    set_read_only(&wired.shop, false).await;
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    wired.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_server_that_stays_read_only_is_db_unreachable() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    set_read_only(&wired.shop, true).await;
    let answer = wired.function.call(&json!({})).await;
    let message = assert_failed(&answer, "db_unreachable");
    assert!(message.contains("25006"), "{message}");
    set_read_only(&wired.shop, false).await;
    wired.sync_from_empty("after it").await;
}

#[tokio::test]
async fn a_full_house_is_waited_for_and_is_db_unreachable_where_it_stays_full() {
    let mut wired = Wired::open(Version::V19, None, "").await;
    // A role of its own: a superuser always finds a place.
    let role = format!("crowded_{}", std::process::id());
    wired
        .shop
        .execute(&format!(
            "create role {role} login password 'voll' bypassrls connection limit 0;
             grant usage on schema odoo to {role};
             grant all on all tables in schema odoo to {role};
             grant all on all sequences in schema odoo to {role}"
        ))
        .await;
    let mut url = reqwest::Url::parse(&wired.shop.environment["SUPABASE_DB_URL"]).expect("a URL");
    url.set_username(&role).expect("a host");
    url.set_password(Some("voll")).expect("a host");
    wired.shop.environment.insert("SUPABASE_DB_URL", url.into());

    wired.function = wired.shop.function().await;
    let answer = wired.function.call(&json!({})).await;
    let message = assert_failed(&answer, "db_unreachable");
    assert!(message.contains("53300"), "{message}");

    wired.function = wired.shop.function_with(&PATIENT).await;
    wired.function.send(&json!({}));
    wired.is_trying_again().await;
    let room = format!("alter role {role} connection limit -1");
    wired.shop.execute(&room).await;
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    wired.shop.assert_mirrored().await;
    wired.function.kill().await;
    wired
        .shop
        .execute(&format!("drop owned by {role}; drop role {role}"))
        .await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_not_tried_again_and_is_on_record() {
    let mut wired = Wired::open(Version::V19, None, "").await;
    wired.shop.sync(&mut wired.function).await;
    let watermarks = wired.shop.watermarks().await;
    wired.shop.change_something();
    let other = open(&wired.shop.database.url).await;
    let held = "begin; lock table odoo.products in share mode";
    other.batch_execute(held).await.expect("a lock");
    wired.function.send(&json!({}));
    wired.shop.database.held_up(1).await;
    // The same SQLSTATE, 57014, as after the 50 s that a statement may take.
    wired
        .shop
        .execute(
            "select pg_cancel_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'odoo-supabase-sync'",
        )
        .await;
    let answer = wired.function.answered().await;
    let message = wired.shop.assert_recorded(&answer, "db_fault").await;
    assert!(message.contains("57014"), "{message}");
    assert_eq!(answer["data"]["retries"], 0, "{answer}");
    assert_eq!(wired.shop.watermarks().await, watermarks);
    other.batch_execute("rollback").await.expect("an end");
    let report = wired.shop.sync(&mut wired.function).await;
    assert_eq!(report["recordsUpdated"], 1);
    wired.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_lock_that_is_held_for_longer_than_ten_seconds_is_waited_for_again() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    wired.shop.sync(&mut wired.function).await;
    wired.shop.change_something();
    let other = open(&wired.shop.database.url).await;
    let held = "begin; lock table odoo.products in share mode";
    other.batch_execute(held).await.expect("a lock");
    wired.function.send(&json!({}));
    wired.is_trying_again().await;
    other.batch_execute("rollback").await.expect("an end");
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(wired.function.log().await.contains("55P03"));
    wired.shop.assert_mirrored().await;
}
