//! Migrations: repeatable, alone in their lock, the same through a pooler and `psql`, and
//! closed to everybody but the owner and `service_role`.

use std::path::{Path, PathBuf};
use std::process::Command;

use shared::error::ErrorKind;
use shared::mirror::connect::connect;
use shared::mirror::migrate::{migrate, pending};
use tokio_postgres::Client;

use crate::support::postgres::TestDatabase;

/// The files in the order of their versions.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the migrations")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    files.sort_by_key(|path| version_of(path));
    files
}

fn version_of(path: &Path) -> i32 {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    name.strip_prefix('V')
        .and_then(|rest| rest.split_once("__"))
        .and_then(|(version, _)| version.parse().ok())
        .unwrap_or_else(|| panic!("{name} is not named V<number>__<name>.sql"))
}

fn all_versions() -> Vec<i32> {
    files().iter().map(|path| version_of(path)).collect()
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let rows = client.query(query, &[]).await.expect("a catalogue query");
    rows.iter().map(|row| row.get(0)).collect()
}

/// Everything in schema `odoo`, as text that two databases can be compared by.
async fn shape(client: &Client) -> Vec<String> {
    names(
        client,
        "select format('%s.%s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
         from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relnamespace = 'odoo'::regnamespace and not a.attisdropped
           and c.relname not like 'schema_history%'
         order by 1",
    )
    .await
}

fn run_psql(url: &str) {
    for file in files() {
        let output = Command::new("psql")
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set=ON_ERROR_STOP=1",
                "--dbname",
            ])
            .arg(url)
            .arg("--file")
            .arg(&file)
            .output()
            .expect("psql");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", file.display());
    }
}

#[tokio::test]
async fn an_empty_database_gets_all_migrations_once_and_in_order() {
    let database = TestDatabase::create_empty().await;
    let config = database.config();
    let versions = |migrations: Vec<shared::mirror::migrate::Migration>| -> Vec<i32> {
        migrations
            .iter()
            .map(|migration| migration.version)
            .collect()
    };

    let mut connection = connect(&config).await.expect("a connection");
    let before = pending(&mut connection).await.expect("what is pending");
    assert_eq!(versions(before), all_versions());

    let applied = migrate(&config).await.expect("migrations");
    assert_eq!(versions(applied), all_versions());
    assert_eq!(pending(&mut connection).await.expect("what is pending"), []);
    assert_eq!(migrate(&config).await.expect("no migrations"), []);
}

#[tokio::test]
async fn migrating_at_the_same_time_applies_each_migration_once() {
    let database = TestDatabase::create_empty().await;
    let (direct, pooled) = (database.config(), database.pooler_config());
    let (a, b, c, d) = tokio::join!(
        migrate(&direct),
        migrate(&pooled),
        migrate(&direct),
        migrate(&pooled)
    );
    let mut applied: Vec<usize> = [a, b, c, d]
        .into_iter()
        .map(|result| result.expect("migrations").len())
        .collect();
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, files().len()]);
}

#[tokio::test]
async fn a_transaction_pooler_carries_them() {
    let database = TestDatabase::create_empty().await;
    let config = database.pooler_config();
    let applied = migrate(&config).await.expect("migrations");
    assert_eq!(applied.len(), files().len());
    assert_eq!(migrate(&config).await.expect("no migrations"), []);

    let mut connection = connect(&config).await.expect("a connection");
    assert_eq!(pending(&mut connection).await.expect("what is pending"), []);
}

