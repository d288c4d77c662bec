//! What Postgres refuses although the statement is right: a deadlock, a conflict, a standby, a
//! full house, a statement that takes too long.

use odoo_sim::{Version, When};
use serde_json::json;

use super::wired::Wired;
use crate::support::cluster::{Cluster, Restart};
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::shop::{Shop, assert_failed};

/// Enough for what passes: 200 ms, 400 ms, 800 ms and so on.
const PATIENT: [(&str, &str); 2] = [("SYNC_RETRY_DELAY_MS", "200"), ("SYNC_MAX_RETRIES", "8")];

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

#[tokio::test]
async fn a_fail_over_to_a_read_only_server_is_sat_out() {
    let cluster = Cluster::start().await;
    let mut wired = Wired::open(Version::V19, Some(&cluster.migrated().await), "").await;
    wired.function = wired.shop.function_with(&PATIENT).await;
    let hold = Hold::the_next(&wired.shop.sim, When::method("read"));
    wired.function.send(&json!({}));
    hold.reached().await;
    cluster.demote();
    hold.release();
    crate::support::wait_until("it is told so", async || {
        wired.function.log().await.contains("25006")
    })
    .await;
    cluster.promote();
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    wired.assert_mirrored_at(cluster.url()).await;
}

/// As a provider does to a project whose disk is full; a server that fails over is a standby.
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
async fn a_server_that_stays_read_only_is_db_unreachable() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    set_read_only(&wired.shop, true).await;
    let answer = wired.function.call(&json!({})).await;
    let message = assert_failed(&answer, "db_unreachable");
    assert!(message.contains("25006"), "{message}");
    set_read_only(&wired.shop, false).await;
    wired.sync_from_empty("after it").await;
}

/// Of this server's five places three are kept for superusers, so that two guests fill it.
#[tokio::test]
async fn a_full_house_is_waited_for_and_is_db_unreachable_where_it_stays_full() {
    let cluster = Cluster::start().await;
    let url = cluster.migrated().await;
    let superuser = open(&url).await;
    superuser
        .batch_execute(
            "create role guest login password 'voll' bypassrls;
             grant usage on schema odoo to guest;
             grant all on all tables in schema odoo to guest;
             grant all on all sequences in schema odoo to guest;",
        )
        .await
        .expect("a role");
    for setting in ["max_connections = 5", "superuser_reserved_connections = 3"] {
        let set = format!("alter system set {setting}");
        superuser.batch_execute(&set).await.expect("a setting");
    }
    cluster.restart(Restart::InOrder);
    let mut url = reqwest::Url::parse(&url).expect("a URL");
    url.set_username("guest").expect("a host");
    url.set_password(Some("voll")).expect("a host");
    let mut wired = Wired::open(Version::V19, Some(url.as_str()), "").await;
    let guests = [open(url.as_str()).await, open(url.as_str()).await];

    let answer = wired.function.call(&json!({})).await;
    let message = assert_failed(&answer, "db_unreachable");
    assert!(message.contains("53300"), "{message}");

    wired.function = wired.shop.function_with(&PATIENT).await;
    wired.function.send(&json!({}));
    wired.is_trying_again().await;
    drop(guests);
    let answer = wired.function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    wired.assert_mirrored_at(cluster.url()).await;
}

/// What ends a statement with 57014.
#[derive(Clone, Copy, Debug)]
enum EndedBy {
    /// Postgres's own clock. So that nobody has to wait for the 50 s that a transaction of a run
    /// sets, the limit of those in which a table is held from the run is made shorter.
    ItsLimit,
    /// An administrator.
    ACancel,
}

/// Notes which limit each transaction of a run has set, and lowers it where a statement is going
/// to wait for `odoo.products`.
const SHORTER_LIMIT: &str = "
    create table public.limits (statement_timeout text);
    create function public.shorten() returns trigger language plpgsql as $$
    begin
        -- A transaction that changes the row twice comes by twice.
        if current_setting('statement_timeout') = '2s' then
            return null;
        end if;
        insert into public.limits values (current_setting('statement_timeout'));
        if exists (select from pg_locks where granted and mode = 'ShareLock'
                       and relation = 'odoo.products'::regclass) then
            perform set_config('statement_timeout', '2s', true);
        end if;
        return null;
    end $$;
    create trigger shorten after update on odoo.sync_metadata
        for each row execute function public.shorten()";

#[tokio::test]
async fn a_statement_that_takes_too_long_is_not_tried_again_and_is_on_record() {
    for ended_by in [EndedBy::ItsLimit, EndedBy::ACancel] {
        let mut wired = Wired::open(Version::V19, None, "").await;
        wired.shop.sync(&mut wired.function).await;
        let watermarks = wired.shop.watermarks().await;
        wired.shop.change_something();
        if matches!(ended_by, EndedBy::ItsLimit) {
            wired.shop.execute(SHORTER_LIMIT).await;
        }
        let other = open(&wired.shop.database.url).await;
        let held = "begin; lock table odoo.products in share mode";
        other.batch_execute(held).await.expect("a lock");
        wired.function.send(&json!({}));
        wired.shop.database.held_up(1).await;
        if matches!(ended_by, EndedBy::ACancel) {
            wired
                .shop
                .execute(
                    "select pg_cancel_backend(pid) from pg_stat_activity
                     where datname = current_database()
                         and application_name = 'odoo-supabase-sync'",
                )
                .await;
        }
        let answer = wired.function.answered().await;
        let message = wired.shop.assert_recorded(&answer, "db_fault").await;
        assert!(message.contains("57014"), "{ended_by:?}: {message}");
        assert_eq!(answer["data"]["retries"], 0, "{ended_by:?}: {answer}");
        assert_eq!(wired.shop.watermarks().await, watermarks);
        if matches!(ended_by, EndedBy::ItsLimit) {
            let limits = "select distinct statement_timeout from public.limits";
            let limits = wired.shop.rows(limits).await;
            assert_eq!(limits, [json!({"statement_timeout": "50s"})]);
        }
        other.batch_execute("rollback").await.expect("an end");
        let report = wired.shop.sync(&mut wired.function).await;
        assert_eq!(report["recordsUpdated"], 1, "{ended_by:?}");
        wired.shop.assert_mirrored().await;
    }
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
