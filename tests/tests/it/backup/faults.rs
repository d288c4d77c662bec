//! An S3, a role or a deadline that keeps a backup from being finished: what is left is known
//! for no backup, and costs nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::mirror::{contents, fill_two_parts, location, run};
use super::restored::restored;
use super::s3::{Bucket, Mood};
use crate::support::function::{Answer, Function};
use crate::support::postgres::TestDatabase;

/// The message of a failure that Lambda hears of, and so tries again.
fn failure(answer: &Answer) -> String {
    let Answer::Error(error) = answer else {
        panic!("no failure: {answer:?}");
    };
    error["errorMessage"]
        .as_str()
        .expect("a message")
        .to_owned()
}

pub(super) async fn assert_nothing_unfinished(bucket: &Bucket) {
    assert_eq!(bucket.open_uploads().await, 0);
    let keys = bucket.keys().await;
    assert!(
        !keys.iter().any(|key| key.ends_with("manifest.json")),
        "{keys:?}"
    );
    assert!(
        !keys.iter().any(|key| key.ends_with("products.csv.gz")),
        "{keys:?}"
    );
}

#[tokio::test]
async fn an_s3_that_fails_midway_leaves_no_manifest_and_no_open_upload() {
    let database = TestDatabase::create().await;
    fill_two_parts(&database.client).await;
    let bucket = Bucket::create().await;
    bucket.set_mood(Mood::FailsAtPart(2));
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    let message = failure(&function.invoke(&json!({})).await);
    assert!(message.starts_with("s3_fault: "), "{message}");
    assert!(message.contains("InternalError"), "{message}");
    let seen = bucket.seen();
    let of = |what: &str| seen.iter().filter(|it| it.contains(what)).count();
    assert_eq!(of("partNumber=1&"), 1, "{seen:#?}");
    assert_eq!(of("partNumber=2&"), 2, "it is tried again: {seen:#?}");
    assert_eq!(of("DELETE "), 1, "{seen:#?}");
    assert_nothing_unfinished(&bucket).await;

    // What Lambda's own retry meets.
    bucket.set_mood(Mood::FailsOnce);
    let answer = function.call(&json!({})).await;
    let copy = restored(&bucket, location(&answer["data"])).await;
    assert_eq!(
        contents(&copy.client).await,
        contents(&database.client).await
    );
    assert_eq!(bucket.open_uploads().await, 0);
}

#[tokio::test]
async fn a_backup_that_lambda_s_deadline_ends_takes_its_upload_back() {
    let database = TestDatabase::create().await;
    fill_two_parts(&database.client).await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    bucket.set_mood(Mood::WaitsAtPart(2));
    function.send_with_deadline(&json!({}), Duration::from_secs(15));
    let message = failure(&function.answer().await);
    assert!(message.starts_with("deadline: "), "{message}");
    bucket.set_mood(Mood::Takes);
    assert_nothing_unfinished(&bucket).await;
}

#[tokio::test]
async fn a_bucket_that_is_not_there_or_not_named_is_told_by_its_variable() {
    let database = TestDatabase::create().await;
    let bucket = Bucket::create().await;
    let mut environment = bucket.environment(&database.url);
    environment.insert("SYNC_BACKUP_BUCKET", "no-such-bucket-of-ours".to_owned());
    let mut function = Function::start("backup", &environment).await;
    let message = failure(&function.invoke(&json!({})).await);
    assert!(message.starts_with("config: "), "{message}");
    assert!(message.contains("SYNC_BACKUP_BUCKET"), "{message}");
    assert!(message.contains("NoSuchBucket"), "{message}");

    environment.remove("SYNC_BACKUP_BUCKET");
    let mut function = Function::start("backup", &environment).await;
    let message = failure(&function.invoke(&json!({})).await);
    assert!(
        message.starts_with("config: SYNC_BACKUP_BUCKET is missing"),
        "{message}"
    );

    environment.insert("SYNC_BACKUP_BUCKET", bucket.name.clone());
    environment.insert("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned());
    let mut function = Function::start("backup", &environment).await;
    let message = failure(&function.invoke(&json!({})).await);
    assert!(message.starts_with("s3_unreachable: "), "{message}");
    assert!(message.contains("not reached"), "{message}");
}

#[tokio::test]
async fn an_outage_of_s3_is_tried_again_and_is_no_fault_of_the_configuration() {
    let database = TestDatabase::create().await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    for (mood, code, attempts) in [(Mood::IsDown, "s3_fault", 2), (Mood::Denies, "config", 1)] {
        bucket.set_mood(mood);
        let before = bucket.seen().len();
        let message = failure(&function.invoke(&json!({})).await);
        assert!(message.starts_with(&format!("{code}: ")), "{message}");
        let seen = bucket.seen();
        assert_eq!(seen.len() - before, attempts, "{code}: {seen:#?}");
    }
    let log = function.end().await;
    assert!(log.contains("s3:PutObject"), "the right is named: {log}");
    assert!(!log.contains("back soon"), "{log}");
}

/// With row level security on it would see no row at all, and a backup of nothing looks whole.
#[tokio::test]
async fn a_role_that_may_not_see_all_rows_takes_no_backup() {
    let database = TestDatabase::create().await;
    let role = format!("reader_{}", std::process::id());
    run(
        &database.client,
        &format!(
            "insert into odoo.categories (odoo_id) values (1);
             create role {role} login password 'leise';
             grant usage on schema odoo to {role};
             grant select on all tables in schema odoo to {role};"
        ),
    )
    .await;
    let mut url = reqwest::Url::parse(&database.url).expect("a URL");
    url.set_username(&role).expect("a name");
    url.set_password(Some("leise")).expect("a password");
    let bucket = Bucket::create().await;
    let mut function = Function::start("backup", &bucket.environment(url.as_str())).await;
    let message = failure(&function.invoke(&json!({})).await);
    run(
        &database.client,
        &format!("drop owned by {role}; drop role {role}"),
    )
    .await;
    assert!(message.starts_with("db_auth: "), "{message}");
    assert!(message.contains("row-level security"), "{message}");
    assert_nothing_unfinished(&bucket).await;
}

#[tokio::test]
async fn a_database_without_migrations_has_nothing_to_back_up() {
    let database = TestDatabase::create_empty().await;
    let bucket = Bucket::create().await;
    let environment = bucket.environment(&database.url);
    let mut function = Function::start("backup", &environment).await;
    // Whatever the event, a schedule's too.
    let event: Value =
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}});
    let message = failure(&function.invoke(&event).await);
    assert!(message.starts_with("db_schema: "), "{message}");
    assert_eq!(bucket.keys().await, Vec::<String>::new());
}
