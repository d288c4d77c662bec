//! TLS: whom a connection trusts, and why one was refused. One stack, rustls with ring, carries
//! Odoo, Postgres and AWS.
//!
//! What is accepted is what libpq and OpenSSL accept, within what rustls can do: TLS 1.2 with
//! ECDHE, and 1.3. rustls's own verifier differs from them where private CAs are at home: it knows
//! neither certificates that are their own CA, nor names in the subject, nor X.509 v1, and it asks
//! nothing of a trusted CA, not even whether it has expired. So the verifier is ours ([`verifier`]),
//! on the parts that webpki is made of.
//!
//! No certificate is parsed before a server shows one.

mod chain;
mod host;
mod refusal;
mod trust;
mod verifier;

use std::sync::{Arc, LazyLock};

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;

pub(crate) use refusal::refusal;
use trust::Trust;
pub(crate) use trust::read_pem;
use verifier::Verifier;

/// What of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Only that the server has its key.
    Nothing,
    /// And that someone trusted has signed it.
    Chain,
    /// And that it is for this host.
    ChainAndHost,
}

static CRYPTOGRAPHY: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(ring::default_provider()));

/// Trusts the system's CAs, those of `SSL_CERT_FILE` and of `SSL_CERT_DIR`, or only `given`.
pub(crate) fn client_config(
    check: Check,
    given: Option<Vec<CertificateDer<'static>>>,
) -> ClientConfig {
    let verifier = Verifier::new(check, Trust::new(given), CRYPTOGRAPHY.clone());
    ClientConfig::builder_with_provider(CRYPTOGRAPHY.clone())
        .with_safe_default_protocol_versions()
        .expect("ring has ciphers of both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

/// Trusts the system's CAs, for the host that is asked for.
pub fn trust_system() -> ClientConfig {
    client_config(Check::ChainAndHost, None)
}

/// What every HTTP client is made of. reqwest's own default would ask for another cryptography,
/// and panic where there is none.
pub fn http_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_backend_preconfigured(trust_system())
}
