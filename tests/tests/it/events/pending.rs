//! A full or reconcile that nobody waits for, and that finds another run on: it is
//! remembered and runs next.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use super::bus::requested;
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};

fn schedule(mode: &str) -> Value {
    json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {"mode": mode}})
}

fn event(mode: &str) -> Value {
    requested(&json!({"mode": mode}))
}

/// A run that is on and held, and a second function that finds it so.
struct Held {
    shop: Shop,
    first: Function,
    second: Function,
    hold: Hold,
}

impl Held {
    async fn in_a_shop() -> Self {
        let shop = Shop::open(Version::V19).await;
        let mut first = shop.function().await;
        let second = shop.function().await;
        shop.sync(&mut first).await;
        shop.change_something();
        let hold = Hold::the_next(&shop.sim, When::method("read"));
        first.send(&json!({}));
        hold.reached().await;
        Self {
            shop,
            first,
            second,
            hold,
        }
    }

    /// Lets the held run end; its answer, and what is left.
    async fn release(mut self) -> (Value, Shop, Function) {
        self.hold.release();
        let answer = self.first.answered().await;
        (answer, self.shop, self.second)
    }

    /// As [`Held::release`], where all is at rest then: the answer, and the modes of all runs
    /// after the first.
    async fn end(self) -> (Value, Vec<Value>) {
        let (answer, shop, _second) = self.release().await;
        let runs = shop.runs().await;
        assert!(runs.iter().all(|run| run["status"] != "in_progress"));
        assert!(shop.metadata().await["lease_token"].is_null());
        shop.assert_mirrored().await;
        let modes = runs.iter().skip(1).map(|run| run["mode"].clone());
        (answer, modes.collect())
    }
}

#[tokio::test]
async fn what_a_schedule_or_an_event_asks_for_meanwhile_runs_next() {
    for asked in [schedule("full"), event("full")] {
        let mut held = Held::in_a_shop().await;
        let answer = held.second.call(&asked).await;
        assert_failed(&answer, "busy");
        assert_eq!(held.shop.metadata().await["pending_mode"], "full");
        let (answer, modes) = held.end().await;
        assert_eq!(answer["data"]["mode"], "incremental", "{answer}");
        assert_eq!(answer["data"]["status"], "success");
        assert_eq!(modes, ["incremental", "full"]);
    }
}

#[tokio::test]
async fn a_full_and_a_reconcile_that_were_asked_for_run_once_each() {
    let mut held = Held::in_a_shop().await;
    for mode in ["full", "reconcile", "full", "incremental"] {
        held.second.call(&event(mode)).await;
    }
    let metadata = held.shop.metadata().await;
    assert_eq!(metadata["pending_mode"], "full");
    assert_eq!(metadata["pending_reconcile"], true);
    let (_, shop, mut second) = held.release().await;
    // What waits behind that comes with the next request, whatever that is.
    shop.sync(&mut second).await;
    let modes: Vec<Value> = shop
        .runs()
        .await
        .iter()
        .map(|run| run["mode"].clone())
        .collect();
    assert_eq!(modes[1..], ["incremental", "full", "reconcile"]);
    let metadata = shop.metadata().await;
    assert!(metadata["pending_mode"].is_null());
    assert_eq!(metadata["pending_reconcile"], false);
}

#[tokio::test]
async fn an_incremental_or_what_somebody_waits_for_is_not_remembered() {
    let mut held = Held::in_a_shop().await;
    for event in [
        event("incremental"),
        schedule("incremental"),
        json!({"mode": "full"}),
    ] {
        let answer = held.second.call(&event).await;
        assert_failed(&answer, "busy");
        assert!(held.shop.metadata().await["pending_mode"].is_null());
    }
    let (_, modes) = held.end().await;
    assert_eq!(modes, ["incremental"]);
}

#[tokio::test]
async fn what_waits_behind_a_run_that_fails_is_not_lost() {
    let mut held = Held::in_a_shop().await;
    held.second.call(&schedule("full")).await;
    let when = When::method("search_count").forever();
    held.shop.sim.inject(when, Fault::LoginPage);
    let (answer, shop, mut second) = held.release().await;
    assert_failed(&answer, "odoo_unreachable");
    assert_eq!(shop.metadata().await["pending_mode"], "full");

    shop.sim.clear_faults();
    let report = shop.sync(&mut second).await;
    assert_eq!(report["mode"], "full");
    assert!(shop.metadata().await["pending_mode"].is_null());
    shop.assert_mirrored().await;
}
