//! What a backup holds.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::mirror::{back_up, contents, fill_with_what_is_hard_to_write, location, run};
use super::restored::restored;
use super::s3::{Bucket, Mood};
use crate::support::function::{Answer, Function};
use crate::support::postgres::{TestDatabase, open};
use crate::support::wait_until;

/// The manifest of the backup in a folder.
fn manifest(folder: &std::path::Path) -> Value {
    let text = std::fs::read(folder.join("manifest.json")).expect("a manifest");
    serde_json::from_slice(&text).expect("JSON")
}

#[tokio::test]
async fn each_table_is_a_file_and_the_manifest_s_sums_are_those_of_the_files() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &database).await;
    let folder = bucket.download(location(&data)).await;
    let manifest = manifest(folder.path());
    let here = contents(&database.client).await;
    let tables = manifest["tables"].as_array().expect("tables");
    let names: Vec<&str> = tables.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, here.keys().collect::<Vec<_>>());
    for table in tables {
        let name = table["name"].as_str().expect("a name");
        assert_eq!(table["rows"], here[name].0, "{name}");
        let file = table["file"].as_str().expect("a file");
        assert_eq!(file, format!("{name}.csv.gz"));
        let stored = std::fs::read(folder.path().join(file)).expect("a file");
        assert_eq!(table["bytes"], stored.len(), "{name}");
        let sum: String = Sha256::digest(&stored)
            .iter()
            .map(|it| format!("{it:02x}"))
            .collect();
        assert_eq!(table["sha256"], sum, "{name}");
    }
    let version = "select max(version) from odoo.schema_history";
    let version: i32 = database
        .client
        .query_one(version, &[])
        .await
        .expect("one")
        .get(0);
    assert_eq!(manifest["migrationVersion"], version);
    assert_eq!(data["migrationVersion"], version);
    assert_eq!(data["tables"], tables.len());
    assert!(manifest["startedAt"].as_str() <= manifest["finishedAt"].as_str());
    let files = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(files, tables.len() + 1);
}

#[tokio::test]
async fn a_restored_database_holds_what_the_source_held_also_behind_a_transaction_pooler() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let expected = contents(&database.client).await;
    let bucket = Bucket::create().await;
    for config in [database.config(), database.pooler_config()] {
        let environment = bucket.environment(config.url.expose_secret());
        let mut function = Function::start("backup", &environment).await;
        // The second one has a connection that the first one had.
        for _ in 0..2 {
            let answer = function.call(&json!({})).await;
            let copy = restored(&bucket, location(&answer["data"])).await;
            assert_eq!(contents(&copy.client).await, expected);
        }
    }
}

#[tokio::test]
async fn a_backup_is_of_one_moment_although_rows_change_meanwhile() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let expected = contents(&database.client).await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    bucket.set_mood(Mood::Waits);
    function.send(&json!({}));
    // The first of the tables is on its way, and none of the others has been read.
    wait_until("a file is on its way", async || {
        bucket
            .seen()
            .iter()
            .any(|it| it.contains("/categories.csv.gz"))
    })
    .await;
    run(
        &database.client,
        "update odoo.products set name = 'later';
         insert into odoo.warehouses (odoo_id) values (7);
         delete from odoo.sync_findings;",
    )
    .await;
    bucket.set_mood(Mood::Takes);
    let Answer::Response(answer) = function.answer().await else {
        panic!("no answer; log:\n{}", function.log().await);
    };
    let copy = restored(&bucket, location(&answer["data"])).await;
    assert_eq!(contents(&copy.client).await, expected);
}

#[tokio::test]
async fn a_table_that_is_being_emptied_is_waited_for_and_the_backup_is_of_the_moment_after() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    let other = open(&database.url).await;
    run(
        &other,
        "begin;
         truncate odoo.products;
         insert into odoo.warehouses (odoo_id) values (7);",
    )
    .await;
    function.send(&json!({}));
    database.held_up(1).await;
    run(&other, "commit").await;
    let Answer::Response(answer) = function.answer().await else {
        panic!("no answer; log:\n{}", function.log().await);
    };
    let copy = restored(&bucket, location(&answer["data"])).await;
    assert_eq!(
        contents(&copy.client).await,
        contents(&database.client).await
    );
}

#[tokio::test]
async fn nothing_of_a_row_and_no_secret_is_logged_or_answered() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let mut environment = bucket.environment(&database.url);
    environment.insert("RUST_LOG", "trace".to_owned());
    environment.insert("AWS_SECRET_ACCESS_KEY", "schluessel-zu-s3".to_owned());
    let mut function = Function::start("backup", &environment).await;
    let answer = function.call(&json!({})).await;
    let log = function.end().await;
    assert!(log.contains("backup completed"), "{log}");
    for text in [log, answer.to_string()] {
        for secret in ["Kennwort", "schluessel-zu-s3", database.url.as_str()] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}
