//! A reconcile that is longer than an invocation goes on from its last id, and what it has put
//! down to be deleted stays until all is compared.

use std::time::Duration;

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use crate::events::bus::{Bus, Mood};
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::{Shop, assert_failed};
use crate::support::wait_until;

const PRODUCT: &str = "product.product";
/// What Lambda gives an invocation here that runs out of time: enough for the portions that are
/// let through, also on a machine that is busy.
const SHORT: Duration = Duration::from_secs(6);

/// A mirrored shop whose next reconcile goes by portions of twenty rows, one at a time.
struct Chain {
    shop: Shop,
    bus: Bus,
    function: Function,
}

impl Chain {
    async fn at_rest() -> Self {
        let bus = Bus::start(Mood::Takes).await;
        let mut shop = Shop::open(Version::V19).await;
        for (name, value) in [
            ("SYNC_BATCH_SIZE", "1"),
            ("SYNC_FETCH_CONCURRENCY", "1"),
            ("SYNC_OVERLAP_SECONDS", "0"),
        ] {
            shop.environment.insert(name, value.to_owned());
        }
        let mut first = shop.function_with(&[("SYNC_BATCH_SIZE", "500")]).await;
        shop.sync(&mut first).await;
        let function = bus.function(&mut shop).await;
        Self {
            shop,
            bus,
            function,
        }
    }

    /// An invocation that runs out of time.
    async fn invoke(&mut self, event: &Value) -> Value {
        self.function.send_with_deadline(event, SHORT);
        self.function.answered().await
    }

    /// So many lists of products are answered, and no more.
    fn let_lists_through(&self, lists: usize) {
        self.shop.sim.clear_faults();
        let next = When::method("search_read").model(PRODUCT).nth(lists + 1);
        self.shop.sim.inject(next.forever(), Fault::Hang);
    }

    fn next(&self) -> Value {
        self.bus.last_request()
    }

    async fn staged(&self) -> usize {
        let rows = self.shop.rows("select * from odoo.sync_deletions").await;
        rows.len()
    }

    async fn cursor(&self) -> i64 {
        let query = "select last_id from odoo.sync_streams where stream = 'products'";
        let rows = self.shop.rows(query).await;
        rows[0]["last_id"].as_i64().expect("an id")
    }
}

#[tokio::test]
async fn it_goes_on_from_its_last_id_and_what_is_put_down_stays() {
    let mut chain = Chain::at_rest().await;
    let ids = chain.shop.sim.ids(PRODUCT);
    chain.shop.sim.hide(PRODUCT, &[ids[3], ids[90]]);
    chain
        .shop
        .execute(&format!(
            "delete from odoo.products where odoo_id in ({}, {})",
            ids[5], ids[95]
        ))
        .await;
    // The newest change is asked for by a list of one as well.
    chain.let_lists_through(3);
    let answer = chain.invoke(&json!({"mode": "reconcile"})).await;
    assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
    assert_eq!(answer["data"]["recordsInserted"], 1);
    assert_eq!(answer["data"]["recordsDeleted"], 0, "not all is compared");
    assert_eq!(chain.staged().await, 1);
    let cursor = chain.cursor().await;
    assert!(cursor >= ids[20], "{cursor}");

    chain.shop.sim.clear_faults();
    chain.shop.sim.reset_requests();
    let answer = chain.function.call(&chain.next()).await;
    let data = &answer["data"];
    assert_eq!(data["status"], "success", "{answer}");
    assert_eq!(data["slices"], 2);
    assert_eq!(data["recordsInserted"], 2, "those of both slices, once");
    assert_eq!(data["recordsDeleted"], 2);
    assert_eq!(chain.staged().await, 0);
    let query = "select * from odoo.sync_streams where stream = 'products'";
    let stream = chain.shop.rows(query).await.remove(0);
    assert_eq!(stream["source_count"], ids.len() - 2);
    assert_eq!(stream["mirror_count"], stream["source_count"]);
    assert!(!stream["verified_at"].is_null());
    chain.shop.assert_mirrored().await;
}

