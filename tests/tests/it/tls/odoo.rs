//! `https` to Odoo: the system's CAs, or those of `SSL_CERT_FILE`.

use std::io::Write;
use std::net::SocketAddr;

use odoo_sim::Version;
use reqwest::Url;
use serde_json::json;
use tempfile::NamedTempFile;

use super::terminator::Terminator;
use crate::support::certificate::{Certificate, Validity, self_signed};
use crate::support::shop::{Shop, VERSIONS};

/// The name that functions are told to call.
const HOST: &str = "localhost";

fn private_ca() -> Certificate {
    self_signed("a private CA", Validity::Now)
}

/// What `SSL_CERT_FILE` names.
fn file_of(ca: &Certificate) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(ca.pem().as_bytes()).expect("a file");
    file
}

fn path_of(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a plain path")
}

/// Where the shop's Odoo listens.
fn address_of(shop: &Shop) -> SocketAddr {
    let url = Url::parse(shop.sim.url()).expect("a URL");
    let mut addresses = url.socket_addrs(|| None).expect("an address");
    addresses.pop().expect("an address")
}

fn https(port: u16) -> String {
    format!("https://{HOST}:{port}")
}

/// A sync fails at once, is on record with the reason, and repeats no secret.
async fn assert_refused(shop: &Shop, odoo_url: &str, ca: Option<&NamedTempFile>, reason: &str) {
    let mut variables = vec![
        ("ODOO_URL", odoo_url),
        // A retry would outlast the test.
        ("SYNC_RETRY_DELAY_MS", "60000"),
    ];
    variables.extend(ca.map(|file| ("SSL_CERT_FILE", path_of(file))));
    let mut function = shop.function_with(&variables).await;
    let answer = function.call(&json!({})).await;
    let message = shop.assert_recorded(&answer, "odoo_unreachable").await;
    assert!(message.contains("TLS handshake with Odoo"), "{message}");
    assert!(message.contains(reason), "{message}");
    assert_eq!(answer["data"]["retries"], 0, "{message}");
    shop.assert_discreet(&mut function, &[answer]).await;
}

#[tokio::test]
async fn an_odoo_behind_a_private_ca_is_mirrored_over_either_protocol() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let ca = private_ca();
        let certificate = ca.issue(HOST, Validity::Now);
        let terminator = Terminator::start(&certificate, address_of(&shop)).await;
        let file = file_of(&ca);
        let mut function = shop
            .function_with(&[
                ("ODOO_URL", &https(terminator.port)),
                ("SSL_CERT_FILE", path_of(&file)),
            ])
            .await;
        shop.sync(&mut function).await;
        shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_certificate_that_does_not_pass_is_odoo_unreachable_with_the_reason() {
    let shop = Shop::open(Version::V19).await;
    let (ca, another) = (private_ca(), self_signed("another CA", Validity::Now));
    let (ca_file, another_file) = (file_of(&ca), file_of(&another));
    for (certificate, trusted, reason) in [
        (
            ca.issue(HOST, Validity::Now),
            Some(&another_file),
            "unable to get local issuer certificate",
        ),
        // The system's CAs know nothing of it.
        (
            ca.issue(HOST, Validity::Now),
            None,
            "unable to get local issuer certificate",
        ),
        (
            self_signed(HOST, Validity::Now),
            None,
            "it is a CA's own, as a self-signed one is: let a CA sign one for the server",
        ),
        (
            ca.issue("odoo.example", Validity::Now),
            Some(&ca_file),
            "hostname mismatch",
        ),
        (
            ca.issue(HOST, Validity::Past),
            Some(&ca_file),
            "certificate has expired",
        ),
    ] {
        let terminator = Terminator::start(&certificate, address_of(&shop)).await;
        let reason = format!("the server's certificate is refused: {reason}");
        assert_refused(&shop, &https(terminator.port), trusted, &reason).await;
    }
    assert_eq!(shop.sim.requests().len(), 0, "the key went to a stranger");
}

#[tokio::test]
async fn a_server_without_tls_at_an_https_address_is_odoo_unreachable() {
    let shop = Shop::open(Version::V14).await;
    let url = https(address_of(&shop).port());
    assert_refused(&shop, &url, None, "does not speak TLS").await;
}
