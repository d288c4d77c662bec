//! A Postgres that is restarted under a run, in order and by a crash.

use odoo_sim::{Version, When};
use serde_json::json;

use super::wired::Wired;
use crate::support::cluster::{Cluster, Restart};
use crate::support::hold::Hold;

#[tokio::test]
async fn a_run_goes_on_after_a_restart_and_after_a_crash_of_postgres() {
    let cluster = Cluster::start().await;
    let mut wired = Wired::open(Version::V19, Some(&cluster.migrated().await), "").await;
    let patient = [("SYNC_RETRY_DELAY_MS", "200"), ("SYNC_MAX_RETRIES", "8")];
    wired.function = wired.shop.function_with(&patient).await;
    for (nth, how) in [(1, Restart::InOrder), (2, Restart::Crash)] {
        // The second page is on its way, the first one is committed or about to be.
        let hold = Hold::the_next(&wired.shop.sim, When::method("read").nth(2));
        let event = json!({"mode": "full"});
        wired.function.send(&event);
        hold.reached().await;
        cluster.restart(how);
        hold.release();
        let answer = wired.function.answered().await;
        assert_eq!(answer["success"], true, "{nth}: {answer}");
        assert_eq!(
            answer["data"]["recordsProcessed"],
            wired.source_rows(),
            "{answer}"
        );
        wired.assert_mirrored_at(cluster.url()).await;
    }
}

#[tokio::test]
async fn a_restart_between_two_invocations_is_not_noticed() {
    let cluster = Cluster::start().await;
    let mut wired = Wired::open(Version::V14, Some(&cluster.migrated().await), "").await;
    wired.shop.sync(&mut wired.function).await;
    cluster.restart(Restart::InOrder);
    wired.shop.change_something();
    let report = wired.shop.sync(&mut wired.function).await;
    assert_eq!(report["recordsUpdated"], 1, "{report}");
}
