//! Which success ends a failure: what one mode failed at is not made good by a mode that does less.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use super::bus::{Bus, Mood};
use crate::support::function::Function;
use crate::support::shop::{Shop, assert_failed};

struct Scene {
    bus: Bus,
    shop: Shop,
    products: Function,
}

impl Scene {
    async fn open() -> Self {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(Version::V19).await;
        let products = bus.function(&mut shop).await;
        Self {
            bus,
            shop,
            products,
        }
    }

    async fn told(&mut self, mode: &str) -> (Value, Value) {
        let answer = self.products.call(&json!({"mode": mode})).await;
        let told = self.bus.heard().pop().expect("an event");
        assert_eq!(told["Detail"]["mode"], mode, "{told}");
        (answer, told["Detail"].clone())
    }

    async fn fails(&mut self, mode: &str) {
        let when = When::any().model("product.product").forever();
        self.shop.sim.inject(when, Fault::AccessDenied);
        let (answer, _) = self.told(mode).await;
        assert_failed(&answer, "odoo_auth");
        self.shop.sim.clear_faults();
    }

    /// Whether a success in this mode is told as a recovery.
    async fn recovers(&mut self, mode: &str) -> bool {
        let (answer, told) = self.told(mode).await;
        assert_eq!(answer["success"], true, "{answer}");
        told["recovered"].as_bool().expect("a flag")
    }
}

#[tokio::test]
async fn a_reconcile_that_failed_is_made_good_by_a_reconcile_alone() {
    let mut scene = Scene::open().await;
    assert!(!scene.recovers("full").await);
    scene.fails("reconcile").await;
    assert!(!scene.recovers("incremental").await);
    assert!(!scene.recovers("full").await, "it deletes nothing");
    // Another failure in between has an end of its own.
    scene.fails("incremental").await;
    assert!(scene.recovers("incremental").await);
    assert!(!scene.recovers("incremental").await);
    assert!(scene.recovers("reconcile").await);
    for mode in ["reconcile", "incremental", "full"] {
        assert!(!scene.recovers(mode).await, "{mode}");
    }
}

#[tokio::test]
async fn what_failed_is_made_good_by_a_mode_that_does_more() {
    let mut scene = Scene::open().await;
    assert!(!scene.recovers("full").await);
    for (failed, then) in [
        ("incremental", "full"),
        ("incremental", "reconcile"),
        ("full", "reconcile"),
    ] {
        scene.fails(failed).await;
        assert!(scene.recovers(then).await, "{failed}, then {then}");
        assert!(!scene.recovers(failed).await, "{failed} once more");
    }
}
