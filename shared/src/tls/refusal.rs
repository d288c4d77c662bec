//! Why a TLS handshake failed, in words for a person: the same for Odoo and for Postgres, and
//! where OpenSSL has words for it, those, because they are what people look for.

use std::error::Error as StdError;
use std::io;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, OtherError};

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
        E::InvalidCertificate(why) => {
            format!("the server's certificate is refused: {}", in_words(why))
        }
        E::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        E::PeerIncompatible(_) => {
            "the server has neither TLS 1.3 nor TLS 1.2 with ECDHE".to_owned()
        }
        E::AlertReceived(alert) => format!("the server refuses it with the alert {alert:?}"),
        other => other.to_string(),
    }
}

fn in_words(why: &CertificateError) -> String {
    use CertificateError as C;
    let words = match why {
        C::Expired | C::ExpiredContext { .. } => "certificate has expired",
        C::NotValidYet | C::NotValidYetContext { .. } => "certificate is not yet valid",
        C::UnknownIssuer => "unable to get local issuer certificate",
        C::NotValidForNameContext {
            expected: ServerName::IpAddress(_),
            ..
        } => "IP address mismatch",
        C::NotValidForName | C::NotValidForNameContext { .. } => "hostname mismatch",
        C::BadSignature => "certificate signature failure",
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "unsuitable certificate purpose",
        C::BadEncoding => "it cannot be read",
        other if is_ca(other) => {
            "it is a CA's own, as a self-signed one is: let a CA sign one for the server"
        }
        other => return other.to_string(),
    };
    words.to_owned()
}

/// webpki takes no CA's certificate for a server's, not even a trusted one.
fn is_ca(why: &CertificateError) -> bool {
    let CertificateError::Other(OtherError(why)) = why else {
        return false;
    };
    why.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
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
                rustls::Error::InvalidCertificate(CertificateError::Expired),
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
