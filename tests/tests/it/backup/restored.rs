//! What a restore leaves: a database that goes on from where the backup was taken.

use std::fs;

use odoo_sim::Version;
use shared::backup::{Source, restore};
use shared::config::RetryConfig;
use shared::error::Result;

use super::mirror::{back_up, fill_with_what_is_hard_to_write, location, run};
use super::s3::Bucket;
use crate::support::postgres::TestDatabase;
use crate::support::shop::Shop;

/// Restores the backup in this folder.
pub(super) async fn restore_folder(
    folder: &std::path::Path,
    database: &TestDatabase,
    skipped: &[String],
) -> Result<shared::backup::Restored> {
    let folder = folder.to_str().expect("a path");
    let source = Source::find(folder, RetryConfig::NONE).await?;
    restore(&database.config(), &source, skipped, |_| ()).await
}

/// A new database with what the backup holds.
pub(super) async fn restored(bucket: &Bucket, location: &str) -> TestDatabase {
    let folder = bucket.download(location).await;
    let database = TestDatabase::create_empty().await;
    let done = restore_folder(folder.path(), &database, &[]).await;
    done.unwrap_or_else(|error| panic!("{}", error.chain()));
    database
}

#[tokio::test]
async fn a_sync_goes_on_incrementally_with_what_has_changed_since() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &shop.database).await;
    shop.change_something();

    let copy = restored(&bucket, location(&data)).await;
    shop.environment.insert("SUPABASE_DB_URL", copy.url.clone());
    shop.database = copy;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["mode"], "incremental", "{report}");
    assert_eq!(report["recordsUpdated"], 1, "{report}");
    assert_eq!(report["recordsInserted"], 0, "{report}");
    shop.assert_mirrored().await;
    assert_eq!(
        shop.runs().await.len(),
        2,
        "the run before the backup is on record"
    );
}

#[tokio::test]
async fn a_run_that_the_backup_found_half_way_is_finished_in_the_restored_database() {
    let mut shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    // As a function leaves it that has committed a page and is gone.
    shop.execute(
        "update odoo.sync_metadata set sync_status = 'in_progress', lease_token = gen_random_uuid(),
             lease_expires_at = now() - interval '1 second', run_id = gen_random_uuid(), run_mode = 'full';
         insert into odoo.sync_runs (run_id, data_type, mode, triggered_by, status)
         select run_id, data_type, run_mode, 'schedule', 'in_progress' from odoo.sync_metadata;",
    )
    .await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &shop.database).await;
    let copy = restored(&bucket, location(&data)).await;
    shop.environment.insert("SUPABASE_DB_URL", copy.url.clone());
    shop.database = copy;
    let mut function = shop.function().await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["mode"], "full", "{report}");
    shop.assert_mirrored().await;
    let open = "select 1 as it from odoo.sync_runs where status = 'in_progress'";
    assert_eq!(shop.rows(open).await.len(), 0);
}

#[tokio::test]
async fn numbers_that_postgres_gives_go_on_behind_those_of_the_backup() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &database).await;
    let copy = restored(&bucket, location(&data)).await;
    let id = "insert into odoo.sync_findings (data_type, stream, odoo_id, severity, rule, reason)
        values ('products', 'products', 9, 'warning', 'new', 'new') returning id";
    let id: i64 = copy.client.query_one(id, &[]).await.expect("a row").get(0);
    assert_eq!(id, 41);
    let id = "insert into odoo.sync_metadata (data_type) values ('sales') returning id";
    let id: i32 = copy.client.query_one(id, &[]).await.expect("a row").get(0);
    assert_eq!(id, 2);
}

/// A database whose migrations went as far as this version, as an earlier program left it.
async fn database_of(version: i32) -> TestDatabase {
    let newest = TestDatabase::create().await;
    let database = TestDatabase::create_empty().await;
    let history = "select version, name, applied_on, checksum from odoo.schema_history
        where version <= $1 order by version";
    let history = newest.client.query(history, &[&version]).await;
    for row in history.expect("a history") {
        let (version, name): (i32, String) = (row.get(0), row.get(1));
        let file = format!("../migrations/V{version}__{name}.sql");
        run(
            &database.client,
            &fs::read_to_string(file).expect("a migration"),
        )
        .await;
        let (applied_on, checksum): (String, String) = (row.get(2), row.get(3));
        let keep = format!(
            "create table if not exists odoo.schema_history
                 (version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
             insert into odoo.schema_history values ({version}, '{name}', '{applied_on}', '{checksum}')"
        );
        run(&database.client, &keep).await;
    }
    database
}

#[tokio::test]
async fn a_backup_of_older_tables_is_restored_and_brought_up_to_date() {
    let old = database_of(9).await;
    run(
        &old.client,
        "insert into odoo.sync_streams (data_type, stream, last_id) values ('products', 'products', 70)",
    )
    .await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &old).await;
    assert_eq!(data["migrationVersion"], 9);
    let folder = bucket.download(location(&data)).await;

    let copy = TestDatabase::create_empty().await;
    let done = restore_folder(folder.path(), &copy, &[])
        .await
        .expect("a backup");
    assert_eq!(done.migrated.first().map(|it| it.version), Some(10));
    let row = "select last_id, window_phase from odoo.sync_streams";
    let row = copy.client.query_one(row, &[]).await.expect("a row");
    assert_eq!((row.get(0), row.get(1)), (70_i64, "read"));
    let pending = {
        let mut connection = shared::mirror::connect::connect(&copy.config())
            .await
            .expect("one");
        shared::mirror::migrate::pending(&mut connection)
            .await
            .expect("a history")
    };
    assert_eq!(pending, []);

    // The other way round: a database that is ahead of the backup.
    let ahead = TestDatabase::create().await;
    let error = restore_folder(folder.path(), &ahead, &[])
        .await
        .expect_err("ahead");
    assert!(error.to_string().contains("of migration V9"), "{error}");
}

#[tokio::test]
async fn a_table_of_somebody_else_s_is_backed_up_and_restored_where_it_is_made_first() {
    let database = TestDatabase::create().await;
    let own = r#"create table odoo."Own table" (id int generated always as identity, name text,
        twice int generated always as (id * 2) stored)"#;
    run(&database.client, own).await;
    run(
        &database.client,
        r#"insert into odoo."Own table" (name) values ('a'), ('b')"#,
    )
    .await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &database).await;
    let folder = bucket.download(location(&data)).await;

    let copy = TestDatabase::create_empty().await;
    let error = restore_folder(folder.path(), &copy, &[])
        .await
        .expect_err("no such table");
    assert!(error.to_string().contains("--skip Own table"), "{error}");
    let skipped = ["Own table".to_owned()];
    let done = restore_folder(folder.path(), &copy, &skipped).await;
    done.expect("all but that table");

    let copy = TestDatabase::create().await;
    run(&copy.client, own).await;
    let done = restore_folder(folder.path(), &copy, &[]).await;
    done.expect("with that table");
    let next = r#"insert into odoo."Own table" (name) values ('c') returning id, twice"#;
    let row = copy.client.query_one(next, &[]).await.expect("a row");
    assert_eq!((row.get(0), row.get(1)), (3, 6));
}