#[tokio::test]
async fn psql_before_or_after_changes_nothing() {
    let through_migrate = TestDatabase::create().await;
    let expected = shape(&through_migrate.client).await;
    run_psql(&through_migrate.url);
    assert_eq!(shape(&through_migrate.client).await, expected);

    let through_psql = TestDatabase::create_empty().await;
    run_psql(&through_psql.url);
    run_psql(&through_psql.url);
    assert_eq!(shape(&through_psql.client).await, expected);
    let applied = migrate(&through_psql.config()).await.expect("migrations");
    assert_eq!(applied.len(), files().len());
    assert_eq!(shape(&through_psql.client).await, expected);
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_ran_is_a_schema_error() {
    let database = TestDatabase::create().await;
    database
        .client
        .batch_execute("update odoo.schema_history set checksum = '1' where version = 1")
        .await
        .expect("a changed history");
    let error = migrate(&database.config()).await.expect_err("migrated");
    assert_eq!(error.kind(), ErrorKind::DbSchema);
    assert!(error.to_string().contains("V1__"), "{error}");

    let mut connection = connect(&database.config()).await.expect("a connection");
    let pending = pending(&mut connection).await.expect("what is pending");
    assert_eq!(pending.len(), 1);
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    let database = TestDatabase::create_empty().await;
    // A table of this name and another shape makes the first migration fail.
    database
        .client
        .batch_execute("create schema odoo; create table odoo.sync_runs (x int)")
        .await
        .expect("a table in the way");
    let error = migrate(&database.config()).await.expect_err("migrated");
    assert_eq!(error.kind(), ErrorKind::DbSchema);
    assert!(error.to_string().contains("V1__sync_state"), "{error}");
    let tables = names(
        &database.client,
        "select tablename from pg_tables where schemaname = 'odoo'",
    )
    .await;
    assert_eq!(tables, ["sync_runs"]);
}

#[tokio::test]
async fn everything_is_in_schema_odoo_and_under_row_level_security_without_a_policy() {
    let database = TestDatabase::create().await;
    let client = &database.client;
    let tables = "from pg_class where relkind in ('r', 'p')
                  and relnamespace = 'odoo'::regnamespace";
    let all = names(client, &format!("select relname::text {tables}")).await;
    assert!(all.contains(&"schema_history".to_owned()), "{all:?}");
    let open = names(
        client,
        &format!("select relname::text {tables} and not relrowsecurity"),
    )
    .await;
    assert_eq!(open, Vec::<String>::new());
    for query in [
        "select policyname::text from pg_policies",
        "select relname::text from pg_class where relkind = 'v'
           and relnamespace = 'odoo'::regnamespace
           and not coalesce(reloptions @> '{security_invoker=true}', false)",
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace",
    ] {
        assert_eq!(names(client, query).await, Vec::<String>::new(), "{query}");
    }
}

#[tokio::test]
async fn anon_and_authenticated_get_nothing_and_service_role_reads() {
    let database = TestDatabase::create().await;
    let client = &database.client;
    // A table of a later migration.
    client
        .batch_execute("create table odoo.later (x int)")
        .await
        .expect("a table");
    let relations = "from pg_class where relkind in ('r', 'p', 'v', 'm')
                     and relnamespace = 'odoo'::regnamespace";
    let any = "'select, insert, update, delete, truncate, references, trigger'";
    for role in ["anon", "authenticated"] {
        let readable = format!(
            "select relname::text {relations} and has_table_privilege('{role}', oid, {any})"
        );
        assert_eq!(names(client, &readable).await, Vec::<String>::new());
        let usage = format!("select 'usage' where has_schema_privilege('{role}', 'odoo', 'usage')");
        assert_eq!(names(client, &usage).await, Vec::<String>::new());
    }

    let unreadable = format!(
        "select relname::text {relations}
           and not has_table_privilege('service_role', oid, 'select')"
    );
    assert_eq!(names(client, &unreadable).await, Vec::<String>::new());
    let writable = format!(
        "select relname::text {relations} and has_table_privilege(
           'service_role', oid, 'insert, update, delete, truncate')"
    );
    assert_eq!(names(client, &writable).await, Vec::<String>::new());
    client
        .batch_execute("set role service_role; select * from odoo.product_catalog")
        .await
        .expect("service_role reads the view");
}
