//! Variables that are missing or malformed.

use odoo_sim::Version;
use serde_json::json;

use crate::support::shop::{Shop, assert_failed};

const MALFORMED: [(&str, &str, &str); 23] = [
    ("ODOO_URL", "kennwort.example", "https://odoo.example.com"),
    ("ODOO_URL", "ftp://kennwort", "https://odoo.example.com"),
    ("ODOO_PROTOCOL", "xmlrpc-kennwort", "auto, json2, jsonrpc"),
    ("ODOO_COMPANY_ID", "kennwort", "a number from 1"),
    ("ODOO_TIMEOUT_MS", "99s", "a number from 1 to 900000"),
    ("ODOO_TIMEOUT_MS", "-77", "a number from 1 to 900000"),
    ("ODOO_MAX_REQUESTS_PER_SECOND", "NaN", "a number from 0.01"),
    ("ODOO_MAX_REQUESTS_PER_SECOND", "0.0", "a number from 0.01"),
    ("SUPABASE_DB_URL", "mysql://u:kennwort@h/db", "postgres://"),
    ("SUPABASE_DB_URL", "postgres://u:kennwort@[h/db", ""),
    ("SUPABASE_DB_URL", "postgres://u:kennwort@h:port/db", ""),
    (
        "SUPABASE_DB_URL",
        "postgres://u:p@h/db?sslmode=kennwort",
        "verify-full",
    ),
    ("SYNC_BATCH_SIZE", "0", "a number from 1 to 10000"),
    ("SYNC_BATCH_SIZE", "10001", "a number from 1 to 10000"),
    ("SYNC_MAX_RETRIES", "77.5", "a number from 0 to 10"),
    (
        "SYNC_RETRY_DELAY_MS",
        "kennwort",
        "a number from 1 to 60000",
    ),
    ("SYNC_OVERLAP_SECONDS", "86401", "a number from 0 to 86400"),
    ("SYNC_FETCH_CONCURRENCY", "9", "a number from 1 to 8"),
    ("SYNC_DELETE_MODE", "kennwort", "soft, hard"),
    ("SYNC_DELETE_GUARD_PERCENT", "101", "a number from 0 to 100"),
    ("SYNC_METRICS", "kennwort", "one of all, alarms, none"),
    (
        "SYNC_EXTRA_FIELDS",
        "kennwort",
        r#"{"products": ["x_brand"]}"#,
    ),
    (
        "SYNC_EXTRA_FIELDS",
        r#"{"products": "kennwort"}"#,
        r#"{"products": ["x_brand"]}"#,
    ),
];

#[tokio::test]
async fn a_malformed_variable_is_named_with_its_form_and_its_value_is_not_repeated() {
    let shop = Shop::open(Version::V19).await;
    for (name, value, form) in MALFORMED {
        let mut function = shop.function_with(&[(name, value)]).await;
        for attempt in ["first", "second"] {
            let answer = function.call(&json!({})).await;
            let message = assert_failed(&answer, "config");
            assert!(message.contains(name), "{attempt}: {message}");
            assert!(message.contains(form), "{name}={value}: {message}");
            for secret in ["kennwort", "ftp://", "99s", "-77", "10001", "77.5", "86401"] {
                assert!(!answer.to_string().contains(secret), "{answer}");
            }
        }
        let log = function.log().await;
        assert!(!log.contains("kennwort"), "{log}");
        shop.assert_discreet(&mut function, &[]).await;
    }
    assert_eq!(shop.runs().await.len(), 0);
    assert_eq!(shop.sim.requests().len(), 0, "nothing was asked of Odoo");
}

#[tokio::test]
async fn every_missing_variable_is_named_at_once_with_its_form() {
    let shop = Shop::open(Version::V14).await;
    let required = [
        ("ODOO_URL", "https://"),
        ("ODOO_DB", "the name of Odoo's database"),
        ("ODOO_USER", "a login name"),
        ("ODOO_PASSWORD", "a password or an API key"),
        ("SUPABASE_DB_URL", "postgres://"),
    ];
    for (name, form) in required {
        let mut function = shop.function_with(&[(name, " ")]).await;
        let answer = function.call(&json!({})).await;
        let message = assert_failed(&answer, "config");
        assert!(message.contains(&format!("{name} is missing")), "{message}");
        assert!(message.contains(form), "{message}");
        shop.assert_discreet(&mut function, &[answer]).await;
    }
    let nothing = required.map(|(name, _)| (name, ""));
    let mut function = shop.function_with(&nothing).await;
    let answer = function.call(&json!({})).await;
    let message = assert_failed(&answer, "config");
    for (name, _) in required {
        assert!(message.contains(name), "{message}");
    }
}

#[tokio::test]
async fn a_ca_that_cannot_be_read_is_named() {
    let shop = Shop::open(Version::V19).await;
    let url = shop.environment["SUPABASE_DB_URL"].replace("sslmode=disable", "sslmode=verify-full");
    for ca in ["/no/such/file.pem", "-----BEGIN CERTIFICATE-----\nkennwort"] {
        let mut function = shop
            .function_with(&[("SUPABASE_DB_URL", &url), ("SUPABASE_CA_CERT", ca)])
            .await;
        let answer = function.call(&json!({})).await;
        let message = assert_failed(&answer, "config");
        assert!(message.contains("SUPABASE_CA_CERT"), "{message}");
        assert!(!message.contains("kennwort"), "{message}");
        shop.assert_discreet(&mut function, &[answer]).await;
    }
}

#[tokio::test]
async fn a_mirror_filled_from_another_odoo_is_left_alone_until_that_is_mended() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let watermarks = shop.watermarks().await;

    let other = Shop::open(Version::V19).await;
    let mut stranger = shop.function_with(&[("ODOO_URL", other.sim.url())]).await;
    let answer = stranger.call(&json!({})).await;
    let message = shop.assert_recorded(&answer, "config").await;
    assert!(message.contains("ODOO_URL"), "{message}");
    assert_eq!(shop.watermarks().await, watermarks);
    shop.assert_mirrored().await;

    shop.change_something();
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsUpdated"], 1);
    shop.assert_mirrored().await;
    shop.assert_discreet(&mut stranger, &[answer]).await;
}

#[tokio::test]
async fn a_company_that_the_user_has_not_is_named() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function_with(&[("ODOO_COMPANY_ID", "7733")]).await;
    let answer = function.call(&json!({})).await;
    let message = shop.assert_recorded(&answer, "config").await;
    assert!(message.contains("ODOO_COMPANY_ID"), "{message}");
    shop.assert_discreet(&mut function, &[answer]).await;
}
