//! What is no whole backup, and what is no empty database: nothing of either is touched.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shared::error::ErrorKind;
use tempfile::TempDir;

use super::mirror::{back_up, contents, fill_with_what_is_hard_to_write, location, run};
use super::restored::restore_folder;
use super::s3::Bucket;
use crate::support::postgres::TestDatabase;

/// A backup on this machine.
async fn backup() -> TempDir {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &database).await;
    bucket.download(location(&data)).await
}

fn change_manifest(folder: &Path, change: impl FnOnce(&mut Value)) {
    let file = folder.join("manifest.json");
    let text = fs::read(&file).expect("a manifest");
    let mut manifest = serde_json::from_slice(&text).expect("JSON");
    change(&mut manifest);
    fs::write(&file, manifest.to_string()).expect("a manifest");
}

/// The manifest's entry of a table.
fn entry<'a>(manifest: &'a mut Value, name: &str) -> &'a mut Value {
    let tables = manifest["tables"].as_array_mut().expect("tables");
    let entry = tables.iter_mut().find(|it| it["name"] == name);
    entry.expect("the table")
}

const PRODUCTS: &str = "products.csv.gz";

fn change_file(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let file = folder.join(PRODUCTS);
    let mut bytes = fs::read(&file).expect("a file");
    change(&mut bytes);
    fs::write(&file, bytes).expect("a file");
}

type Breaking = fn(&Path);

#[tokio::test]
async fn a_broken_backup_is_refused_and_leaves_nothing() {
    let whole = backup().await;
    let cases: [(&str, Breaking); 10] = [
        ("products.csv.gz has not the SHA-256", |folder| {
            change_file(folder, |bytes| {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            });
        }),
        // Of the right size and gzip, but another table's.
        ("products.csv.gz has not the SHA-256", |folder| {
            let size = fs::copy(folder.join("uoms.csv.gz"), folder.join(PRODUCTS));
            let size = size.expect("a file");
            change_manifest(folder, |it| entry(it, "products")["bytes"] = json!(size));
        }),
        ("has another size", |folder| {
            change_file(folder, |bytes| bytes.truncate(bytes.len() - 1));
        }),
        ("has another size", |folder| {
            change_file(folder, |bytes| bytes.push(0));
        }),
        ("is missing", |folder| {
            fs::remove_file(folder.join(PRODUCTS)).expect("a file");
        }),
        ("has 3 rows, and its manifest says 4", |folder| {
            change_manifest(folder, |it| entry(it, "products")["rows"] = json!(4));
        }),
        ("no manifest.json", |folder| {
            fs::remove_file(folder.join("manifest.json")).expect("a file");
        }),
        ("is no manifest", |folder| {
            fs::write(folder.join("manifest.json"), "{\"format\": 1").expect("a file");
        }),
        ("it lacks the table products", |folder| {
            change_manifest(folder, |it| {
                let tables = it["tables"].as_array_mut().expect("tables");
                tables.retain(|it| it["name"] != "products");
            });
        }),
        ("does not have", |folder| {
            change_manifest(folder, |it| it["migrationVersion"] = json!(9999));
        }),
    ];
    let database = TestDatabase::create_empty().await;
    for (message, break_it) in cases {
        let folder = copy(whole.path());
        break_it(folder.path());
        let done = restore_folder(folder.path(), &database, &[]).await;
        let error = done.expect_err(message);
        assert_eq!(error.kind(), ErrorKind::BadRequest, "{message}");
        assert!(error.to_string().contains(message), "{message}: {error}");
        let is_there = "select to_regnamespace('odoo') is not null";
        let row = database.client.query_one(is_there, &[]).await;
        assert!(
            !row.expect("a row").get::<_, bool>(0),
            "{message}: something stays"
        );
    }
    let done = restore_folder(whole.path(), &database, &[]).await;
    done.expect("what is whole goes into the same database");
}

fn copy(folder: &Path) -> TempDir {
    let copy = TempDir::new().expect("a folder");
    for file in fs::read_dir(folder).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), copy.path().join(file.file_name())).expect("a file");
    }
    copy
}

#[tokio::test]
async fn a_database_that_holds_rows_is_refused_and_stays_as_it_is() {
    let folder = backup().await;
    for row in [
        "insert into odoo.warehouses (odoo_id, name) values (1, 'here')",
        "insert into odoo.sync_metadata (data_type) values ('sales')",
    ] {
        let database = TestDatabase::create().await;
        run(&database.client, row).await;
        let before = contents(&database.client).await;
        let done = restore_folder(folder.path(), &database, &[]).await;
        let error = done.expect_err("rows");
        assert_eq!(error.kind(), ErrorKind::BadRequest);
        assert!(error.to_string().contains("holds rows"), "{error}");
        assert_eq!(contents(&database.client).await, before);
    }
}

#[tokio::test]
async fn a_schema_that_is_put_aside_makes_room_in_the_same_database() {
    let folder = backup().await;
    let database = TestDatabase::create().await;
    run(
        &database.client,
        "insert into odoo.products (odoo_id, name) values (1, 'spoilt');
         alter schema odoo rename to odoo_spoilt",
    )
    .await;
    let done = restore_folder(folder.path(), &database, &[]).await;
    done.expect("room");
    let here = contents(&database.client).await;
    assert_eq!((here["products"].0, here["sync_findings"].0), (3, 40));
    let aside = "select name from odoo_spoilt.products";
    let aside = database.client.query_one(aside, &[]).await.expect("a row");
    assert_eq!(aside.get::<_, &str>(0), "spoilt");
}

#[tokio::test]
async fn what_is_left_out_must_be_there() {
    let folder = backup().await;
    let database = TestDatabase::create_empty().await;
    let done = restore_folder(folder.path(), &database, &["prodcuts".to_owned()]).await;
    let error = done.expect_err("a misspelt name");
    assert!(error.to_string().contains("prodcuts"), "{error}");
}
