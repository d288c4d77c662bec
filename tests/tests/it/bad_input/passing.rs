//! Faults that pass: tried again, counted, and nothing is lost. One that stays ends the
//! run with its code once the retries are used up.

use std::time::{Duration, Instant};

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use crate::support::shop::{Shop, VERSIONS};
use crate::support::wait_until;

/// Every fault that may pass, with the code of one that does not.
fn passing() -> Vec<(Fault, &'static str)> {
    vec![
        (Fault::Hang, "odoo_unreachable"),
        (Fault::Reset, "odoo_unreachable"),
        (Fault::CutBody { after: 50 }, "odoo_unreachable"),
        (Fault::CutBody { after: 0 }, "odoo_unreachable"),
        (Fault::CutJson { after: 40 }, "odoo_unreachable"),
        (Fault::CutJson { after: 0 }, "odoo_unreachable"),
        (Fault::too_many_requests(None), "odoo_unreachable"),
        (Fault::too_many_requests(Some(0)), "odoo_unreachable"),
        (Fault::status(502), "odoo_unreachable"),
        (Fault::status(503), "odoo_unreachable"),
        (Fault::status(504), "odoo_unreachable"),
        (Fault::SerializationFailure, "odoo_fault"),
        (Fault::DatabaseDown, "odoo_fault"),
    ]
}

/// Long enough for an honest answer, short enough to wait for.
const TIMEOUT: (&str, &str) = ("ODOO_TIMEOUT_MS", "1500");

#[tokio::test]
async fn a_fault_that_passes_is_tried_again_and_counted() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let mut function = shop.function_with(&[TIMEOUT]).await;
        shop.sync(&mut function).await;
        for (fault, _) in passing() {
            shop.change_something();
            let struck_before = shop.sim.faults_struck();
            shop.sim.inject(reading_products().times(2), fault.clone());
            let report = shop.sync(&mut function).await;
            assert_eq!(report["retries"], 2, "{fault:?}");
            assert_eq!(shop.sim.faults_struck() - struck_before, 2, "{fault:?}");
            assert_eq!(report["recordsUpdated"], 1, "{fault:?}");
            let run = shop.runs().await.pop().expect("a run");
            assert_eq!(run["retries"], 2, "{fault:?}");
            shop.assert_mirrored().await;
        }
        shop.assert_discreet(&mut function, &[]).await;
    }
}

fn reading_products() -> When {
    When::method("read").model("product.product")
}

