//! The main job: after a full sync and a day's changes the mirror equals Odoo, column by
//! column, and the counts say exactly what changed. On the simulator and on real servers.

use odoo_sim::Version;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};

use crate::support::function::{Environment, Function};
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::snapshot::{Snapshot, assert_mirror_equals, of_odoo};

#[tokio::test]
async fn a_working_day_on_simulated_14() {
    let sim = simulator(Version::V14, 300).await;
    a_working_day(&Odoo::simulated(&sim).await).await;
}

#[tokio::test]
async fn a_working_day_on_simulated_19() {
    let sim = simulator(Version::V19, 300).await;
    a_working_day(&Odoo::simulated(&sim).await).await;
}

#[tokio::test]
async fn a_working_day_through_a_transaction_pooler() {
    let sim = simulator(Version::V19, 300).await;
    let database = TestDatabase::create().await;
    let pooler = database.pooler_config().url;
    let odoo = Odoo::simulated(&sim).await;
    a_working_day_in(&odoo, &database, pooler.expose_secret()).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn a_working_day_on_real_odoo_14() {
    a_working_day(&Odoo::real(14, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_working_day_on_real_odoo_19_over_json_rpc() {
    a_working_day(&Odoo::real(19, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_working_day_on_real_odoo_19_over_json_2() {
    a_working_day(&Odoo::real(19, true).await).await;
}

async fn a_working_day(odoo: &Odoo) {
    let database = TestDatabase::create().await;
    a_working_day_in(odoo, &database, &database.url).await;
}

/// `url` is how the functions reach the database.
async fn a_working_day_in(odoo: &Odoo, database: &TestDatabase, url: &str) {
    let mut environment = odoo.environment(url);
    // Several pages, so that one cursor follows another.
    environment.insert("SYNC_BATCH_SIZE", "50".to_owned());

    let mut before = Vec::new();
    for &spec in REGISTRY {
        before.push(states(odoo, spec).await);
        let report = sync(spec, &environment).await;
        assert_eq!(report["recordsInserted"], rows(odoo, spec).await);
        assert_eq!(report["recordsProcessed"], report["recordsInserted"]);
        assert_mirror_equals(odoo, &database.client, spec).await;
    }

    change_things(odoo).await;

    for (spec, before) in REGISTRY.iter().copied().zip(before) {
        let after = states(odoo, spec).await;
        let report = sync(spec, &environment).await;
        let (inserted, updated) = difference(&before, &after);
        assert!(inserted + updated > 0, "nothing changed in {}", spec.name);
        assert_eq!(report["recordsInserted"], inserted, "{}", spec.name);
        assert_eq!(report["recordsUpdated"], updated, "{}", spec.name);
        assert_mirror_equals(odoo, &database.client, spec).await;
    }

    for &spec in REGISTRY {
        let report = sync(spec, &environment).await;
        for count in [
            "recordsInserted",
            "recordsUpdated",
            "recordsDeleted",
            "recordsSkipped",
        ] {
            assert_eq!(report[count], 0, "{count} of {}", spec.name);
        }
        assert_mirror_equals(odoo, &database.client, spec).await;
    }
}

/// A new price for a template with several variants, a category renamed that has
/// children, a product archived, and one created.
async fn change_things(odoo: &Odoo) {
    let products = odoo
        .all(
            "product.product",
            &["product_tmpl_id".to_owned(), "active".to_owned()],
        )
        .await;
    let template = |index: usize| -> i64 {
        let text = products[index]["product_tmpl_id"].get();
        text.parse().expect("an id")
    };
    let several = (1..products.len())
        .find(|index| template(*index) == template(*index - 1))
        .expect("a template with several variants");
    odoo.write(
        "product.template",
        template(several),
        json!({"list_price": 77.31}),
    )
    .await;

    let other = products
        .iter()
        .find(|product| {
            product["active"].get() == "true"
                && product["product_tmpl_id"].get() != template(several).to_string()
        })
        .expect("an active product of another template");
    let id: i64 = other["id"].get().parse().expect("an id");
    odoo.write("product.product", id, json!({"active": false}))
        .await;

    let name = json!({"name": "Tasse für Käse 茶", "list_price": 12.345});
    odoo.create("product.product", name).await;

    let categories = odoo
        .all("product.category", &["parent_id".to_owned()])
        .await;
    let parent = categories
        .iter()
        .find_map(|category| category["parent_id"].get().parse::<i64>().ok())
        .expect("a category with children");
    odoo.write("product.category", parent, json!({"name": "Renamed"}))
        .await;
}

async fn sync(spec: &DataType, environment: &Environment) -> Value {
    let mut function = Function::start(&spec.function_name(), environment).await;
    let answer = function.call(&json!({})).await;
    assert_eq!(answer["success"], true, "{answer}");
    assert_eq!(answer["data"]["status"], "success");
    answer["data"].clone()
}

async fn rows(odoo: &Odoo, spec: &DataType) -> u64 {
    let mut rows = 0;
    for stream in spec.streams {
        rows += odoo.count(stream.model).await;
    }
    rows
}

async fn states(odoo: &Odoo, spec: &DataType) -> Vec<Snapshot> {
    let mut states = Vec::new();
    for stream in spec.streams {
        states.push(of_odoo(odoo, stream).await);
    }
    states
}

/// How many rows are new, and how many differ.
fn difference(before: &[Snapshot], after: &[Snapshot]) -> (u64, u64) {
    let (mut inserted, mut updated) = (0, 0);
    for (before, after) in before.iter().zip(after) {
        for (id, row) in after {
            match before.get(id) {
                None => inserted += 1,
                Some(old) if old != row => updated += 1,
                Some(_) => {}
            }
        }
    }
    (inserted, updated)
}
