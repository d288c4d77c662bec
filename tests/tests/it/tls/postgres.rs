//! `sslmode=verify-full` to Postgres, through a function: what `postgres.rs` asks of the connection
//! alone is what a caller is told.

use odoo_sim::Version;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::certificate::{Validity, self_signed};
use crate::support::postgres::variable;
use crate::support::shop::{Shop, assert_failed};

/// `url` at another host and port, with the certificate checked to the full.
fn verified(url: &str, host: &str, port: Option<u16>) -> String {
    let mut url = Url::parse(url).expect("a URL");
    url.set_host(Some(host)).expect("a host");
    if port.is_some() {
        url.set_port(port).expect("a host");
    }
    url.set_query(Some("sslmode=verify-full"));
    url.into()
}

#[tokio::test]
async fn a_mirror_behind_a_private_ca_is_filled() {
    let shop = Shop::open(Version::V14).await;
    let url = verified(&shop.database.url, "localhost", None);
    let ca = variable("TEST_CA_CERT");
    let mut function = shop
        .function_with(&[("SUPABASE_DB_URL", &url), ("SUPABASE_CA_CERT", &ca)])
        .await;
    shop.sync(&mut function).await;
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_certificate_that_does_not_pass_is_db_unreachable_with_the_reason() {
    let shop = Shop::open(Version::V14).await;
    let ca = variable("TEST_CA_CERT");
    let another = self_signed("another CA", Validity::Now);
    let expired = another.issue("localhost", Validity::Past);
    let elsewhere = another.issue("db.example", Validity::Now);
    let url = &shop.database.url;
    let pooler = shop.database.pooler_config();
    for (url, ca, reason) in [
        (
            verified(url, "localhost", None),
            another.pem(),
            "certificate is refused: unable to get local issuer certificate",
        ),
        (
            verified(url, "127.0.0.1", None),
            ca.clone(),
            "certificate is refused: IP address mismatch",
        ),
        (
            verified(url, "localhost", Some(elsewhere.serve())),
            another.pem(),
            "certificate is refused: hostname mismatch",
        ),
        (
            verified(url, "localhost", Some(expired.serve())),
            another.pem(),
            "certificate is refused: certificate has expired",
        ),
        // PgBouncer is started without TLS.
        (
            verified(pooler.url.expose_secret(), "localhost", None),
            ca,
            "server does not support TLS",
        ),
    ] {
        let mut function = shop
            .function_with(&[
                ("SUPABASE_DB_URL", &url),
                ("SUPABASE_CA_CERT", &ca),
                // A retry would outlast the test.
                ("SYNC_RETRY_DELAY_MS", "60000"),
            ])
            .await;
        let answer = function.call(&json!({})).await;
        let message = assert_failed(&answer, "db_unreachable");
        assert!(message.contains(reason), "{message}");
        shop.assert_discreet(&mut function, &[answer]).await;
    }
    assert_eq!(shop.runs().await.len(), 0);
}
