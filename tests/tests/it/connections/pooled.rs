//! PgBouncer between function and Postgres, in both of its modes: what ends behind it, and the
//! pooler itself that goes.

use odoo_sim::proxy::{Conduct, Direction, Ending, Point};
use odoo_sim::{Version, When};
use reqwest::Url;
use serde_json::json;

use super::wired::Wired;
use crate::support::hold::Hold;
use crate::support::postgres::{open, variable};

const POOLERS: [&str; 2] = ["TEST_POOLER_URL", "TEST_SESSION_POOLER_URL"];

/// A shop behind that pooler.
async fn behind(pooler: &str, version: Version) -> Wired {
    let mut wired = Wired::open(version, None, "").await;
    let mut url = Url::parse(&variable(pooler)).expect("a URL");
    let own = Url::parse(&wired.shop.database.url).expect("a URL");
    url.set_path(own.path());
    wired.postgres = crate::support::wire::proxy_before(url.as_str());
    let url = crate::support::wire::through(&wired.postgres, url.as_str());
    wired.shop.environment.insert("SUPABASE_DB_URL", url);
    wired.function = wired.shop.function().await;
    wired
}

#[tokio::test]
async fn a_session_that_postgres_ends_behind_a_pooler_is_replaced() {
    for pooler in POOLERS {
        let mut wired = behind(pooler, Version::V19).await;
        wired.sync_from_empty(pooler).await;
        // While nobody uses it.
        wired.terminate().await;
        wired.shop.change_something();
        let report = wired.shop.sync(&mut wired.function).await;
        assert_eq!(report["recordsUpdated"], 1, "{pooler}: {report}");
        // In a transaction.
        wired.empty_the_mirror().await;
        let other = open(&wired.shop.database.url).await;
        let held = "begin; lock table odoo.products in share mode";
        other.batch_execute(held).await.expect("a lock");
        wired.function.send(&json!({}));
        wired.shop.database.held_up(1).await;
        wired.terminate().await;
        other.batch_execute("rollback").await.expect("an end");
        wired.assert_filled(pooler).await;
    }
}

#[tokio::test]
async fn a_session_that_ends_behind_a_pooler_while_odoo_is_asked_is_replaced() {
    for pooler in POOLERS {
        let mut wired = behind(pooler, Version::V14).await;
        let hold = Hold::the_next(&wired.shop.sim, When::method("read"));
        wired.function.send(&json!({}));
        hold.reached().await;
        wired.terminate().await;
        hold.release();
        wired.assert_filled(pooler).await;
    }
}

#[tokio::test]
async fn a_commit_that_goes_through_a_pooler_unheard_is_done_once() {
    for pooler in POOLERS {
        let mut wired = behind(pooler, Version::V19).await;
        wired.sync_from_empty(pooler).await;
        for nth in 1..=8 {
            wired.empty_the_mirror().await;
            let cut = Point::Before(b"COMMIT\0", nth);
            let cut = Conduct::cut(Direction::ToClient, cut, Ending::Close);
            wired.postgres.conduct(cut);
            wired.sync_from_empty(&format!("{pooler} {nth}")).await;
        }
    }
}
