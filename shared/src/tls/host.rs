//! Whether a certificate is for the host that was asked for.

use rustls::pki_types::{CertificateDer, DnsName, ServerName};
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};

use super::chain::Signed;
use super::refusal::Refusal;

/// Checks the names in the certificate. As in libpq and OpenSSL the subject's common name counts
/// where the certificate names no host otherwise, as that of Postgres's own manual does.
/// Where a CA may sign only for some names, the common name counts for nothing: it was not held against that.
/// An address counts only where the certificate names it as an address.
pub(super) fn check(
    shown: &CertificateDer<'_>,
    signed: Signed,
    host: &ServerName<'_>,
) -> Result<(), Refusal> {
    let mismatch = match host {
        ServerName::IpAddress(_) => Refusal::OtherAddress,
        _ => Refusal::OtherHost,
    };
    if EndEntityCert::try_from(shown)
        .is_ok_and(|certificate| certificate.verify_is_valid_for_subject_name(host).is_ok())
    {
        return Ok(());
    }
    let named = match host {
        ServerName::DnsName(host) if !signed.is_constrained => {
            common_name(shown).is_some_and(|pattern| matches(&pattern, host))
        }
        _ => false,
    };
    named.then_some(()).ok_or(mismatch)
}

/// The one common name of a certificate that names no host in its extensions.
fn common_name(shown: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(shown).ok()?;
    let parts = certificate.tbs_certificate();
    let names = parts.get_extension::<SubjectAltName>().ok()?;
    let names_host = |name: &GeneralName| matches!(name, GeneralName::DnsName(_));
    if names.is_some_and(|(_, names)| names.0.iter().any(names_host)) {
        return None;
    }
    Some(match parts.subject().common_name().ok()?? {
        DirectoryString::PrintableString(text) => text.as_str().to_owned(),
        DirectoryString::TeletexString(text) => text.as_str().to_owned(),
        DirectoryString::Utf8String(text) => text,
        DirectoryString::BmpString(_) => return None,
    })
}

/// `*.example.com` stands for one label, as in libpq, and never for all of a top-level domain.
fn matches(pattern: &str, host: &DnsName<'_>) -> bool {
    let host = host.as_ref().trim_end_matches('.');
    let Some(domain) = pattern.strip_prefix("*.") else {
        return pattern.eq_ignore_ascii_case(host);
    };
    domain.contains('.')
        && host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_stands_for_itself_or_for_one_label() {
        for (pattern, host, is_match) in [
            ("db.example.com", "db.example.com", true),
            ("DB.example.com", "db.EXAMPLE.com.", true),
            ("db.example.com", "other.example.com", false),
            ("*.example.com", "db.example.com", true),
            ("*.example.com", "a.db.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.com", "example.com", false),
            ("*", "localhost", false),
            ("d*.example.com", "db.example.com", false),
            ("", "localhost", false),
            ("localhost\0.example.com", "localhost", false),
        ] {
            let name = DnsName::try_from(host).expect("a name");
            assert_eq!(matches(pattern, &name), is_match, "{pattern} {host}");
        }
    }
}
