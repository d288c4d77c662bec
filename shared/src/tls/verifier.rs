//! What rustls asks about a server's certificate.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use webpki::RawPublicKeyEntity;

use super::Check;
use super::chain::Chain;
use super::host;
use super::refusal::Refusal;
use super::trust::Trust;

/// Checks as much as it is told to. That the server has the key of what it shows is checked
/// always: else whoever stands between could show another's certificate, to which a login is bound.
#[derive(Debug)]
pub(super) struct Verifier {
    check: Check,
    trust: Trust,
    cryptography: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(check: Check, trust: Trust, cryptography: Arc<CryptoProvider>) -> Self {
        Self {
            check,
            trust,
            cryptography,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.check != Check::Nothing {
            let chain = Chain {
                trusted: self.trust.certificates(),
                algorithms: self.cryptography.signature_verification_algorithms.all,
                now,
            };
            let signed = chain.check(shown, between)?;
            if self.check == Check::ChainAndHost {
                host::check(shown, signed, host)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = key_of(shown)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(Refusal::from)?;
        let known = &self.cryptography.signature_verification_algorithms;
        let scheme = known.mapping.iter().find(|it| it.0 == signed.scheme);
        let (_, kinds) = scheme.ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
        // In TLS 1.2 a scheme leaves the curve open.
        let mut kinds = kinds.iter();
        kinds
            .any(|kind| {
                let outcome = key.verify_signature(*kind, message, signed.signature());
                outcome.is_ok()
            })
            .then(HandshakeSignatureValid::assertion)
            .ok_or_else(|| Refusal::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.cryptography.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key_of(shown)?, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.cryptography.signature_verification_algorithms;
        known.supported_schemes()
    }
}

/// The public key of a certificate of any version. This function of webpki's is the one that reads
/// them all; trusted is nothing by that.
fn key_of(shown: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Refusal> {
    let parts = webpki::anchor_from_trusted_cert(shown)?;
    Ok(webpki::spki_for_anchor(&parts))
}
