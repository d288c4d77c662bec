//! Which certificates a connection to Postgres takes. Where rustls's verifier is stricter than
//! libpq, this is what says so.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use reqwest::Url;
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, SupportedProtocolVersion};
use shared::config::{PostgresConfig, RetryConfig};
use shared::error::{Error, ErrorKind, Retry};
use shared::mirror::connect::{Connection, connect};

use super::terminator::Terminator;
use crate::support::certificate::{Certificate, Name, Validity, self_signed, signed_by_itself};
use crate::support::postgres::variable;

const HOST: &str = "localhost";
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a server shows.
struct Shown<'a> {
    certificate: &'a Certificate,
    between: &'a [&'a Certificate],
    versions: &'a [&'static SupportedProtocolVersion],
}

impl<'a> From<&'a Certificate> for Shown<'a> {
    fn from(certificate: &'a Certificate) -> Self {
        Self {
            certificate,
            between: &[],
            versions: ALL_VERSIONS,
        }
    }
}

fn address_of(url: &Url) -> SocketAddr {
    let mut addresses = url.socket_addrs(|| Some(5432)).expect("an address");
    addresses.pop().expect("an address")
}

/// Connects to Postgres behind a server that shows this, as `host`.
async fn connect_to(
    shown: impl Into<Shown<'_>>,
    host: &str,
    sslmode: &str,
    ca: Option<String>,
) -> Result<Connection, Error> {
    let shown = shown.into();
    let mut url = Url::parse(&variable("TEST_DATABASE_URL")).expect("a URL");
    let config = shown
        .certificate
        .server_config(shown.between, shown.versions);
    let terminator = Terminator::before_postgres(config, address_of(&url)).await;
    url.set_host(Some(host)).expect("a host");
    url.set_port(Some(terminator.port)).expect("a port");
    url.set_query(Some(&format!("sslmode={sslmode}")));
    let config = PostgresConfig {
        url: url.to_string().into(),
        ca_cert: ca,
        retry: RetryConfig::NONE,
    };
    connect(&config).await
}

async fn assert_taken(
    what: &str,
    shown: impl Into<Shown<'_>>,
    host: &str,
    sslmode: &str,
    ca: &Certificate,
) {
    let mut connection = connect_to(shown, host, sslmode, Some(ca.pem()))
        .await
        .unwrap_or_else(|error| panic!("{what}: {}", error.chain()));
    let row = connection.client().query_one("select 1", &[]).await;
    row.unwrap_or_else(|error| panic!("{what}: {error}"));
}

async fn assert_refused(
    reason: &str,
    shown: impl Into<Shown<'_>>,
    host: &str,
    sslmode: &str,
    ca: &Certificate,
) {
    let Err(error) = connect_to(shown, host, sslmode, Some(ca.pem())).await else {
        panic!("taken, where it should be: {reason}");
    };
    assert_eq!(error.kind(), ErrorKind::DbUnreachable, "{error}");
    assert_eq!(error.retry(), Retry::Never, "{error}");
    let told = format!("the server's certificate is refused: {reason}");
    assert!(error.to_string().ends_with(&told), "{error}, not: {reason}");
}

fn ca() -> Certificate {
    self_signed("a private CA", Validity::Now)
}

#[tokio::test]
async fn the_host_counts_where_it_is_asked_for_and_only_among_the_alternative_names() {
    let ca = ca();
    let full = "verify-full";
    let named = ca.issue(HOST, Validity::Now);
    assert_taken("named", &named, HOST, full, &ca).await;
    for name in [Name::Host("db.example.com"), Name::Subject(HOST)] {
        let other = ca.issue_to(name, Validity::Now);
        assert_refused("hostname mismatch", &other, HOST, full, &ca).await;
        assert_taken("no host is asked for", &other, HOST, "verify-ca", &ca).await;
    }
}

