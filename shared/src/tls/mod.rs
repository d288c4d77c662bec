//! TLS: whom a connection trusts, and why one was refused. One stack, rustls with ring, carries
//! Odoo, Postgres and AWS.
//!
//! Certificates are verified by rustls's own verifier (webpki). What stands here is what `sslmode`
//! leaves out, and where the trusted CAs come from. No certificate is parsed before a server
//! shows one.

mod refusal;
mod verifier;

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

pub(crate) use refusal::refusal;
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

/// Trusts the CAs `given`; where none are, those of the system or of `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`.
pub(crate) fn client_config(
    check: Check,
    given: Option<Vec<CertificateDer<'static>>>,
) -> ClientConfig {
    let verifier = Verifier::new(check, given, CRYPTOGRAPHY.clone());
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

/// Reads the CA certificates of PEM text, each of which can be read whole; other sections are
/// passed over. `None` if one cannot be read.
pub(crate) fn read_pem(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let sections = CertificateDer::pem_slice_iter(text.as_bytes());
    let certificates: Vec<_> = sections.collect::<Result<_, pem::Error>>().ok()?;
    let mut roots = RootCertStore::empty();
    let (_, unread) = roots.add_parsable_certificates(certificates.iter().cloned());
    (unread == 0).then_some(certificates)
}
