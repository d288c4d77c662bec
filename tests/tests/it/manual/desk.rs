//! An operator's desk: a shop, a bus that remembers, `sync-products`, and `api` with the key.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::api::caller::Caller;
use crate::events::bus::{Bus, Mood};
use crate::support::function::Function;
use crate::support::shop::Shop;

pub(super) const PRODUCT: &str = "product.product";

pub(super) struct Desk {
    pub(super) shop: Shop,
    pub(super) bus: Bus,
    pub(super) function: Function,
    pub(super) caller: Caller,
}

impl Desk {
    pub(super) async fn open(version: Version) -> Self {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(version).await;
        let function = bus.function(&mut shop).await;
        let caller = Caller::with(&shop.environment).await;
        Self {
            shop,
            bus,
            function,
            caller,
        }
    }

    /// Does what must be answered with 200; returns its `data`.
    pub(super) async fn done(&mut self, path: &str) -> Value {
        let (status, mut body) = self.post(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body["data"].take()
    }

    pub(super) async fn post(&mut self, path: &str) -> (u64, Value) {
        self.caller.ask("POST", &format!("/api/sync/{path}")).await
    }

    /// Syncs, which must succeed; returns the report.
    pub(super) async fn sync(&mut self, mode: &str) -> Value {
        let mut answer = self.function.call(&json!({"mode": mode})).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].take()
    }

    /// Events of this type that the bus has, by their details.
    pub(super) fn told(&self, detail_type: &str) -> Vec<Value> {
        let taken = self.bus.taken().into_iter();
        let of_type = taken.filter(|entry| entry["DetailType"] == detail_type);
        of_type.map(|entry| entry["Detail"].clone()).collect()
    }

    /// All findings, the oldest first.
    pub(super) async fn findings(&self) -> Vec<Value> {
        self.shop
            .rows("select * from odoo.sync_findings order by id")
            .await
    }
}
