//! A transaction that Odoo itself holds open: an action of its own writes through the ORM and
//! then waits in Postgres for a lock that the test holds, so that it is committed when the test
//! lets it go.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::support::odoo::Odoo;
use crate::support::postgres::{open, variable};
use crate::support::wait_until;

/// The lock's number, which nobody else uses.
const GATE: i64 = 714_019;
/// After so long Odoo gives up, and with it the test.
const LIMIT: &str = "180s";

/// Odoo is at work in it and waits.
pub(super) struct OpenTransaction {
    behind: Client,
    answer: JoinHandle<()>,
}

impl OpenTransaction {
    /// Runs this Python in a transaction of Odoo's. Returns once Odoo has sent it all to its
    /// Postgres and waits.
    pub(super) async fn begin(version: u8, python: &str) -> Self {
        let behind = open(&variable(&format!("TEST_ODOO_{version}_POSTGRES_URL"))).await;
        let hold = format!("select pg_advisory_lock({GATE})");
        behind.batch_execute(&hold).await.expect("a lock");
        let odoo = Odoo::real(version, false).await;
        let action = make_action(&odoo, &code(version, python)).await;
        let answer = tokio::spawn(async move {
            odoo.call("ir.actions.server", "run", json!([[action]]))
                .await;
        });
        let transaction = Self { behind, answer };
        wait_until("Odoo waits in its transaction", async || {
            transaction.age().await.is_some() || transaction.answer.is_finished()
        })
        .await;
        transaction
    }

    /// How long it has been open, by Postgres's clock.
    async fn age(&self) -> Option<f64> {
        let sql = "select extract(epoch from clock_timestamp() - xact_start)::float8
                   from pg_stat_activity
                   where datname = current_database() and wait_event = 'advisory'";
        let waiting = self.behind.query_opt(sql, &[]).await;
        waiting
            .expect("at most one that waits")
            .map(|row| row.get(0))
    }

    /// Waits until it has been open for so long: this is the time that passes, not one in which
    /// something else is hoped to happen.
    pub(super) async fn has_been_open_for(&self, seconds: f64) {
        while self.age().await.expect("it is open") < seconds {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Lets Odoo commit it.
    pub(super) async fn commit(self) {
        let release = format!("select pg_advisory_unlock({GATE})");
        self.behind.batch_execute(&release).await.expect("a lock");
        self.answer.await.expect("Odoo commits it");
    }
}

/// A server action, which is Odoo's own way to run what an administrator has written.
async fn make_action(odoo: &Odoo, code: &str) -> i64 {
    let model = odoo
        .search("ir.model", json!([["model", "=", "product.product"]]))
        .await;
    let values = json!({
        "name": "A long transaction", "model_id": model[0], "state": "code", "code": code,
    });
    odoo.create("ir.actions.server", values).await
}

/// What Odoo holds back in memory until the end is sent to Postgres before it waits.
fn code(version: u8, python: &str) -> String {
    let flush = match version {
        14 => "env['product.product'].flush()",
        _ => "env.flush_all()",
    };
    format!(
        "{python}\n\
         {flush}\n\
         env.cr.execute(\"set local lock_timeout = '{LIMIT}'\")\n\
         env.cr.execute(\"select pg_advisory_xact_lock({GATE})\")\n"
    )
}
