//! What is told after Lambda gave an event up: no run has that on record, but people have heard of it.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use super::bus::{Bus, Mood};
use crate::fan_out::yard;
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};

struct Scene {
    bus: Bus,
    shop: Shop,
    products: Function,
    all: Function,
}

impl Scene {
    /// A shop that has been synced once, and both functions.
    async fn open() -> Self {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(Version::V19).await;
        let products = bus.function(&mut shop).await;
        let all = Function::start("sync-all", &shop.environment).await;
        let mut scene = Self {
            bus,
            shop,
            products,
            all,
        };
        assert!(!scene.recovers().await);
        scene
    }

    /// Syncs. Whether that is told as a recovery.
    async fn recovers(&mut self) -> bool {
        self.shop.sync(&mut self.products).await;
        let told = self.bus.heard().pop().expect("an event");
        assert_eq!(told["DetailType"], "Sync Completed", "{told}");
        let summary = told["Detail"]["summary"].as_str().expect("a text");
        let recovered = told["Detail"]["recovered"].as_bool().expect("a flag");
        assert_eq!(summary.contains("recovered"), recovered, "{summary}");
        recovered
    }

    /// Lets the function die in the middle of a run, whose lease is over then.
    async fn die(&self) {
        self.shop.change_something();
        let hold = Hold::the_next(&self.shop.sim, When::method("read"));
        let mut dying = self.shop.function().await;
        dying.send(&json!({}));
        hold.reached().await;
        dying.kill().await;
        hold.release();
        self.shop
            .execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'")
            .await;
    }

    async fn hear(&mut self, event: &Value) {
        let answer = self.all.call(event).await;
        assert_eq!(answer["success"], true, "{answer}");
    }
}

/// What Lambda says at this moment of an event that it gave up.
fn given_up() -> Value {
    let mut event = yard::crashed("products", &json!({}));
    event["detail"]["timestamp"] = json!(jiff::Timestamp::now().to_string());
    event
}

#[tokio::test]
async fn a_run_that_died_for_good_is_followed_by_one_recovery() {
    let mut scene = Scene::open().await;
    scene.die().await;
    let crash = given_up();
    scene.hear(&crash).await;
    assert!(scene.recovers().await);
    let runs = scene.shop.runs().await;
    assert_eq!(runs.len(), 2, "it was the run that had died");
    assert_eq!(runs[1]["slices"], 2);
    assert!(!scene.recovers().await);
    // The bus delivers at least once.
    scene.hear(&crash).await;
    assert!(!scene.recovers().await);
    // Whoever is told of a crash after all was well again hears the end of that one, too.
    scene.hear(&given_up()).await;
    assert!(scene.recovers().await);
    assert!(!scene.recovers().await);
}

#[tokio::test]
async fn a_run_that_died_and_was_taken_up_before_anybody_was_told_is_no_recovery() {
    let mut scene = Scene::open().await;
    scene.die().await;
    assert!(!scene.recovers().await);
}

#[tokio::test]
async fn a_crash_and_failures_after_it_have_one_recovery_between_them() {
    let mut scene = Scene::open().await;
    scene.hear(&given_up()).await;
    let when = When::method("search_read").forever();
    scene.shop.sim.inject(when, Fault::AccessDenied);
    for again in [false, true] {
        assert_failed(&scene.products.call(&json!({})).await, "odoo_auth");
        let told = scene.bus.heard().pop().expect("an event");
        assert_eq!(told["Detail"]["again"], again, "{told}");
    }
    scene.shop.sim.clear_faults();
    assert!(scene.recovers().await);
    assert!(!scene.recovers().await);
}

#[tokio::test]
async fn a_data_type_that_never_ran_recovers_by_its_first_success() {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V19).await;
    let mut products = bus.function(&mut shop).await;
    let mut all = Function::start("sync-all", &shop.environment).await;
    all.call(&given_up()).await;
    assert_eq!(shop.metadata().await["sync_status"], "pending");
    shop.sync(&mut products).await;
    let told = bus.heard().pop().expect("an event");
    assert_eq!(told["Detail"]["recovered"], true, "{told}");
}
