//! Why a TLS handshake failed, in words for a person: the same for Odoo and for Postgres, and
//! where OpenSSL has words for it, those, because they are what people look for.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use rustls::{CertificateError, OtherError};
use thiserror::Error;

/// Why a certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("certificate has expired")]
    Expired,
    #[error("the CA that signed it has expired or is not yet valid")]
    CaOutdated,
    #[error("certificate is not yet valid")]
    NotYetValid,
    #[error("unable to get local issuer certificate")]
    UnknownIssuer,
    #[error("self-signed certificate")]
    SelfSigned,
    #[error("hostname mismatch")]
    OtherHost,
    #[error("IP address mismatch")]
    OtherAddress,
    #[error("certificate signature failure")]
    BadSignature,
    #[error("unsuitable certificate purpose")]
    OtherPurpose,
    #[error("its key or its signature is of a kind that is not supported")]
    Unsupported,
    #[error("it is a CA's, which no server may show")]
    CaAsServer,
    #[error("it cannot be read")]
    Unreadable,
    /// What has no words of its own.
    #[error("{0}")]
    Other(String),
}

impl From<webpki::Error> for Refusal {
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as E;
        match error {
            E::CertExpired { .. } => Self::Expired,
            E::CertNotValidYet { .. } => Self::NotYetValid,
            E::UnknownIssuer => Self::UnknownIssuer,
            E::InvalidSignatureForPublicKey => Self::BadSignature,
            E::RequiredEkuNotFoundContext(_) => Self::OtherPurpose,
            E::CaUsedAsEndEntity => Self::CaAsServer,
            E::UnsupportedSignatureAlgorithmContext(_)
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Unsupported,
            E::BadDer => Self::Unreadable,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> Self {
        let other = CertificateError::Other(OtherError(Arc::new(refusal)));
        Self::InvalidCertificate(other)
    }
}

/// Why TLS was refused, where `error` or a cause of it says so; `None` where the connection broke,
/// which may pass.
pub(crate) fn refusal(error: &(dyn StdError + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(refused) = cause.downcast_ref::<rustls::Error>() {
            return Some(reason(refused));
        }
        // An `io::Error` does not count what it carries among its causes.
        let carried = cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => cause.source(),
        };
    }
    None
}

fn reason(refused: &rustls::Error) -> String {
    use rustls::Error as E;
    match refused {
        E::InvalidCertificate(CertificateError::Other(why)) => {
            format!("the server's certificate is refused: {why}")
        }
        E::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        E::PeerIncompatible(_) => {
            "the server has neither TLS 1.3 nor TLS 1.2 with ECDHE".to_owned()
        }
        E::AlertReceived(alert) => format!("the server refuses it with the alert {alert:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rustls::{AlertDescription, InvalidMessage};

    use super::*;

    #[test]
    fn the_reason_is_found_however_deep_it_lies() {
        let wrapped = |error: rustls::Error| io::Error::other(io::Error::other(error));
        for (error, told) in [
            (
                Refusal::Expired.into(),
                "the server's certificate is refused: certificate has expired",
            ),
            (
                InvalidMessage::InvalidContentType.into(),
                "what answers there does not speak TLS",
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
                "the server refuses it with the alert HandshakeFailure",
            ),
        ] {
            assert_eq!(refusal(&wrapped(error)).as_deref(), Some(told));
        }
    }

    #[test]
    fn a_connection_that_broke_is_no_refusal() {
        let broken = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
        assert_eq!(refusal(&broken), None);
    }
}