#[tokio::test]
async fn an_address_must_be_named_as_one() {
    let ca = ca();
    let full = "verify-full";
    let address = ca.issue_to(Name::Address(ADDRESS), Validity::Now);
    assert_taken("named", &address, "127.0.0.1", full, &ca).await;
    for name in [Name::Host(HOST), Name::Subject("127.0.0.1")] {
        let other = ca.issue_to(name, Validity::Now);
        assert_refused("IP address mismatch", &other, "127.0.0.1", full, &ca).await;
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_refused_with_what_to_do() {
    let sslmodes = ["verify-ca", "verify-full"];
    let own = self_signed(HOST, Validity::Now);
    let reason = "it is a CA's own, as a self-signed one is: let a CA sign one for the server";
    for sslmode in sslmodes {
        assert_refused(reason, &own, HOST, sslmode, &own).await;
    }
}

#[tokio::test]
async fn only_a_trusted_signature_counts() {
    let ca = ca();
    let unknown = "unable to get local issuer certificate";
    let by_nobody = signed_by_itself(Name::Host(HOST));
    // Of the same name, with another key.
    let by_a_namesake = self::ca().issue(HOST, Validity::Now);
    for sslmode in ["require", "verify-ca", "verify-full"] {
        assert_refused(unknown, &by_nobody, HOST, sslmode, &ca).await;
        let forged = "certificate signature failure";
        assert_refused(forged, &by_a_namesake, HOST, sslmode, &ca).await;
    }
}

#[tokio::test]
async fn an_intermediate_ca_may_be_shown_or_given() {
    let full = "verify-full";
    let root = ca();
    let middle = root.issue_ca("an intermediate CA");
    let certificate = middle.issue(HOST, Validity::Now);
    let with_middle = Shown {
        between: &[&middle],
        ..Shown::from(&certificate)
    };
    assert_taken("shown", with_middle, HOST, full, &root).await;
    assert_taken("given", &certificate, HOST, full, &middle).await;
    let unknown = "unable to get local issuer certificate";
    assert_refused(unknown, &certificate, HOST, full, &root).await;
}

#[tokio::test]
async fn dates_count() {
    let ca = ca();
    for sslmode in ["require", "verify-ca", "verify-full"] {
        let past = ca.issue(HOST, Validity::Past);
        assert_refused("certificate has expired", &past, HOST, sslmode, &ca).await;
        let future = ca.issue(HOST, Validity::Future);
        assert_refused("certificate is not yet valid", &future, HOST, sslmode, &ca).await;
    }
}

#[tokio::test]
async fn without_a_ca_require_takes_any_certificate_in_either_version_of_tls() {
    let ca = ca();
    let certificates = [
        ca.issue("db.example.com", Validity::Past),
        self_signed("db.example.com", Validity::Now),
    ];
    for certificate in &certificates {
        for versions in [&[&TLS12], &[&TLS13]] {
            let shown = Shown {
                versions,
                ..Shown::from(certificate)
            };
            let outcome = connect_to(shown, HOST, "require", None).await;
            outcome.unwrap_or_else(|error| panic!("{versions:?}: {}", error.chain()));
        }
    }
}

#[tokio::test]
async fn tls_1_2_is_enough_for_verify_full() {
    let ca = ca();
    let certificate = ca.issue(HOST, Validity::Now);
    let shown = Shown {
        versions: &[&TLS12],
        ..Shown::from(&certificate)
    };
    assert_taken("TLS 1.2", shown, HOST, "verify-full", &ca).await;
}

#[tokio::test]
async fn a_login_is_bound_to_the_server_s_certificate() {
    let bound = |url: &Url| {
        let mut url = url.clone();
        url.set_query(Some("sslmode=require&channel_binding=require"));
        PostgresConfig {
            url: url.to_string().into(),
            ca_cert: None,
            retry: RetryConfig::NONE,
        }
    };
    let mut url = Url::parse(&variable("TEST_DATABASE_URL")).expect("a URL");
    connect(&bound(&url)).await.expect("bound");
    // Who stands between has another certificate.
    let config = ca().server_config(&[], ALL_VERSIONS);
    let terminator = Terminator::before_postgres(config, address_of(&url)).await;
    url.set_port(Some(terminator.port)).expect("a port");
    connect(&bound(&url)).await.expect_err("not bound");
}
