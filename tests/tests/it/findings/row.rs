//! One bad value, one reject.

use odoo_sim::{OdooSim, Version};
use serde_json::{Value, json};
use shared::specs::PRODUCTS;
use uuid::Uuid;

use crate::support::shop::{Shop, VERSIONS, assert_failed};
use crate::support::snapshot::{assert_same, of_mirror, of_odoo};

const PRODUCT: &str = "product.product";

/// Stands in bad values, so that its way can be followed.
const MARK: &str = "Kennwert-4711";

/// Field, the JSON text that Odoo sends for it, and a part of the reason.
const BAD_VALUES: [(&str, &str, &str); 18] = [
    ("name", "4711", "column name: text was expected"),
    (
        "name",
        "[\"Kennwert-4711\"]",
        "column name: text was expected",
    ),
    (
        "name",
        "\"Kennwert-4711\\u0000\"",
        "column name: the text holds a NUL",
    ),
    (
        "name",
        "\"Kennwert-4711\\ud800\"",
        "column name: the text is not valid Unicode",
    ),
    (
        "barcode",
        "{\"a\": 4711}",
        "column barcode: text was expected",
    ),
    ("active", "4711", "column active: a boolean was expected"),
    (
        "sale_ok",
        "\"Kennwert-4711\"",
        "column sale_ok: a boolean was expected",
    ),
    (
        "categ_id",
        "99999999999999994711",
        "column category_id: the id is outside",
    ),
    (
        "categ_id",
        "4711.5",
        "column category_id: an id was expected",
    ),
    ("uom_id", "\"4711\"", "column uom_id: an id was expected"),
    (
        "list_price",
        "\"4711\"",
        "column list_price: a number was expected",
    ),
    (
        "list_price",
        "NaN",
        "column list_price: the number is not finite",
    ),
    (
        "standard_price",
        "-Infinity",
        "column standard_price: the number is not finite",
    ),
    (
        "standard_price",
        "true",
        "column standard_price: a number was expected",
    ),
    // Valid to everybody but Postgres.
    (
        "weight",
        "4711e400000",
        "Postgres refused the row (SQLSTATE 22003)",
    ),
    (
        "volume",
        "-4711e400000",
        "Postgres refused the row (SQLSTATE 22003)",
    ),
    (
        "create_date",
        "\"2024-02-30 00:00:00\"",
        "column odoo_created_at: the text is not a date",
    ),
    (
        "write_date",
        "4711",
        "column odoo_updated_at: a date and time was expected",
    ),
];

/// Spoils one product for each bad value and returns their ids, in order. The newest
/// product stays as it is: its change time decides the window.
fn spoil(sim: &OdooSim) -> Vec<i64> {
    let newest = sim
        .ids(PRODUCT)
        .into_iter()
        .max_by_key(|id| sim.write_date(PRODUCT, *id));
    let ids: Vec<i64> = sim
        .ids(PRODUCT)
        .into_iter()
        .filter(|id| Some(*id) != newest)
        .step_by(5)
        .take(BAD_VALUES.len())
        .collect();
    for (id, (field, json, _)) in ids.iter().zip(BAD_VALUES) {
        sim.patch(PRODUCT, *id, field, json);
    }
    ids
}

#[tokio::test]
async fn a_bad_value_makes_its_own_row_a_reject_and_no_other() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let bad = spoil(&shop.sim);
        assert_eq!(bad.len(), BAD_VALUES.len());
        let mut function = shop.function().await;
        let report = shop.sync(&mut function).await;
        assert_eq!(report["status"], "success");
        assert_eq!(report["recordsSkipped"], bad.len());
        let rows = shop.sim.count(PRODUCT) + shop.sim.count("uom.uom");
        assert_eq!(report["recordsInserted"], rows - bad.len());
        assert_eq!(report["recordsProcessed"], rows);
        assert_errors_name(&report, &bad);
        for (id, bad_value) in bad.iter().zip(BAD_VALUES) {
            assert_is_reject(&shop, *id, bad_value).await;
        }
        assert_all_others_are_mirrored(&shop, &bad).await;
        let log = function.end().await;
        assert!(!log.contains(MARK), "a value is in the log");
        shop.assert_discreet(&mut function, &[report]).await;
    }
}

