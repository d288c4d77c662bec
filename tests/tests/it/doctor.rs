//! What doctor says of a set-up that works, and of each thing that may be wrong with it.

use odoo_sim::Version;
use shared::config::Config;
use shared::doctor::{Check, examine};
use shared::error::ErrorKind;
use shared::specs::REGISTRY;

use crate::support::function::Environment;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;

async fn examined(environment: &Environment) -> Vec<Check> {
    examine(Config::from_lookup(&|name| environment.get(name).cloned())).await
}

/// What is wrong: the check's name and the error's kind.
fn wrong(checks: &[Check]) -> Vec<(&str, ErrorKind)> {
    checks
        .iter()
        .filter_map(|check| {
            let error = check.outcome.as_ref().err()?;
            Some((check.name.as_str(), error.kind()))
        })
        .collect()
}

#[tokio::test]
async fn a_set_up_that_works_has_nothing_wrong() {
    for version in [Version::V14, Version::V19] {
        let sim = simulator(version, 20).await;
        let database = TestDatabase::create().await;
        let odoo = Odoo::simulated(&sim).await;
        let checks = examined(&odoo.environment(&database.url)).await;
        assert_eq!(wrong(&checks), []);
        let names: Vec<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        let models = REGISTRY.iter().flat_map(|spec| spec.streams);
        let models = models
            .map(|stream| stream.model)
            .chain(["product.template"]);
        let of_models = models.flat_map(|model| {
            ["read access to", "fields of"].map(|what| format!("{what} {model}"))
        });
        let mut expected: Vec<String> = ["configuration", "Odoo", "schema odoo"]
            .map(str::to_owned)
            .into_iter()
            .chain(of_models)
            .filter(|name| name != "fields of product.template")
            .collect();
        // The lines of a move matter only where its quantity is computed from them.
        if version == Version::V14 {
            expected.push("read access to stock.move.line".to_owned());
        }
        for name in &expected {
            let times = names.iter().filter(|it| *it == name).count();
            assert_eq!(times, 1, "{name} in {names:?}");
        }
        let of_odoo = names
            .iter()
            .filter(|it| it.contains(" of ") || it.contains(" to "));
        let wanted = expected
            .iter()
            .filter(|it| it.contains(" of ") || it.contains(" to "));
        assert_eq!(of_odoo.count(), wanted.count(), "{names:?}");
    }
}

#[tokio::test]
async fn a_database_that_was_filled_with_psql_is_complete() {
    let sim = simulator(Version::V19, 20).await;
    let database = TestDatabase::create().await;
    let odoo = Odoo::simulated(&sim).await;
    database
        .client
        .batch_execute("drop table odoo.schema_history")
        .await
        .expect("no history");
    let checks = examined(&odoo.environment(&database.url)).await;
    assert_eq!(wrong(&checks), []);
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named_beside_those_that_are_right() {
    let sim = simulator(Version::V19, 20).await;
    let database = TestDatabase::create().await;
    let odoo = Odoo::simulated(&sim).await;
    sim.deny("uom.uom");
    database
        .client
        .batch_execute("alter table odoo.products drop column weight cascade")
        .await
        .expect("the column");
    let checks = examined(&odoo.environment(&database.url)).await;
    let wrong = wrong(&checks);
    assert!(
        wrong.contains(&("read access to uom.uom", ErrorKind::OdooAccess)),
        "{wrong:?}"
    );
    assert!(
        wrong.contains(&("schema odoo", ErrorKind::DbSchema)),
        "{wrong:?}"
    );
    let right = checks.iter().find(|check| check.name == "database");
    assert!(right.is_some_and(|check| check.outcome.is_ok()));
}
