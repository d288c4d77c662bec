//! `cargo xtask backup` and `cargo xtask restore` as a person types them, over S3 both ways.

use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;

use super::faults::assert_nothing_unfinished;
use super::mirror::{contents, fill_two_parts, fill_with_what_is_hard_to_write, run};
use super::s3::{Bucket, Mood};
use crate::support::function::binary;
use crate::support::postgres::TestDatabase;
use crate::support::wait_until;

async fn xtask(bucket: &Bucket, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("xtask"));
    command.args(arguments).envs(bucket.aws_variables());
    command.output().await.expect("the program")
}

pub(super) fn printed(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).expect("text")
}

/// `cargo xtask backup` of this database.
pub(super) fn backup(bucket: &Bucket, database_url: &str) -> Command {
    let mut command = Command::new(binary("xtask"));
    command
        .args(["backup", &bucket.name])
        .envs(bucket.aws_variables())
        .env("SUPABASE_DB_URL", database_url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn what_one_command_puts_into_s3_the_other_loads_from_there() {
    let database = TestDatabase::create().await;
    fill_two_parts(&database.client).await;
    run(
        &database.client,
        "delete from odoo.products where odoo_id < 4",
    )
    .await;
    fill_with_what_is_hard_to_write(&database.client).await;
    let bucket = Bucket::create().await;
    let taken = backup(&bucket, &database.url)
        .output()
        .await
        .expect("the program");
    assert!(taken.status.success(), "{}", printed(&taken));
    let text = printed(&taken);
    let (_, location) = text.split_once(" rows in ").expect("a location");
    let location = location.split_whitespace().next().expect("a location");

    let copy = TestDatabase::create_empty().await;
    let arguments = ["restore", location, "--to", &copy.url];
    let restored = xtask(&bucket, &arguments).await;
    assert!(restored.status.success(), "{}", printed(&restored));
    assert!(printed(&restored).contains("✓ products: 180000 rows"));
    assert_eq!(
        contents(&copy.client).await,
        contents(&database.client).await
    );

    // A second time there are rows.
    let refused = xtask(&bucket, &arguments).await;
    assert!(!refused.status.success());
    assert!(
        printed(&refused).contains("holds rows"),
        "{}",
        printed(&refused)
    );
    let nothing = format!("s3://{}/backups/none", bucket.name);
    let refused = xtask(&bucket, &["restore", &nothing, "--to", &copy.url]).await;
    assert!(
        printed(&refused).contains("no manifest.json"),
        "{}",
        printed(&refused)
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_not_taken_for_a_backup_that_is_not() {
    let bucket = Bucket::create().await;
    let database = TestDatabase::create_empty().await;
    for (location, message, remedy) in [
        (
            "s3://no-such-bucket-of-ours/backups/none".to_owned(),
            "NoSuchBucket",
            "look at SYNC_BACKUP_BUCKET or the address that was given, and at AWS_REGION",
        ),
        (
            format!("s3://{}/backups/none", bucket.name),
            "no manifest.json",
            "aws s3 ls s3://backups-",
        ),
    ] {
        let refused = xtask(&bucket, &["restore", &location, "--to", &database.url]).await;
        assert!(!refused.status.success());
        let text = printed(&refused);
        assert!(text.contains(message), "{location}: {text}");
        assert!(text.contains(remedy), "{location}: {text}");
    }
}

#[tokio::test]
async fn ctrl_c_takes_back_what_is_on_its_way() {
    let database = TestDatabase::create().await;
    fill_two_parts(&database.client).await;
    let bucket = Bucket::create().await;
    bucket.set_mood(Mood::WaitsAtPart(2));
    let child = backup(&bucket, &database.url).spawn().expect("a program");
    wait_until("a second part is on its way", async || {
        bucket.seen().iter().any(|it| it.contains("partNumber=2&"))
    })
    .await;
    assert_eq!(bucket.open_uploads().await, 1);
    let id = child.id().expect("it runs");
    let id = Pid::from_raw(i32::try_from(id).expect("an id")).expect("an id");
    kill_process(id, Signal::INT).expect("a signal");
    let output = child.wait_with_output().await.expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", printed(&output));
    assert_nothing_unfinished(&bucket).await;
}
