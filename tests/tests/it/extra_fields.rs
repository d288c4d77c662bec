//! Custom fields: what `SYNC_EXTRA_FIELDS` names is kept in `extra`, each by its type.

use odoo_sim::Version;
use serde_json::{Map, Value, json};
use shared::specs::PRODUCTS;

use crate::support::function::Function;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::shop::{VERSIONS, assert_failed};
use crate::support::snapshot::assert_mirror_equals;

const PRODUCT: &str = "product.product";

/// Syncs products with these extra fields and returns the answer.
async fn sync(odoo: &Odoo, database: &TestDatabase, fields: &[&str]) -> Value {
    let mut environment = odoo.environment(&database.url);
    let extra = json!({"products": fields}).to_string();
    environment.insert("SYNC_EXTRA_FIELDS", extra);
    let mut function = Function::start(&PRODUCTS.function_name(), &environment).await;
    function.call(&json!({})).await
}

async fn extra(database: &TestDatabase, id: i64) -> Value {
    let sql = "select extra from odoo.products where odoo_id = $1";
    let row = database.client.query_one(sql, &[&id]).await;
    row.expect("the product").get(0)
}

#[tokio::test]
async fn fields_of_every_kind_keep_their_type() {
    for version in VERSIONS {
        let sim = simulator(version, 30).await;
        let odoo = Odoo::simulated(&sim).await;
        let database = TestDatabase::create().await;
        let id = sim.ids(PRODUCT)[4];
        let record = sim.record(PRODUCT, id);
        let fields = [
            "active",
            "categ_id",
            "create_date",
            "description_sale",
            "display_name",
            "lst_price",
            "product_variant_count",
            "product_variant_ids",
            "tracking",
        ];
        let answer = sync(&odoo, &database, &fields).await;
        assert_eq!(answer["success"], true, "{answer}");
        let mut expected: Map<String, Value> = fields
            .iter()
            .map(|name| ((*name).to_owned(), record[*name].clone()))
            .collect();
        let created = record["create_date"].as_str().expect("a time");
        let created = format!("{}Z", created.replace(' ', "T"));
        expected.insert("create_date".to_owned(), created.into());
        if expected["description_sale"] == false {
            expected.insert("description_sale".to_owned(), Value::Null);
        }
        assert_eq!(extra(&database, id).await, Value::Object(expected));
        assert_mirror_equals(&odoo, &database.client, &PRODUCTS).await;
    }
}

#[tokio::test]
async fn a_changed_extra_field_is_an_update_and_the_same_one_is_none() {
    let sim = simulator(Version::V19, 30).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let id = sim.ids(PRODUCT)[4];
    sync(&odoo, &database, &["description_sale"]).await;
    sim.write(PRODUCT, &[id], json!({"description_sale": "rund"}));
    let answer = sync(&odoo, &database, &["description_sale"]).await;
    assert_eq!(
        extra(&database, id).await,
        json!({"description_sale": "rund"})
    );
    assert!(
        answer["data"]["recordsUpdated"].as_u64() > Some(0),
        "{answer}"
    );

    // Another list of fields reads everything again, and changes every row.
    let answer = sync(&odoo, &database, &["description_sale", "sequence"]).await;
    assert_eq!(answer["data"]["mode"], "incremental");
    assert_eq!(answer["data"]["recordsUpdated"], 30, "{answer}");
    let answer = sync(&odoo, &database, &["description_sale", "sequence"]).await;
    assert_eq!(answer["data"]["recordsUpdated"], 0, "{answer}");
}

