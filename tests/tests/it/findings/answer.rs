//! Answers that are not quite what was asked for: rows that are hidden, doubled,
//! incomplete or nobody's.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};
use shared::specs::CATEGORIES;

use crate::support::function::Function;
use crate::support::shop::{Shop, VERSIONS};
use crate::support::snapshot::{assert_mirror_equals, assert_same, of_mirror, of_odoo};

const PRODUCT: &str = "product.product";
const CATEGORY: &str = "product.category";

#[tokio::test]
async fn a_row_that_a_rule_hides_after_it_was_listed_takes_no_other_with_it() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        // In the second page, which is asked for after the first has been answered.
        let hidden = shop.sim.ids(PRODUCT)[60];
        let when = When::method("read").model(PRODUCT);
        shop.sim
            .on_request(when, move |sim| sim.hide(PRODUCT, &[hidden]));
        let mut function = shop.function_with(&[("SYNC_FETCH_CONCURRENCY", "1")]).await;
        let report = shop.sync(&mut function).await;
        assert_eq!(report["recordsSkipped"], 0, "what is hidden is not bad");
        let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
        assert_eq!(report["recordsInserted"], rows - 1);
        // The test's own reads do not see it either.
        shop.assert_mirrored().await;

        shop.sim.show_all(PRODUCT);
        let answer = function.call(&json!({"mode": "full"})).await;
        assert_eq!(answer["data"]["recordsInserted"], 1, "{answer}");
        shop.assert_mirrored().await;
        shop.assert_discreet(&mut function, &[answer]).await;
    }
}

#[tokio::test]
async fn a_page_that_is_hidden_whole_is_passed_over() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let page: Vec<i64> = shop.sim.ids(PRODUCT)[50..100].into();
        let when = When::method("read").model(PRODUCT);
        shop.sim
            .on_request(when, move |sim| sim.hide(PRODUCT, &page));
        let mut function = shop.function_with(&[("SYNC_FETCH_CONCURRENCY", "1")]).await;
        shop.sync(&mut function).await;
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_hidden_template_leaves_its_variants_in() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let template = shop.sim.ids("product.template")[10];
        let when = When::method("read").model("product.template");
        shop.sim
            .on_request(when, move |sim| sim.hide("product.template", &[template]));
        let mut function = shop.function().await;
        let report = shop.sync(&mut function).await;
        let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
        assert_eq!(report["recordsInserted"], rows);
        assert_eq!(report["recordsSkipped"], 0);
    }
}

/// `sync-categories` with an answer to its read that the test has made.
struct Categories {
    shop: Shop,
    function: Function,
    /// What Odoo would answer.
    records: Vec<Value>,
}

impl Categories {
    async fn of(version: Version) -> Self {
        let shop = Shop::open(version).await;
        let function = Function::start("sync-categories", &shop.environment).await;
        let fields = [
            "name",
            "complete_name",
            "parent_id",
            "create_date",
            "write_date",
        ];
        let records = shop
            .odoo
            .all(CATEGORY, &fields.map(str::to_owned))
            .await
            .iter()
            .map(|record| json!(record))
            .collect();
        Self {
            shop,
            function,
            records,
        }
    }

    async fn sync_with(&mut self, records: &[Value]) -> Value {
        let body = match self.shop.sim.version() {
            Version::V14 => json!({"jsonrpc": "2.0", "id": 1, "result": records}),
            _ => json!(records),
        };
        let when = When::method("read").model(CATEGORY);
        self.shop.sim.inject(when, Fault::Body(body.to_string()));
        self.shop.sync(&mut self.function).await
    }
}

#[tokio::test]
async fn a_record_that_comes_twice_is_written_once() {
    for version in VERSIONS {
        let mut categories = Categories::of(version).await;
        let mut records = categories.records.clone();
        let mut twin = records[2].clone();
        twin["name"] = json!("Twin");
        records.extend([twin.clone(), twin]);
        let report = categories.sync_with(&records).await;
        assert_eq!(report["recordsInserted"], categories.records.len());
        assert_eq!(report["recordsProcessed"], categories.records.len());
        let Categories { shop, .. } = categories;
        assert_mirror_equals(&shop.odoo, &shop.database.client, &CATEGORIES).await;
    }
}

#[tokio::test]
async fn a_record_that_nobody_asked_for_is_left_out() {
    for version in VERSIONS {
        let mut categories = Categories::of(version).await;
        let mut records = categories.records.clone();
        let mut stranger = records[0].clone();
        stranger["id"] = json!(987_654);
        records.insert(0, stranger);
        let report = categories.sync_with(&records).await;
        assert_eq!(report["recordsInserted"], categories.records.len());
        let Categories { shop, .. } = categories;
        assert_mirror_equals(&shop.odoo, &shop.database.client, &CATEGORIES).await;
    }
}

#[tokio::test]
async fn records_in_any_order_and_with_more_fields_than_asked_for_are_taken() {
    let mut categories = Categories::of(Version::V14).await;
    let mut records = categories.records.clone();
    records.reverse();
    for record in &mut records {
        record["unasked"] = json!({"deep": [1, 2, {"name": "not this"}]});
    }
    let report = categories.sync_with(&records).await;
    assert_eq!(report["recordsInserted"], records.len());
    let Categories { shop, .. } = categories;
    assert_mirror_equals(&shop.odoo, &shop.database.client, &CATEGORIES).await;
}

#[tokio::test]
async fn a_record_without_a_field_that_was_asked_for_is_a_reject() {
    for version in VERSIONS {
        let mut categories = Categories::of(version).await;
        let mut records = categories.records.clone();
        let record = records[3].as_object_mut().expect("a record");
        record.remove("complete_name").expect("a field");
        let id = record["id"].as_i64().expect("an id");
        let report = categories.sync_with(&records).await;
        assert_eq!(report["recordsSkipped"], 1);
        assert_eq!(report["errors"][0]["odooId"], id);
        let reason = report["errors"][0]["reason"].as_str().expect("text");
        assert!(reason.contains("complete_name is missing"), "{reason}");
        let Categories { shop, .. } = categories;
        let mut expected = of_odoo(&shop.odoo, &CATEGORIES.streams[0]).await;
        expected.remove(&id);
        let found = of_mirror(&shop.database.client, &CATEGORIES.streams[0]).await;
        assert_same("categories", &expected, &found);
    }
}
