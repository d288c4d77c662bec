//! The same on real servers: a transaction that Odoo holds open, deletions, a row that comes
//! back. The transaction is one of Odoo's Postgres, which is what Odoo's own are; its change
//! time is set to what it would be had it begun so long ago, so that nobody has to wait.

use serde_json::{Value, json};
use shared::specs::PRODUCTS;
use tokio_postgres::Client;

use crate::support::function::{Environment, Function};
use crate::support::odoo::Odoo;
use crate::support::postgres::{TestDatabase, open, variable};
use crate::support::snapshot::assert_mirror_equals;

const PRODUCT: &str = "product.product";

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn a_mirror_of_odoo_14_comes_out_right() {
    comes_out_right(14).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_mirror_of_odoo_19_comes_out_right() {
    comes_out_right(19).await;
}

/// A real Odoo, its Postgres, and a mirror.
struct Mirrored {
    odoo: Odoo,
    behind: Client,
    database: TestDatabase,
    environment: Environment,
}

impl Mirrored {
    async fn of(version: u8) -> Self {
        let odoo = Odoo::real(version, false).await;
        let database = TestDatabase::create().await;
        let environment = odoo.environment(&database.url);
        Self {
            behind: open(&variable(&format!("TEST_ODOO_{version}_POSTGRES_URL"))).await,
            odoo,
            database,
            environment,
        }
    }

    async fn sync(&self, request: Value) -> Value {
        let mut function = Function::start("sync-products", &self.environment).await;
        let answer = function.call(&request).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    async fn reconcile(&self) -> Value {
        self.sync(json!({"mode": "reconcile"})).await
    }

    /// Begins a transaction that began a minute ago and changes a product.
    async fn begin_a_minute_ago(&self, id: i64) {
        let sql = format!(
            "begin;
             update product_product
             set weight = coalesce(weight, 0) + 1,
                 write_date = (now() at time zone 'utc') - interval '60 s'
             where id = {id}"
        );
        self.behind.batch_execute(&sql).await.expect("an update");
    }

    async fn commit(&self) {
        self.behind.batch_execute("commit").await.expect("a commit");
    }

    /// Another change, by Odoo itself and of now.
    async fn change(&self, id: i64) {
        let weight = self.odoo.get(PRODUCT, id, "weight").await;
        let weight = weight.as_f64().expect("a number") + 1.0;
        self.odoo
            .write(PRODUCT, id, json!({"weight": weight}))
            .await;
    }

    async fn is_equal(&self, id: i64) -> bool {
        let there = self.odoo.get(PRODUCT, id, "weight").await;
        let sql = "select weight::float8 from odoo.products where odoo_id = $1";
        let row = self.database.client.query_one(sql, &[&id]).await;
        there.as_f64() == row.expect("the row").get(0)
    }

    async fn assert_equal(&self) {
        assert_mirror_equals(&self.odoo, &self.database.client, &PRODUCTS).await;
    }
}

async fn comes_out_right(version: u8) {
    let mut mirrored = Mirrored::of(version).await;
    let ids = mirrored.odoo.search(PRODUCT, json!([])).await;
    mirrored.sync(json!({})).await;

    // Open for a minute, which is less than the overlap: the next incremental run finds it.
    mirrored.begin_a_minute_ago(ids[0]).await;
    mirrored.change(ids[1]).await;
    mirrored.sync(json!({})).await;
    mirrored.commit().await;
    assert!(!mirrored.is_equal(ids[0]).await, "it was open");
    mirrored.sync(json!({})).await;
    mirrored.assert_equal().await;

    // Open for longer than the overlap: a reconcile finds it.
    mirrored
        .environment
        .insert("SYNC_OVERLAP_SECONDS", "5".to_owned());
    mirrored.begin_a_minute_ago(ids[2]).await;
    mirrored.change(ids[3]).await;
    mirrored.sync(json!({})).await;
    mirrored.commit().await;
    mirrored.sync(json!({})).await;
    assert!(!mirrored.is_equal(ids[2]).await, "no window reaches back");
    mirrored.reconcile().await;
    mirrored.assert_equal().await;

    // Deleted, and back again after it was taken for deleted.
    let made = mirrored
        .odoo
        .create(PRODUCT, json!({"name": "Short-lived"}))
        .await;
    mirrored.sync(json!({})).await;
    mirrored.odoo.call(PRODUCT, "unlink", json!([[made]])).await;
    let sql = format!(
        "update odoo.products set deleted_at = now() where odoo_id = {}",
        ids[4]
    );
    mirrored
        .database
        .client
        .batch_execute(&sql)
        .await
        .expect("an update");
    let report = mirrored.reconcile().await;
    assert_eq!(report["recordsDeleted"], 1, "{report}");
    mirrored.assert_equal().await;
    assert_eq!(mirrored.reconcile().await["recordsDeleted"], 0);
}
