//! TLS of the connection to Postgres: what of the server's certificate is checked, and by which
//! stream tokio-postgres speaks.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5912;

use super::sslmode::SslMode;
use crate::error::{Error, ErrorKind, Result};
use crate::tls::{self, Check};

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
pub(crate) fn connector(mode: SslMode, ca: Option<&str>) -> Result<Connector> {
    let check = check_for(mode, ca.is_some());
    let mut config = tls::client_config(check, ca.map(read_certificates).transpose()?);
    // A connection is one of its own, and its login is bound to the certificate that it saw.
    config.resumption = Resumption::disabled();
    Ok(Connector(TlsConnector::from(Arc::new(config))))
}

/// Reads `ca`, which is PEM text or the path of a PEM file.
///
/// # Errors
/// [`ErrorKind::Config`] if it is neither, or holds no certificate.
pub(crate) fn read_certificates(ca: &str) -> Result<Vec<CertificateDer<'static>>> {
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
    let certificates = tls::read_pem(&pem).ok_or_else(|| problem("its PEM text cannot be read"))?;
    if certificates.is_empty() {
        return Err(problem("its PEM text holds no certificate"));
    }
    Ok(certificates)
}

/// Opens TLS on connections to Postgres.
#[derive(Clone)]
pub(crate) struct Connector(TlsConnector);

impl MakeTlsConnect<Socket> for Connector {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Infallible> {
        Ok(Handshake {
            connector: self.0.clone(),
            host: host.to_owned(),
        })
    }
}

/// One handshake, to be made.
pub(crate) struct Handshake {
    connector: TlsConnector,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let host = ServerName::try_from(self.host)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            Ok(Encrypted(self.connector.connect(host, socket).await?))
        })
    }
}

/// An encrypted connection to Postgres.
pub(crate) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    /// Binds a login by SCRAM to this connection (`tls-server-end-point`).
    fn channel_binding(&self) -> ChannelBinding {
        let shown = self.0.get_ref().1.peer_certificates();
        let hash = shown
            .and_then(|certificates| certificates.first())
            .and_then(|certificate| hash_for_binding(certificate));
        hash.map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

/// The hash of a certificate, by the function that it is signed with and SHA-256 in place of what
/// is weaker (RFC 5929, section 4.1). `None` where its signature is none of function and key
/// alone: the RFC leaves it open, and Postgres offers no binding.
fn hash_for_binding(der: &[u8]) -> Option<Vec<u8>> {
    const SHA_256: [ObjectIdentifier; 3] = [
        rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        rfc5912::ECDSA_WITH_SHA_256,
    ];
    const SHA_384: [ObjectIdentifier; 2] = [
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION,
        rfc5912::ECDSA_WITH_SHA_384,
    ];
    const SHA_512: [ObjectIdentifier; 2] = [
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
        rfc5912::ECDSA_WITH_SHA_512,
    ];
    let signed_with = Certificate::from_der(der).ok()?.signature_algorithm().oid;
    match signed_with {
        oid if SHA_256.contains(&oid) => Some(Sha256::digest(der).to_vec()),
        oid if SHA_384.contains(&oid) => Some(Sha384::digest(der).to_vec()),
        oid if SHA_512.contains(&oid) => Some(Sha512::digest(der).to_vec()),
        _ => None,
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
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
