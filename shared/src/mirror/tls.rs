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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_ca_is_checked_in_every_mode_and_the_host_only_in_verify_full() {
        for (mode, without_ca, with_ca) in [
            (SslMode::Prefer, Check::Nothing, Check::Chain),
            (SslMode::Require, Check::Nothing, Check::Chain),
            (SslMode::VerifyCa, Check::Chain, Check::Chain),
            (
                SslMode::VerifyFull,
                Check::ChainAndHost,
                Check::ChainAndHost,
            ),
        ] {
            assert_eq!(check_for(mode, false), without_ca, "{mode:?}");
            assert_eq!(check_for(mode, true), with_ca, "{mode:?}");
        }
    }

    #[test]
    fn a_ca_that_is_none_is_refused_without_being_repeated() {
        for ca in [
            "/no/such/hunter2.pem",
            "hunter2",
            "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
        ] {
            let Err(error) = read_certificates(ca) else {
                panic!("accepted: {ca}");
            };
            assert_eq!(error.kind(), ErrorKind::Config, "{ca}");
            assert!(error.to_string().contains("SUPABASE_CA_CERT"), "{error}");
            assert!(!error.chain().contains("hunter2"), "{}", error.chain());
        }
    }
}
