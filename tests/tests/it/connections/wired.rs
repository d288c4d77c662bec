//! A shop whose functions reach Postgres through a proxy.

use odoo_sim::Version;
use odoo_sim::proxy::FaultProxy;
use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use crate::support::function::Function;
use crate::support::postgres::open;
use crate::support::shop::Shop;
use crate::support::snapshot::assert_mirror_equals;
use crate::support::wire::{proxy_before, through};

/// A shop, the way to its mirror, and a function.
pub(super) struct Wired {
    pub(super) shop: Shop,
    pub(super) postgres: FaultProxy,
    pub(super) function: Function,
}

impl Wired {
    /// Such as is found at this URL, or at the mirror's own; with these parameters in the URL.
    pub(super) async fn open(version: Version, url: Option<&str>, parameters: &str) -> Self {
        let mut shop = Shop::open(version).await;
        let url = url.unwrap_or(&shop.database.url).to_owned();
        let postgres = proxy_before(&url);
        let url = through(&postgres, &url) + parameters;
        shop.environment.insert("SUPABASE_DB_URL", url);
        let function = shop.function().await;
        Self {
            shop,
            postgres,
            function,
        }
    }

    /// As on the first day.
    pub(super) async fn empty_the_mirror(&self) {
        self.shop
            .execute(
                "truncate odoo.products, odoo.uoms, odoo.sync_streams, odoo.sync_runs,
                     odoo.sync_findings, odoo.sync_metadata",
            )
            .await;
    }

    /// How many rows the source has.
    pub(super) fn source_rows(&self) -> usize {
        self.shop.sim.count("product.product") + self.shop.sim.count("uom.uom")
    }

    /// A first sync, which must succeed: one run, each row counted once, the mirror complete.
    pub(super) async fn sync_from_empty(&mut self, what: &str) -> Value {
        self.function.send(&json!({}));
        self.assert_filled(what).await
    }

    /// As [`Wired::sync_from_empty`], for a sync that is on.
    pub(super) async fn assert_filled(&mut self, what: &str) -> Value {
        let answer = self.function.answered().await;
        let log = self.function.log().await;
        assert_eq!(answer["success"], true, "{what}: {answer}; log:\n{log}");
        let report = answer["data"].clone();
        assert_eq!(
            report["recordsInserted"],
            self.source_rows(),
            "{what}: {answer}"
        );
        assert_eq!(
            report["recordsProcessed"],
            self.source_rows(),
            "{what}: {answer}"
        );
        assert_eq!(self.shop.runs().await.len(), 1, "{what}");
        self.shop.assert_mirrored().await;
        report
    }

    /// As [`Shop::assert_mirrored`], where the mirror is in a server of the test's own.
    pub(super) async fn assert_mirrored_at(&self, url: &str) {
        let client = open(url).await;
        assert_mirror_equals(&self.shop.odoo, &client, &PRODUCTS).await;
    }

    /// Ends the function's sessions in Postgres.
    pub(super) async fn terminate(&self) {
        self.shop
            .execute(
                "select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and application_name = 'odoo-supabase-sync'",
            )
            .await;
    }

    /// Waits until it has begun to try something again.
    pub(super) async fn is_trying_again(&self) {
        crate::support::wait_until("it tries again", async || {
            self.function.log().await.contains("retrying: ")
        })
        .await;
    }
}