/// The first ten, each with the reason that its finding has.
fn assert_errors_name(report: &Value, bad: &[i64]) {
    let errors = report["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 10);
    for error in errors {
        assert_eq!(error["stream"], "products");
        let index = bad.iter().position(|id| error["odooId"] == *id);
        let (_, _, reason) = BAD_VALUES[index.expect("one of the bad rows")];
        assert!(error["reason"].as_str().expect("text").contains(reason));
    }
    assert!(!json!(errors).to_string().contains("4711"));
}

async fn assert_is_reject(shop: &Shop, id: i64, (field, json, reason): (&str, &str, &str)) {
    let findings = shop
        .rows(&format!(
            "select *, payload::text as text from odoo.sync_findings where odoo_id = {id}"
        ))
        .await;
    let [finding] = findings.as_slice() else {
        panic!("{field} {json}: {findings:?}");
    };
    assert_eq!(finding["data_type"], "products");
    assert_eq!(finding["stream"], "products");
    assert_eq!(finding["severity"], "reject");
    assert_eq!(finding["attempts"], 1);
    assert!(finding["resolved_at"].is_null());
    let told = finding["reason"].as_str().expect("text");
    assert!(told.contains(reason), "{field} {json}: {told}");
    assert!(!told.contains("4711"), "{told}");
    // The payload is what Odoo sent, for whoever has to mend it there.
    let payload = finding["text"].as_str().expect("a payload");
    let value = json.trim_matches(['"', '-', '[', ']', '{', '}']);
    let value = value.split("\\u0000").next().expect("a part");
    let value = value.split("\"a\": ").last().expect("a part");
    let value = value.replace('\\', "\\\\");
    assert!(payload.contains(&value), "{field} {json}: {payload}");
}

async fn assert_all_others_are_mirrored(shop: &Shop, bad: &[i64]) {
    // What cannot be mirrored cannot be compared either.
    shop.sim.clear_faults();
    let stream = &PRODUCTS.streams[1];
    let mut expected = of_odoo(&shop.odoo, stream).await;
    expected.retain(|id, _| !bad.contains(id));
    let found = of_mirror(&shop.database.client, stream).await;
    assert_same(stream.name, &expected, &found);
}

#[tokio::test]
async fn a_row_that_postgres_refuses_is_found_wherever_it_stands_in_its_page() {
    let shop = Shop::open(Version::V19).await;
    let ids = shop.sim.ids(PRODUCT);
    // First, last and neighbours of pages of 50.
    let bad: Vec<i64> = [0, 49, 50, 51, 99, 118].map(|index| ids[index]).into();
    for id in &bad {
        shop.sim.patch(PRODUCT, *id, "weight", "1e400000");
    }
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsSkipped"], bad.len());
    assert_eq!(rejected(&shop).await, bad);
    assert_all_others_are_mirrored(&shop, &bad).await;
}

/// Valid, but more than Postgres takes: an index holds a few kilobytes a value, and JSON
/// may not be nested without end.
#[tokio::test]
async fn a_value_that_exceeds_a_limit_of_postgres_s_is_a_reject() {
    let shop = Shop::open(Version::V19).await;
    let ids = shop.sim.ids(PRODUCT);
    let random: String = (0..1000).map(|_| Uuid::new_v4().to_string()).collect();
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    shop.sim
        .patch(PRODUCT, ids[10], "barcode", json!(random).to_string());
    shop.sim.patch(PRODUCT, ids[20], "name", &deep);
    shop.sim.patch(PRODUCT, ids[30], "description_sale", deep);
    let extra = r#"{"products": ["description_sale"]}"#;
    let mut function = shop.function_with(&[("SYNC_EXTRA_FIELDS", extra)]).await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsSkipped"], 3);
    let bad = [10, 20, 30].map(|index| ids[index]);
    assert_eq!(rejected(&shop).await, bad);
    assert_all_others_are_mirrored(&shop, &bad).await;
}

/// The ids of the open rejects.
async fn rejected(shop: &Shop) -> Vec<i64> {
    let rows = shop
        .rows("select odoo_id from odoo.sync_findings where resolved_at is null order by odoo_id")
        .await;
    rows.iter()
        .map(|row| row["odoo_id"].as_i64().expect("an id"))
        .collect()
}

#[tokio::test]
async fn a_row_that_breaks_a_constraint_of_the_operator_s_is_a_reject() {
    let shop = Shop::open(Version::V14).await;
    let id = shop.sim.ids(PRODUCT)[60];
    shop.execute(&format!(
        "alter table odoo.products add constraint cheap check (odoo_id <> {id})"
    ))
    .await;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsSkipped"], 1);
    assert_eq!(report["errors"][0]["odooId"], id);
    let reason = report["errors"][0]["reason"].as_str().expect("text");
    assert!(reason.contains("23514"), "{reason}");
}

#[tokio::test]
async fn a_first_page_that_postgres_refuses_whole_is_db_schema_and_leaves_nothing() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.execute("alter table odoo.products add constraint none check (false)")
        .await;
    let answer = function.call(&json!({})).await;
    let message = shop.assert_recorded(&answer, "db_schema").await;
    assert!(message.contains("products"), "{message}");
    assert_failed(&answer, "db_schema");
    assert_eq!(rejected(&shop).await, Vec::<i64>::new());
    let marks = shop.rows("select watermark from odoo.sync_streams").await;
    assert!(marks.iter().all(|row| row["watermark"].is_null()));

    shop.execute("alter table odoo.products drop constraint none")
        .await;
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut function, &[answer]).await;
}
