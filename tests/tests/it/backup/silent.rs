//! A Postgres that says nothing any more while a backup is taken or restored by hand, where no
//! deadline of Lambda's would end the wait.

use std::time::Duration;

use odoo_sim::proxy::{Conduct, Direction, Ending, Point};

use super::command::{backup, printed};
use super::faults::assert_nothing_unfinished;
use super::mirror::{back_up, fill_with_what_is_hard_to_write, location, run};
use super::s3::Bucket;
use crate::support::function::binary;
use crate::support::postgres::TestDatabase;
use crate::support::wire::{proxy_before, through};

/// As short as the URL allows, behind the parameters that it has: an answer is waited for three times as long as `tcp_user_timeout`.
const IMPATIENT: &str = "&connect_timeout=1&tcp_user_timeout=1";

/// Runs it to its end, which has to come by itself.
async fn given_up(mut command: tokio::process::Command) -> String {
    command
        .env("SYNC_MAX_RETRIES", "0")
        .env_remove("SUPABASE_CA_CERT");
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), output).await;
    let output = output.expect("it ends").expect("the program");
    let text = printed(&output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("no answer in time"), "{text}");
    assert!(text.contains("SUPABASE_DB_URL"), "no remedy: {text}");
    text
}

fn restore(folder: &std::path::Path, to: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(binary("xtask"));
    command.arg("restore").arg(folder).args(["--to", to]);
    command
}

#[tokio::test]
async fn a_backup_gives_it_up_and_leaves_no_manifest() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let proxy = proxy_before(&database.url);
    let url = through(&proxy, &database.url) + IMPATIENT;
    for (conduct, doing) in [
        (Conduct::silent(), "connecting to Postgres"),
        // The header of a table's rows.
        (
            Conduct::cut(
                Direction::ToClient,
                Point::Before(b"odoo_id,", 1),
                Ending::BlackHole,
            ),
            "reading categories for a backup",
        ),
    ] {
        proxy.script([conduct]);
        let text = given_up(backup(&bucket, &url)).await;
        assert!(text.contains(doing), "{text}");
        assert_nothing_unfinished(&bucket).await;
    }
}

#[tokio::test]
async fn a_restore_gives_it_up_and_leaves_the_database_empty() {
    let database = TestDatabase::create().await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let data = back_up(&bucket, &database).await;
    let folder = bucket.download(location(&data)).await;
    let copy = TestDatabase::create_empty().await;
    let proxy = proxy_before(&copy.url);
    let url = through(&proxy, &copy.url) + IMPATIENT;
    for (conduct, doing) in [
        (Conduct::silent(), "connecting to Postgres"),
        (
            Conduct::cut(
                Direction::ToServer,
                Point::Before(b"copy odoo.", 1),
                Ending::BlackHole,
            ),
            "restoring categories",
        ),
    ] {
        proxy.script([conduct]);
        let text = given_up(restore(folder.path(), &url)).await;
        assert!(text.contains(doing), "{text}");
    }
    drop(proxy);
    // As far as Postgres knows the transactions are over once their connections are.
    run(&copy.client, "create schema odoo; drop schema odoo").await;
}
