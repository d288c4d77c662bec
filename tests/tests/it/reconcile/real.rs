//! The same on real servers: transactions that Odoo holds open for a minute, deletions, rows that
//! a record rule hides and shows again.

mod transaction;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use crate::support::function::{Environment, Function};
use crate::support::odoo::Odoo;
use crate::support::postgres::{TestDatabase, open, variable};
use crate::support::shop::assert_failed;
use crate::support::snapshot::{assert_mirror_equals, of_mirror, of_odoo};
use transaction::OpenTransaction;

const PRODUCT: &str = "product.product";
const RULE: &str = "ir.rule";

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn a_transaction_of_a_minute_in_odoo_14_comes_out_right() {
    a_transaction_of_a_minute_comes_out_right(14).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_transaction_of_a_minute_in_odoo_19_comes_out_right() {
    a_transaction_of_a_minute_comes_out_right(19).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn what_odoo_14_deletes_goes() {
    what_odoo_deletes_goes(14).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn what_odoo_19_deletes_goes() {
    what_odoo_deletes_goes(19).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn what_a_rule_of_odoo_14_hides_goes_and_comes_back() {
    what_a_rule_hides_goes_and_comes_back(14).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn what_a_rule_of_odoo_19_hides_goes_and_comes_back() {
    what_a_rule_hides_goes_and_comes_back(19).await;
}

/// A mirror of a real Odoo.
struct Mirror {
    odoo: Odoo,
    database: TestDatabase,
    environment: Environment,
}

impl Mirror {
    /// Filled for the first time.
    async fn filled(version: u8, variables: &[(&'static str, &str)]) -> Self {
        let odoo = Odoo::real(version, false).await;
        let database = TestDatabase::create().await;
        let mut environment = odoo.environment(&database.url);
        for (name, value) in variables {
            environment.insert(name, (*value).to_owned());
        }
        let mirror = Self {
            odoo,
            database,
            environment,
        };
        mirror.sync().await;
        mirror.assert_equal().await;
        mirror
    }

    async fn ask(&self, request: &Value) -> Value {
        let mut function = Function::start("sync-products", &self.environment).await;
        function.call(request).await
    }

    async fn run(&self, request: &Value) -> Value {
        let answer = self.ask(request).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    async fn sync(&self) -> Value {
        self.run(&json!({})).await
    }

    async fn reconcile(&self) -> Value {
        self.run(&json!({"mode": "reconcile"})).await
    }

    async fn assert_equal(&self) {
        assert_mirror_equals(&self.odoo, &self.database.client, &PRODUCTS).await;
    }

    /// Ids of the products in which mirror and Odoo differ, or that only one of them has.
    async fn differing(&self) -> BTreeSet<i64> {
        let mut streams = PRODUCTS.streams.iter();
        let stream = streams.find(|it| it.name == "products").expect("a stream");
        let there = of_odoo(&self.odoo, stream).await;
        let here = of_mirror(&self.database.client, stream).await;
        let ids = there.keys().chain(here.keys()).copied();
        ids.filter(|id| there.get(id) != here.get(id)).collect()
    }

    /// Ids of the products that are marked as deleted.
    async fn marked(&self) -> BTreeSet<i64> {
        let sql = "select odoo_id from odoo.products where deleted_at is not null";
        let rows = self.database.client.query(sql, &[]).await.expect("rows");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// One transaction for two mirrors: for one it is shorter than the overlap, for the other longer.
async fn a_transaction_of_a_minute_comes_out_right(version: u8) {
    let within = Mirror::filled(version, &[]).await;
    let beyond = Mirror::filled(version, &[("SYNC_OVERLAP_SECONDS", "5")]).await;
    let odoo = &within.odoo;
    let ids = odoo.search(PRODUCT, json!([])).await;
    let (own, of_template, other) = (ids[0], ids[1], ids[2]);
    let template = odoo.id(PRODUCT, of_template, "product_tmpl_id").await;
    let python = format!(
        "own = env['product.product'].browse({own})\n\
         own.write({{'weight': own.weight + 1}})\n\
         env['product.template'].browse({template}).write({{'list_price': 1234.5}})\n\
         env['product.product'].create({{'name': 'Made in a long transaction'}})"
    );
    let transaction = OpenTransaction::begin(version, &python).await;
    transaction.has_been_open_for(60.0).await;
    // The windows move on to what is committed meanwhile.
    odoo.write(PRODUCT, other, json!({"weight": 77.0})).await;
    for mirror in [&within, &beyond] {
        mirror.sync().await;
        mirror.assert_equal().await;
    }
    transaction.commit().await;
    assert!(age_of(version, own).await >= 60.0, "it has an old time");
    let made = odoo
        .search(
            PRODUCT,
            json!([["name", "=", "Made in a long transaction"]]),
        )
        .await[0];
    // A template that has other variants changes them as well.
    let late = within.differing().await;
    assert!(
        late.is_superset(&[own, of_template, made].into()),
        "{late:?}"
    );
    assert!(!late.contains(&other));

    within.sync().await;
    within.assert_equal().await;

    beyond.sync().await;
    assert_eq!(beyond.differing().await, late, "no window reaches back");
    beyond.reconcile().await;
    beyond.assert_equal().await;
}

/// How many seconds ago a product was changed, as Odoo dates it.
async fn age_of(version: u8, id: i64) -> f64 {
    let behind = open(&variable(&format!("TEST_ODOO_{version}_POSTGRES_URL"))).await;
    let sql = "select extract(epoch from (now() at time zone 'utc') - write_date)::float8
               from product_product where id = $1";
    let id = i32::try_from(id).expect("Odoo's ids are integers");
    let row = behind.query_one(sql, &[&id]).await;
    row.expect("the product").get(0)
}

async fn what_odoo_deletes_goes(version: u8) {
    let mut mirror = Mirror::filled(version, &[]).await;
    let mut made = Vec::new();
    for number in 0..3 {
        let values = json!({"name": format!("Short-lived {number}")});
        made.push(mirror.odoo.create(PRODUCT, values).await);
    }
    mirror.sync().await;
    mirror.assert_equal().await;

    mirror
        .odoo
        .call(PRODUCT, "unlink", json!([[made[0]]]))
        .await;
    assert_eq!(mirror.reconcile().await["recordsDeleted"], 1);
    assert_eq!(mirror.marked().await, [made[0]].into());
    mirror.assert_equal().await;
    assert_eq!(mirror.reconcile().await["recordsDeleted"], 0);

    // Two incremental runs whose counts differ, and the second one looks for itself.
    mirror
        .odoo
        .call(PRODUCT, "unlink", json!([[made[1]]]))
        .await;
    assert_eq!(mirror.sync().await["recordsDeleted"], 0);
    assert_eq!(mirror.sync().await["recordsDeleted"], 1);
    assert_eq!(mirror.marked().await, [made[0], made[1]].into());
    mirror.assert_equal().await;

    mirror
        .environment
        .insert("SYNC_DELETE_MODE", "hard".to_owned());
    mirror
        .odoo
        .call(PRODUCT, "unlink", json!([[made[2]]]))
        .await;
    assert_eq!(mirror.reconcile().await["recordsDeleted"], 1);
    let sql = "select odoo_id from odoo.products where odoo_id = $1";
    let gone = mirror.database.client.query(sql, &[&made[2]]).await;
    assert!(gone.expect("rows").is_empty());
    mirror.assert_equal().await;
}

/// A rule that shows everybody only the products of this domain.
async fn make_rule(odoo: &Odoo, domain: &str) -> i64 {
    let model = odoo
        .search("ir.model", json!([["model", "=", PRODUCT]]))
        .await;
    let values = json!({"name": "Hides products", "model_id": model[0], "domain_force": domain});
    odoo.create(RULE, values).await
}

async fn what_a_rule_hides_goes_and_comes_back(version: u8) {
    let mirror = Mirror::filled(version, &[]).await;
    let odoo = &mirror.odoo;
    let ids = odoo.search(PRODUCT, json!([])).await;
    let hidden: BTreeSet<i64> = ids[..3].iter().copied().collect();

    let rule = make_rule(odoo, &format!("[('id', 'not in', {:?})]", &ids[..3])).await;
    assert_eq!(mirror.reconcile().await["recordsDeleted"], 3);
    assert_eq!(mirror.marked().await, hidden);
    mirror.assert_equal().await;
    odoo.call(RULE, "unlink", json!([[rule]])).await;
    let report = mirror.reconcile().await;
    assert_eq!(report["recordsUpdated"], 3, "{report}");
    assert_eq!(mirror.marked().await, [].into());
    mirror.assert_equal().await;

    // A lost right: nothing goes.
    let rule = make_rule(odoo, "[('id', '<', 0)]").await;
    let answer = mirror.ask(&json!({"mode": "reconcile"})).await;
    let message = assert_failed(&answer, "delete_guard");
    assert!(message.contains(&ids.len().to_string()), "{message}");
    assert_eq!(mirror.marked().await, [].into());
    odoo.call(RULE, "unlink", json!([[rule]])).await;
    let report = mirror.reconcile().await;
    assert_eq!(report["recordsDeleted"], 0, "{report}");
    mirror.assert_equal().await;

    // Archived is not gone.
    odoo.write(PRODUCT, ids[3], json!({"active": false})).await;
    mirror.sync().await;
    assert_eq!(mirror.marked().await, [].into());
    mirror.assert_equal().await;
    odoo.write(PRODUCT, ids[3], json!({"active": true})).await;
}
