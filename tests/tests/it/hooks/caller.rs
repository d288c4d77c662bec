//! Odoo's part: it calls `api` as an automation rule does.

use std::time::{Duration, Instant};

use odoo_sim::When;
use odoo_sim::proxy::FaultProxy;
use serde_json::{Value, json};

use crate::events::bus::{Bus, Mood};
use crate::http::event::{ask, request_to};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::Shop;
use crate::support::wire::{proxy_before, through};

/// The token of the hook of products.
pub(super) const TOKEN: &str = "kennwort-des-hakens";
/// A text in a hook's body that nobody but its sender may see.
pub(super) const MARKER: &str = "Feldwert-4711";

/// A shop with a bus, and variables for `api` that let its hooks in.
pub(super) struct Hooked {
    pub(super) shop: Shop,
    pub(super) bus: Bus,
}

impl Hooked {
    pub(super) async fn open() -> Self {
        let mut shop = Shop::open(odoo_sim::Version::V19).await;
        let bus = Bus::start(Mood::Takes).await;
        shop.environment.extend(bus.variables());
        let tokens = json!({"products": TOKEN, "sales": "ein-anderes-kennwort"});
        shop.environment
            .insert("SYNC_HOOK_TOKENS", tokens.to_string());
        Self { shop, bus }
    }

    /// One that reaches Postgres through a proxy.
    pub(super) async fn through_proxy() -> (Self, FaultProxy) {
        let mut hooked = Self::open().await;
        let postgres = proxy_before(&hooked.shop.database.url);
        let url = through(&postgres, &hooked.shop.database.url);
        hooked.shop.environment.insert("SUPABASE_DB_URL", url);
        (hooked, postgres)
    }

    /// A run that is on, held where it reads.
    pub(super) async fn run_that_is_on(&self) -> (Function, Hold) {
        let mut products = self.shop.function().await;
        self.shop.sync(&mut products).await;
        self.shop.change_something();
        let hold = Hold::the_next(&self.shop.sim, When::method("read"));
        products.send(&json!({}));
        hold.reached().await;
        (products, hold)
    }

    /// Starts `api`.
    pub(super) async fn api(&self) -> Function {
        Function::start("api", &self.shop.environment).await
    }

    /// How many syncs the bus has been asked for.
    pub(super) fn requests(&self) -> usize {
        let taken = self.bus.taken();
        let requested = taken
            .iter()
            .filter(|it| it["DetailType"] == "Sync Requested");
        requested.count()
    }

    /// Since when a hook waits for a run; null where none does.
    pub(super) async fn waits_since(&self) -> Value {
        let mut rows = self.shop.rows("select * from odoo.sync_hooks").await;
        rows.pop().unwrap_or_default()["requested_at"].take()
    }
}

/// What an automation rule sends.
pub(super) fn hook() -> Value {
    let target = format!("/api/sync/hooks/odoo/products?token={TOKEN}");
    let body = json!({
        "_action": "Tell the mirror(#612)", "_id": 42, "_model": "product.template",
        "name": MARKER,
    });
    request_to("POST", &target, None, Some(&body.to_string()))
}

/// Calls, which must be taken; how long that took.
pub(super) async fn call(api: &mut Function) -> Duration {
    let started = Instant::now();
    let (status, body) = ask(api, &hook()).await;
    assert_eq!(status, 202, "{body}");
    started.elapsed()
}
