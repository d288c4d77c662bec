//! `cargo xtask backup` and `cargo xtask restore` as a person types them, over S3 both ways.

use std::process::Output;

use tokio::process::Command;

use super::mirror::{contents, fill_two_parts, fill_with_what_is_hard_to_write, run};
use super::s3::Bucket;
use crate::support::function::binary;
use crate::support::postgres::TestDatabase;

async fn xtask(bucket: &Bucket, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("xtask"));
    command.args(arguments).envs(bucket.aws_variables());
    command.output().await.expect("the program")
}

fn printed(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(text).expect("text")
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
    let mut command = Command::new(binary("xtask"));
    command.args(["backup", &bucket.name]);
    command.envs(bucket.aws_variables());
    command.env("SUPABASE_DB_URL", &database.url);
    let taken = command.output().await.expect("the program");
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
