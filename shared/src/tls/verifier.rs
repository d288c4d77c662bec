//! What rustls asks about a server's certificate. Its own verifier answers; this one only leaves
//! out what it was told to, and makes that verifier when it is first needed.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::Check;

/// Checks as much as it is told to. That the server has the key of what it shows is checked
/// always: else whoever stands between could show another's certificate, to which a login is bound.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    given: Option<Vec<CertificateDer<'static>>>,
    cryptography: Arc<CryptoProvider>,
    whole: OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>,
}

impl Verifier {
    pub(super) fn new(
        check: Check,
        given: Option<Vec<CertificateDer<'static>>>,
        cryptography: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            check,
            given,
            cryptography,
            whole: OnceLock::new(),
        }
    }

    /// The verifier that checks all.
    fn whole(&self) -> Result<&WebPkiServerVerifier, Error> {
        let whole = self.whole.get_or_init(|| {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(self.given.clone().unwrap_or_else(system));
            if roots.is_empty() {
                return Err(Error::General("no CA certificate is trusted".to_owned()));
            }
            let cryptography = Arc::clone(&self.cryptography);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), cryptography)
                .build()
                .map_err(|error| Error::General(error.to_string()))
        });
        match whole {
            Ok(whole) => Ok(whole),
            Err(error) => Err(error.clone()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.check == Check::Nothing {
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self
            .whole()?
            .verify_server_cert(shown, between, host, ocsp_response, now);
        match verified {
            // rustls looks at the name last, when the chain is known to be good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Chain => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.cryptography.signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.cryptography.signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.cryptography.signature_verification_algorithms;
        known.supported_schemes()
    }
}

/// The system's CAs, wherever the distribution keeps them, or those of `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`. What cannot be read is passed over.
fn system() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}
