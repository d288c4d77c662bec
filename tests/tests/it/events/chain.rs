//! A function that has too little time, and the events by which it goes on.

use std::time::Duration;

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::bus::{Bus, Mood};
use crate::support::function::Function;
use crate::support::postgres::open;
use crate::support::shop::Shop;
use crate::support::wait_until;

/// What Lambda gives an invocation here. A slice is done with its page long before.
pub(crate) const SHORT: Duration = Duration::from_secs(2);

/// The key of a caller.
const KEY: &str = "schluessel-0815";

/// A function whose invocations are short, in a shop of five pages of products.
pub(crate) struct Chain {
    pub(crate) shop: Shop,
    pub(crate) bus: Bus,
    pub(crate) function: Function,
}

impl Chain {
    pub(crate) async fn in_a_shop(version: Version, mood: Mood) -> Self {
        let bus = Bus::start(mood).await;
        let mut shop = Shop::open(version).await;
        for (name, value) in [
            ("SYNC_BATCH_SIZE", "25"),
            // The first read of a slice is that of its first page.
            ("SYNC_FETCH_CONCURRENCY", "1"),
        ] {
            shop.environment.insert(name, value.to_owned());
        }
        let function = bus.function(&mut shop).await;
        Self {
            shop,
            bus,
            function,
        }
    }

    /// One page of products comes through, and nothing after it.
    pub(crate) fn let_one_page_through(&self) {
        self.shop.sim.clear_faults();
        let second = When::method("read").model("product.product").nth(2);
        self.shop.sim.inject(second.forever(), Fault::Hang);
    }

    pub(crate) fn let_all_through(&self) {
        self.shop.sim.clear_faults();
    }

    /// An invocation that runs out of time after one page. Returns its answer.
    pub(crate) async fn slice(&mut self, event: &Value) -> Value {
        self.let_one_page_through();
        let answer = self.invoke(event).await;
        assert_eq!(answer["success"], true, "{answer}");
        assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
        answer
    }

    /// An invocation that is short. One that has to come to an end has Lambda's whole time, however
    /// slow the machine is: [`Function::call`].
    pub(crate) async fn invoke(&mut self, event: &Value) -> Value {
        self.function.send_with_deadline(event, SHORT);
        self.function.answered().await
    }

    /// Keeps the row that a run's transactions need, from its first page on; until this commits,
    /// the run can be neither handed over nor reset.
    pub(crate) async fn hold_the_hand_over_up(&self) -> Client {
        wait_until("a page is in", async || self.products().await == 25).await;
        let holder = open(&self.shop.database.url).await;
        holder
            .batch_execute("begin; update odoo.sync_metadata set slice = slice")
            .await
            .expect("a lock");
        holder
    }

    /// The event that makes the run go on in its next slice.
    pub(crate) fn next(&self) -> Value {
        self.bus.last_request()
    }

    /// The function of a caller who waits for so long.
    pub(crate) async fn function_with_budget(&mut self, milliseconds: &str) {
        let environment = &mut self.shop.environment;
        environment.insert("SYNC_API_KEY", KEY.to_owned());
        let budget = [("SYNC_API_BUDGET_MS", milliseconds)];
        self.function = self.shop.function_with(&budget).await;
    }

    pub(crate) async fn products(&self) -> i64 {
        let rows = self.shop.rows("select count(*) from odoo.products").await;
        rows[0]["count"].as_i64().expect("a number")
    }
}

/// `POST /api/sync/products` with the key.
pub(crate) fn caller() -> Value {
    json!({
        "version": "2.0", "rawPath": "/api/sync/products", "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {KEY}")},
        "requestContext": {"http": {"method": "POST", "path": "/api/sync/products"}}
    })
}

pub(crate) fn schedule() -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})
}
