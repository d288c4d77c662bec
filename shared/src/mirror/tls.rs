//! TLS of the connection to Postgres: which certificates are trusted, and what of the
//! server's is checked.

use std::fs;

use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;

use super::sslmode::SslMode;
use crate::error::{Error, ErrorKind, Result};

/// What of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Chain,
    ChainAndHost,
}

/// As in libpq, whoever gives a CA wants it checked, so `require` is then `verify-ca`.
fn check_for(mode: SslMode, has_ca: bool) -> Check {
    match mode {
        SslMode::VerifyFull => Check::ChainAndHost,
        SslMode::VerifyCa => Check::Chain,
        SslMode::Disable | SslMode::Prefer | SslMode::Require if has_ca => Check::Chain,
        SslMode::Disable | SslMode::Prefer | SslMode::Require => Check::Nothing,
    }
}

/// A connector for one connection. `ca` replaces the system's CAs; they are trusted only
/// where none is given.
///
/// # Errors
/// [`ErrorKind::Config`] if `ca` holds no certificates.
pub(crate) fn connector(mode: SslMode, ca: Option<&str>) -> Result<MakeTlsConnector> {
    let check = check_for(mode, ca.is_some());
    let mut builder = TlsConnector::builder();
    if let Some(ca) = ca {
        builder.disable_built_in_roots(true);
        for certificate in read_certificates(ca)? {
            builder.add_root_certificate(certificate);
        }
    }
    builder
        .danger_accept_invalid_certs(check == Check::Nothing)
        .danger_accept_invalid_hostnames(check != Check::ChainAndHost);
    let connector = builder.build().map_err(|error| {
        Error::new(ErrorKind::Internal, "TLS cannot be set up").with_source(error)
    })?;
    Ok(MakeTlsConnector::new(connector))
}

/// Reads `ca`, which is PEM text or the path of a PEM file.
///
/// # Errors
/// [`ErrorKind::Config`] if it is neither, or holds no certificate.
pub(crate) fn read_certificates(ca: &str) -> Result<Vec<Certificate>> {
    let problem = |why: &str| {
        Error::new(
            ErrorKind::Config,
            format!("SUPABASE_CA_CERT is malformed: {why}"),
        )
    };
    let pem = if ca.contains("-----BEGIN") {
        // Some consoles store a line break of a variable as the two characters "\n".
        ca.replace("\\n", "\n")
    } else {
        fs::read_to_string(ca).map_err(|error| {
            problem("it is neither PEM text nor the path of a readable PEM file").with_source(error)
        })?
    };
    let certificates = Certificate::stack_from_pem(pem.as_bytes())
        .map_err(|error| problem("its PEM text cannot be read").with_source(error))?;
    if certificates.is_empty() {
        return Err(problem("its PEM text holds no certificate"));
    }
    Ok(certificates)
}

/// What a failed handshake comes down to. OpenSSL's text names its own source files and
/// ends, where a certificate was refused, with the reason in parentheses.
pub(crate) fn reason(handshake_error: &str) -> String {
    let refused = handshake_error
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('));
    match refused {
        Some((_, why)) => format!("the server's certificate is refused: {why}"),
        None => handshake_error.to_owned(),
    }
}