#[tokio::test]
async fn the_guard_judges_what_all_slices_have_put_down() {
    for (count, is_stopped) in [(24, false), (40, true)] {
        let mut chain = Chain::at_rest().await;
        let ids = chain.shop.sim.ids(PRODUCT);
        // All of the first portion: of the whole it may be little.
        chain.shop.sim.hide(PRODUCT, &ids[..count]);
        chain.let_lists_through(3);
        let answer = chain.invoke(&json!({"mode": "reconcile"})).await;
        assert_eq!(answer["data"]["status"], "in_progress", "{answer}");
        assert!(chain.staged().await >= 20);
        chain.shop.sim.clear_faults();
        let answer = chain.function.call(&chain.next()).await;
        if is_stopped {
            let message = assert_failed(&answer, "delete_guard");
            let counts = format!("{count} of {} rows", ids.len());
            assert!(message.contains(&counts), "{message}");
        } else {
            assert_eq!(answer["data"]["recordsDeleted"], count, "{answer}");
            chain.shop.assert_mirrored().await;
        }
        assert_eq!(chain.staged().await, 0);
    }
}

/// It has the lease of its data type as any other run, and is taken up where it stands.
#[tokio::test]
async fn one_that_is_on_keeps_others_out_and_one_whose_function_died_is_gone_on_with() {
    let mut chain = Chain::at_rest().await;
    let ids = chain.shop.sim.ids(PRODUCT);
    chain.shop.sim.hide(PRODUCT, &[ids[3], ids[90]]);
    chain.let_lists_through(3);
    chain.function.send(&json!({"mode": "reconcile"}));
    wait_until("something is put down", async || chain.staged().await == 1).await;

    let mut second = chain.shop.function().await;
    let answer = second.call(&json!({})).await;
    assert_failed(&answer, "busy");
    let metadata = chain.shop.metadata().await;
    assert_eq!(answer["data"]["runId"], metadata["run_id"]);

    chain.function.kill().await;
    chain.shop.sim.clear_faults();
    chain
        .shop
        .execute("update odoo.sync_metadata set lease_expires_at = now() - interval '1 s'")
        .await;
    let report = chain.shop.sync(&mut second).await;
    assert_eq!(report["runId"], metadata["run_id"]);
    assert_eq!(report["mode"], "reconcile");
    assert_eq!(report["recordsDeleted"], 2);
    assert_eq!(chain.staged().await, 0);
    chain.shop.assert_mirrored().await;
}

/// The slice came to its end between the deletion and the look at what two rows share.
#[tokio::test]
async fn a_product_whose_twin_went_in_the_slice_before_is_no_longer_warned_of() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let ids = shop.sim.ids(PRODUCT);
    let (one, other) = (ids[30], ids[40]);
    let twin = json!({"barcode": "4006381333931", "active": true});
    for id in [one, other] {
        shop.sim.force(PRODUCT, id, twin.clone());
    }
    shop.sync(&mut function).await;
    let open = format!(
        "select rule from odoo.sync_findings
         where odoo_id = {one} and rule = 'unique:barcode' and resolved_at is null"
    );
    assert_eq!(shop.rows(&open).await.len(), 1);

    shop.sim.hide(PRODUCT, &[other]);
    // What was put down is searched for once more before it goes.
    let hold = Hold::the_next(&shop.sim, When::method("search").model(PRODUCT));
    function.send(&json!({"mode": "reconcile"}));
    hold.reached().await;
    function.kill().await;
    hold.release();
    shop.execute(&format!(
        "update odoo.products set deleted_at = now() where odoo_id = {other};
         delete from odoo.sync_deletions where odoo_id = {other};
         update odoo.sync_metadata set lease_expires_at = now() - interval '1 s'"
    ))
    .await;
    let report = shop.sync(&mut shop.function().await).await;
    assert_eq!(report["mode"], "reconcile");
    assert_eq!(shop.rows(&open).await.len(), 0);
}