#[tokio::test]
async fn an_unknown_extra_field_fails_by_its_name_before_the_first_page() {
    let sim = simulator(Version::V19, 30).await;
    let odoo = Odoo::simulated(&sim).await;
    let database = TestDatabase::create().await;
    let answer = sync(&odoo, &database, &["x_brand", "barcode", "x_colour"]).await;
    let message = assert_failed(&answer, "odoo_schema");
    assert!(message.contains("x_brand, x_colour"), "{message}");
    assert!(!message.contains("barcode"), "{message}");
    let sql = "select count(*) from odoo.products";
    let row = database
        .client
        .query_one(sql, &[])
        .await
        .expect("the table");
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn custom_fields_of_real_odoo_14() {
    custom_fields(&Odoo::real(14, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn custom_fields_of_real_odoo_19() {
    custom_fields(&Odoo::real(19, true).await).await;
}

/// Fields as a person adds them in the settings: their type, what more it needs, a value,
/// and what is kept of it.
fn custom() -> Vec<(&'static str, Value, Value, Value)> {
    vec![
        (
            "char",
            json!({}),
            json!("Stück \"7\""),
            json!("Stück \"7\""),
        ),
        ("text", json!({}), json!("eins\nzwei"), json!("eins\nzwei")),
        (
            "html",
            json!({}),
            json!("<p>rund</p>"),
            json!("<p>rund</p>"),
        ),
        ("integer", json!({}), json!(-7), json!(-7)),
        ("float", json!({}), json!(0.1), json!(0.1)),
        ("boolean", json!({}), json!(true), json!(true)),
        ("date", json!({}), json!("2025-06-30"), json!("2025-06-30")),
        (
            "datetime",
            json!({}),
            json!("2025-06-30 12:34:56"),
            json!("2025-06-30T12:34:56Z"),
        ),
        (
            "selection",
            json!({"selection_ids": [[0, 0, {"value": "a", "name": "A"}]]}),
            json!("a"),
            json!("a"),
        ),
        (
            "many2one",
            json!({"relation": "res.partner"}),
            json!(1),
            json!(1),
        ),
        (
            "many2many",
            json!({"relation": "res.partner"}),
            json!([[6, 0, [1, 3]]]),
            json!([1, 3]),
        ),
        ("binary", json!({}), json!("T2Rvbw=="), json!("T2Rvbw==")),
        (
            "reference",
            json!({"selection_ids": [[0, 0, {"value": "res.partner", "name": "Partner"}]]}),
            json!("res.partner,1"),
            json!("res.partner,1"),
        ),
    ]
}

async fn custom_fields(odoo: &Odoo) {
    let models = json!([[["model", "=", PRODUCT]]]);
    let model = odoo.call("ir.model", "search", models).await[0].clone();
    let name = |kind: &str| format!("x_extra_{kind}");
    let mut made = Vec::new();
    for (kind, more, ..) in custom() {
        let mut field = json!({
            "name": name(kind), "field_description": kind, "ttype": kind, "model_id": model,
            "state": "manual",
        });
        let more = more.as_object().expect("an object").clone();
        field.as_object_mut().expect("an object").extend(more);
        made.push(odoo.create("ir.model.fields", field).await);
    }
    let (full, empty) = (
        odoo.create(PRODUCT, json!({"name": "Alles"})).await,
        odoo.create(PRODUCT, json!({"name": "Nichts"})).await,
    );
    let values: Value = custom()
        .into_iter()
        .map(|(kind, _, value, _)| (name(kind), value))
        .collect();
    odoo.write(PRODUCT, full, values).await;

    let fields: Vec<String> = custom().iter().map(|it| name(it.0)).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let database = TestDatabase::create().await;
    let answer = sync(odoo, &database, &fields).await;
    // The database is used by other tests, also where this one fails.
    odoo.call("ir.model.fields", "unlink", json!([made])).await;
    odoo.write(PRODUCT, full, json!({"active": false})).await;
    odoo.write(PRODUCT, empty, json!({"active": false})).await;

    assert_eq!(answer["success"], true, "{answer}");
    let expected: Value = custom()
        .into_iter()
        .map(|(kind, .., kept)| (name(kind), kept))
        .collect();
    assert_eq!(extra(&database, full).await, expected);
    let expected: Value = custom()
        .into_iter()
        .map(|(kind, ..)| {
            let nothing = match kind {
                "boolean" => json!(false),
                "integer" | "float" => json!(0),
                "many2many" => json!([]),
                _ => Value::Null,
            };
            (name(kind), nothing)
        })
        .collect();
    let mut found = extra(&database, empty).await;
    // Odoo sends a float as 0.0.
    if found["x_extra_float"] == json!(0.0) {
        found["x_extra_float"] = json!(0);
    }
    assert_eq!(found, expected);
}