/// Two pages are in flight while one of them is tried again.
#[tokio::test]
async fn pages_come_in_order_whichever_was_tried_again() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let mut function = shop
            .function_with(&[
                ("SYNC_BATCH_SIZE", "7"),
                ("SYNC_RETRY_DELAY_MS", "20"),
                // One page may get all the faults.
                ("SYNC_MAX_RETRIES", "8"),
            ])
            .await;
        for nth in [1, 2, 5, 9] {
            shop.sim
                .inject(reading_products().nth(nth).times(2), Fault::status(503));
        }
        let report = shop.sync(&mut function).await;
        assert_eq!(report["retries"], shop.sim.faults_struck());
        let rows = shop.sim.count("product.product") + shop.sim.count("uom.uom");
        assert_eq!(report["recordsInserted"], rows);
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn every_question_is_tried_again_not_reads_alone() {
    for (version, questions) in [
        (
            Version::V14,
            &[
                "version",
                "authenticate",
                "fields_get",
                "search_read",
                "search",
                "search_count",
            ][..],
        ),
        (
            Version::V19,
            &[
                "web/version",
                "context_get",
                "fields_get",
                "search_read",
                "search",
                "search_count",
            ],
        ),
    ] {
        let shop = Shop::open(version).await;
        for question in questions {
            shop.sim.inject(When::method(*question), Fault::status(503));
        }
        let mut function = shop.function().await;
        let report = shop.sync(&mut function).await;
        assert_eq!(
            report["retries"],
            questions.len(),
            "{:?}",
            shop.sim.requests()
        );
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_fault_that_stays_ends_the_run_with_its_code_once_the_retries_are_used_up() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let mut function = shop
            .function_with(&[TIMEOUT, ("SYNC_MAX_RETRIES", "1")])
            .await;
        shop.sync(&mut function).await;
        let mut answers = Vec::new();
        for (fault, code) in passing() {
            let watermarks = shop.watermarks().await;
            shop.change_something();
            let struck_before = shop.sim.faults_struck();
            shop.sim.inject(reading_products().forever(), fault.clone());
            let answer = function.call(&json!({})).await;
            shop.assert_recorded(&answer, code).await;
            assert_eq!(shop.sim.faults_struck() - struck_before, 2, "{fault:?}");
            assert_eq!(answer["data"]["retries"], 1, "{fault:?}");
            assert_eq!(shop.watermarks().await, watermarks, "{fault:?}");
            answers.push(answer);

            shop.sim.clear_faults();
            let report = shop.sync(&mut function).await;
            assert_eq!(report["recordsUpdated"], 1, "{fault:?}");
            shop.assert_mirrored().await;
        }
        shop.assert_discreet(&mut function, &answers).await;
    }
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let mut function = shop.function().await;
        shop.sim
            .inject(When::method("read"), Fault::too_many_requests(Some(2)));
        let started = Instant::now();
        let report = shop.sync(&mut function).await;
        assert!(started.elapsed() >= Duration::from_secs(2));
        assert_eq!(report["retries"], 1);
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn an_odoo_that_restarts_is_waited_for() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop
        .function_with(&[("SYNC_RETRY_DELAY_MS", "50"), ("SYNC_MAX_RETRIES", "10")])
        .await;
    shop.sim.refuse_connections();
    function.send(&json!({}));
    wait_until("a connection was refused", async || {
        function.log().await.contains("nothing listens at ODOO_URL")
    })
    .await;
    shop.sim.accept_connections();
    let answer = function.answered().await;
    assert_eq!(answer["success"], true, "{answer}");
    assert!(answer["data"]["retries"].as_u64() >= Some(1));
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn an_odoo_that_stays_away_is_odoo_unreachable() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function_with(&[("SYNC_MAX_RETRIES", "2")]).await;
    shop.sim.refuse_connections();
    let answer = function.call(&json!({})).await;
    shop.assert_recorded(&answer, "odoo_unreachable").await;
    assert_eq!(answer["data"]["retries"], 2);
    shop.sim.accept_connections();
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_connection_that_postgres_ends_inside_a_page_is_opened_again() {
    let shop = Shop::open(Version::V19).await;
    once_while_writing(&shop, "perform pg_terminate_backend(pg_backend_pid());").await;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["retries"], 1);
    assert_counted_once(&shop, &report);
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut function, &[report]).await;
}

#[tokio::test]
async fn a_page_that_lost_a_race_in_postgres_is_written_again_and_counted_once() {
    let shop = Shop::open(Version::V14).await;
    once_while_writing(&shop, "raise serialization_failure;").await;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["retries"], 1);
    assert_counted_once(&shop, &report);
    shop.assert_mirrored().await;
}

/// Makes the first page of products go wrong in this way. A sequence keeps its value when
/// the transaction rolls back.
async fn once_while_writing(shop: &Shop, statement: &str) {
    shop.execute(&format!(
        "create sequence struck;
         create function strike() returns trigger language plpgsql as $$ begin
             if nextval('struck') = 1 then {statement} end if;
             return null;
         end $$;
         create trigger strike after insert on odoo.products
             for each statement execute function strike()"
    ))
    .await;
}

fn assert_counted_once(shop: &Shop, report: &Value) {
    let rows = shop.sim.count("product.product") + shop.sim.count("uom.uom");
    assert_eq!(report["recordsInserted"], rows);
    assert_eq!(report["recordsProcessed"], rows);
}
