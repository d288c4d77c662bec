//! The commands as a person types them, also where there is nothing of Supabase's.

use std::process::Output;

use tokio::process::Command;

use super::{EVERYTHING_EVERYWHERE, SqlState, TestDatabase, attempt, project, published, run};
use crate::support::cluster::Cluster;
use crate::support::function::binary;

async fn typed(url: &str, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(binary("xtask"));
    command.arg("supabase").args(arguments);
    command.env("SUPABASE_DB_URL", url);
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().await.expect("the program");
    let printed = String::from_utf8([stdout, stderr].concat()).expect("text");
    (status.success(), printed)
}

#[tokio::test]
async fn says_what_has_changed_what_was_taken_back_and_what_is_exposed() {
    let database = project(EVERYTHING_EVERYWHERE).await;
    let url = &database.url;
    let (done, printed) = typed(url, &["expose", "product_catalog"]).await;
    assert!(!done && printed.contains("--with-tables"), "{printed}");
    let arguments = ["expose", "product_catalog", "--with-tables"];
    let (done, printed) = typed(url, &arguments).await;
    assert!(done, "{printed}");
    for expected in [
        "✓ products: read policy made, in supabase_realtime\n",
        "! taken back, only the sync writes here: delete, ",
        " on sync_metadata\n",
    ] {
        assert!(printed.contains(expected), "{expected:?} in {printed}");
    }
    let (done, printed) = typed(url, &["expose", "products"]).await;
    assert!(done && printed == "✓ products: as it was\n", "{printed}");
    let (done, printed) = typed(url, &["hide", "categories"]).await;
    assert!(done, "{printed}");
    let broken = "! product_catalog cannot be read: it needs categories";
    assert!(printed.contains(broken), "{printed}");
    let (done, printed) = typed(url, &["list"]).await;
    assert!(done, "{printed}");
    let row = |name: &str| {
        let mut lines = printed.lines();
        let line = lines.find(|line| line.contains(&format!(" {name} ")));
        line.expect("a row").matches("yes").count()
    };
    assert_eq!((row("products"), row("categories")), (2, 0), "{printed}");
    assert_eq!(row("product_catalog"), 1, "{printed}");
}

#[tokio::test]
async fn without_the_publication_a_table_is_exposed_all_the_same() {
    let database = TestDatabase::create().await;
    let (done, printed) = typed(&database.url, &["expose", "products"]).await;
    assert!(done, "{printed}");
    assert!(
        printed.contains("✓ products: select granted, read policy made\n"),
        "{printed}"
    );
    assert!(
        printed.contains("no publication supabase_realtime"),
        "{printed}"
    );
    assert_eq!(published(&database).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_plain_postgres_is_left_as_it_is_and_told_so() {
    let cluster = Cluster::start().await;
    let (done, printed) = typed(cluster.url(), &["expose", "products"]).await;
    assert!(
        !done && printed.contains("cargo xtask migrate"),
        "{printed}"
    );
    let url = cluster.migrated().await;
    for task in ["expose", "hide"] {
        let (done, printed) = typed(&url, &[task, "products"]).await;
        assert!(done, "{printed}");
        assert!(printed.contains("no role `authenticated`"), "{printed}");
    }
    let (done, printed) = typed(&url, &["list"]).await;
    assert!(
        done && printed.contains("no role `authenticated`"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_right_that_somebody_else_has_granted_is_told_as_what_it_is() {
    let database = project(EVERYTHING_EVERYWHERE).await;
    let other = format!("grantor_{}", std::process::id());
    run(
        &database.client,
        &format!(
            "revoke all on all tables in schema odoo from authenticated;
             create role {other};
             grant usage on schema odoo to {other};
             grant insert, update on odoo.products to {other} with grant option;
             set role {other};
             grant insert, update on odoo.products to authenticated;
             reset role;
             grant insert, delete on odoo.products to authenticated;"
        ),
    )
    .await;
    let (done, printed) = typed(&database.url, &["expose", "products"]).await;
    let refused = attempt(
        &database.client,
        "authenticated",
        "delete from odoo.products",
    )
    .await;
    run(
        &database.client,
        &format!(
            "revoke all on odoo.products from {other} cascade;
             revoke all on schema odoo from {other};
             drop role {other};"
        ),
    )
    .await;
    assert!(done, "{printed}");
    assert_eq!(refused, Err(SqlState::INSUFFICIENT_PRIVILEGE));
    let lines: Vec<&str> = printed
        .lines()
        .filter(|line| line.contains(" on products"))
        .collect();
    assert_eq!(
        lines,
        [
            "! taken back, only the sync writes here: delete on products".to_owned(),
            format!(
                "! NOT taken back, only the sync should write here: insert on products, granted by {other}, who alone can revoke it"
            ),
            format!(
                "! NOT taken back, only the sync should write here: update on products, granted by {other}, who alone can revoke it"
            ),
        ]
    );
}
