//! The main job: after a full sync and a day's changes the mirror equals Odoo, column by
//! column, and the counts say exactly what changed. On the simulator and on real servers.

mod direct;

use odoo_sim::Version;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};

use crate::support::day::{Day, touch};
use crate::support::function::{Environment, Function};
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::snapshot::{Snapshot, assert_mirror_equals, of_odoo};

/// The data types in which the day changes something.
const KNOWN: [&str; 6] = [
    "categories",
    "products",
    "warehouses",
    "purchases",
    "sales",
    "transfers",
];

#[tokio::test]
async fn a_working_day_on_simulated_14() {
    let sim = simulator(Version::V14, 300).await;
    a_simulated_day(&Odoo::simulated(&sim).await).await;
}

#[tokio::test]
async fn a_working_day_on_simulated_19() {
    let sim = simulator(Version::V19, 300).await;
    a_simulated_day(&Odoo::simulated(&sim).await).await;
}

#[tokio::test]
async fn a_working_day_on_the_versions_between() {
    for version in [Version::V16, Version::V17, Version::V18] {
        let sim = simulator(version, 300).await;
        a_simulated_day(&Odoo::simulated(&sim).await).await;
    }
}

#[tokio::test]
async fn a_working_day_through_a_transaction_pooler() {
    let sim = simulator(Version::V19, 300).await;
    let database = TestDatabase::create().await;
    let pooler = database.pooler_config().url;
    let odoo = Odoo::simulated(&sim).await;
    let day = direct::change_everything(&odoo);
    a_working_day(&odoo, &database, pooler.expose_secret(), day).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 14"]
async fn a_working_day_on_real_odoo_14() {
    a_real_day(&Odoo::real(14, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_working_day_on_real_odoo_19_over_json_rpc() {
    a_real_day(&Odoo::real(19, false).await).await;
}

#[tokio::test]
#[ignore = "needs a real Odoo: cargo xtask test --odoo 19"]
async fn a_working_day_on_real_odoo_19_over_json_2() {
    a_real_day(&Odoo::real(19, true).await).await;
}

/// What people do in Odoo, through its own methods.
async fn a_real_day(odoo: &Odoo) {
    let database = TestDatabase::create().await;
    let day = Day::dawn(odoo).await;
    let changes = async {
        day.pass().await;
        direct::change_products(odoo).await;
    };
    a_working_day(odoo, &database, &database.url, changes).await;
}

/// The simulator knows records, not what is done with them.
async fn a_simulated_day(odoo: &Odoo) {
    let database = TestDatabase::create().await;
    let changes = direct::change_everything(odoo);
    a_working_day(odoo, &database, &database.url, changes).await;
}

/// A full sync, the day's changes, one incremental run, one with nothing to do. `url` is
/// how the functions reach the database.
async fn a_working_day(
    odoo: &Odoo,
    database: &TestDatabase,
    url: &str,
    changes: impl Future<Output = ()>,
) {
    let mut environment = odoo.environment(url);
    // Several pages, so that one cursor follows another.
    environment.insert("SYNC_BATCH_SIZE", "50".to_owned());
    // Read again for being recent, a row would be right even if its change went unseen.
    environment.insert("SYNC_OVERLAP_SECONDS", "0".to_owned());

    let mut before = Vec::new();
    for &spec in REGISTRY {
        before.push(states(odoo, spec).await);
        let report = sync(spec, &environment, "incremental").await;
        assert_eq!(report["recordsInserted"], rows(odoo, spec).await);
        assert_eq!(report["recordsProcessed"], report["recordsInserted"]);
        assert_mirror_equals(odoo, &database.client, spec).await;
    }

    changes.await;

    for (spec, before) in REGISTRY.iter().copied().zip(before) {
        let mut after = states(odoo, spec).await;
        if !KNOWN.contains(&spec.name) {
            // The day knows nothing of it.
            touch(odoo, spec.streams[0].model).await;
            after = states(odoo, spec).await;
        }
        let report = sync(spec, &environment, "incremental").await;
        let (inserted, updated) = difference(&before, &after);
        assert!(inserted + updated > 0, "nothing changed in {}", spec.name);
        assert_eq!(report["recordsInserted"], inserted, "{}", spec.name);
        assert_eq!(report["recordsUpdated"], updated, "{}", spec.name);
        assert_mirror_equals(odoo, &database.client, spec).await;
    }

    for &spec in REGISTRY {
        let report = sync(spec, &environment, "incremental").await;
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
    assert_nothing_looks_wrong(&environment, database).await;
}

/// Demo data and what Odoo's own methods make of it break no rule, references included.
async fn assert_nothing_looks_wrong(environment: &Environment, database: &TestDatabase) {
    for &spec in REGISTRY {
        sync(spec, environment, "reconcile").await;
    }
    let open = "select stream || ' ' || odoo_id || ' ' || rule from odoo.sync_findings
                where resolved_at is null order by 1";
    let open = database.client.query(open, &[]).await.expect("findings");
    let open: Vec<String> = open.iter().map(|row| row.get(0)).collect();
    assert_eq!(open, Vec::<String>::new());
}

async fn sync(spec: &DataType, environment: &Environment, mode: &str) -> Value {
    let mut function = Function::start(&spec.function_name(), environment).await;
    let answer = function.call(&json!({"mode": mode})).await;
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
