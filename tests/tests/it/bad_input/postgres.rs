//! A mirror that refuses: its login, a table, a right.

use odoo_sim::Version;
use reqwest::Url;
use serde_json::json;

use crate::support::shop::{Shop, assert_failed};

/// A password that is wrong and must not be repeated either.
const WRONG: &str = "falsches-kennwort";

#[tokio::test]
async fn a_login_that_postgres_refuses_is_db_auth_and_not_tried_again() {
    let shop = Shop::open(Version::V14).await;
    let changed = |change: &dyn Fn(&mut Url)| {
        let mut url = Url::parse(&shop.database.url).expect("a URL");
        change(&mut url);
        String::from(url)
    };
    let urls = [
        changed(&|url| url.set_password(Some(WRONG)).expect("a host")),
        changed(&|url| url.set_username("nobody").expect("a host")),
        changed(&|url| url.set_path("no_such_database")),
    ];
    for url in urls {
        // A retry would outlast the test.
        let mut function = shop
            .function_with(&[("SUPABASE_DB_URL", &url), ("SYNC_RETRY_DELAY_MS", "60000")])
            .await;
        let mut answers = Vec::new();
        for _ in 0..2 {
            let answer = function.call(&json!({})).await;
            let message = assert_failed(&answer, "db_auth");
            assert!(!message.contains(WRONG), "{message}");
            answers.push(answer);
        }
        assert!(!function.log().await.contains(WRONG));
        shop.assert_discreet(&mut function, &answers).await;
    }
    assert_eq!(shop.runs().await.len(), 0);
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_db_unreachable_after_all_retries() {
    let shop = Shop::open(Version::V19).await;
    let mut url = Url::parse(&shop.database.url).expect("a URL");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    url.set_port(Some(port)).expect("a host");
    let mut function = shop
        .function_with(&[("SUPABASE_DB_URL", url.as_str()), ("SYNC_MAX_RETRIES", "2")])
        .await;
    let answer = function.call(&json!({})).await;
    assert_failed(&answer, "db_unreachable");
    let retries = function.end().await.matches("retrying: ").count();
    assert_eq!(retries, 2);
}

#[tokio::test]
async fn a_missing_table_or_column_is_db_schema_and_the_migrations_are_named() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let mut answers = Vec::new();
    for (broken, mended) in [
        (
            "alter table odoo.products rename to elsewhere",
            "alter table odoo.elsewhere rename to products",
        ),
        (
            "alter table odoo.products rename column weight to elsewhere",
            "alter table odoo.products rename column elsewhere to weight",
        ),
    ] {
        let watermarks = shop.watermarks().await;
        shop.change_something();
        shop.execute(broken).await;
        let answer = function.call(&json!({})).await;
        shop.assert_recorded(&answer, "db_schema").await;
        let remedy = answer["error"]["remedy"].as_str().expect("text");
        assert!(remedy.contains("cargo xtask migrate"), "{remedy}");
        assert_eq!(shop.watermarks().await, watermarks);
        answers.push(answer);

        shop.execute(mended).await;
        let report = shop.sync(&mut function).await;
        assert_eq!(report["recordsUpdated"], 1, "{broken}");
        shop.assert_mirrored().await;
    }
    shop.assert_discreet(&mut function, &answers).await;
}

/// The failure must not hide in what is missing, nor hold the lease.
#[tokio::test]
async fn a_missing_table_of_findings_is_on_record_too() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.execute("alter table odoo.sync_findings rename to elsewhere")
        .await;
    let answer = function.call(&json!({})).await;
    let message = assert_failed(&answer, "db_schema");
    assert!(message.contains("odoo.sync_findings"), "{message}");
    let run = shop.runs().await.pop().expect("a run");
    assert_eq!(run["error_message"], message.as_str());
    assert_eq!(shop.metadata().await["sync_status"], "failed");

    shop.execute("alter table odoo.elsewhere rename to sync_findings")
        .await;
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut function, &[answer]).await;
}

#[tokio::test]
async fn without_the_metadata_table_nothing_is_asked_of_odoo() {
    let shop = Shop::open(Version::V19).await;
    shop.execute("alter schema odoo rename to elsewhere").await;
    let mut function = shop.function().await;
    for _ in 0..2 {
        let answer = function.call(&json!({})).await;
        let message = assert_failed(&answer, "db_schema");
        assert!(message.contains("odoo.sync_metadata"), "{message}");
    }
    assert_eq!(shop.sim.requests().len(), 0);
    shop.execute("alter schema elsewhere rename to odoo").await;
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut function, &[]).await;
}

#[tokio::test]
async fn a_role_without_the_right_to_write_is_db_auth_and_the_table_is_named() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let watermarks = shop.watermarks().await;
    shop.change_something();
    // What a missing grant looks like, for the superuser that tests connect as.
    shop.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin
             raise insufficient_privilege using message = 'permission denied for table products';
         end $$;
         create trigger refuse before insert on odoo.products
             for each statement execute function refuse()",
    )
    .await;
    let answer = function.call(&json!({})).await;
    let message = shop.assert_recorded(&answer, "db_auth").await;
    assert!(message.contains("products"), "{message}");
    assert_eq!(shop.watermarks().await, watermarks);

    shop.execute("drop trigger refuse on odoo.products").await;
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut function, &[answer]).await;
}
