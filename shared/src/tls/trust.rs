//! Whom to trust: the system's CAs or given ones. They are read and parsed when the first server
//! shows a certificate.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::Decode;
use x509_cert::der::oid::db::rfc5280::ID_KP_SERVER_AUTH;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::time::Validity;

use super::refusal::Refusal;

/// What distributions call all of the system's CAs in one file. In a folder of CAs OpenSSL looks
/// at files named by a hash alone; with these an `SSL_CERT_FILE` is always an addition.
const BUNDLES: [&str; 2] = ["ca-certificates.crt", "ca-bundle.crt"];

/// The certificates to trust.
#[derive(Debug)]
pub(super) struct Trust {
    given: Option<Vec<CertificateDer<'static>>>,
    parsed: OnceLock<Vec<Trusted>>,
}

/// A certificate to trust.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) der: CertificateDer<'static>,
    pub(super) period: Period,
    /// It names itself as its issuer: a chain may end here. OpenSSL goes on to an issuer from
    /// what does not, and so do we.
    pub(super) is_end: bool,
    /// It may sign other certificates, servers' among them.
    pub(super) is_ca: bool,
    /// How many CAs may stand between it and a server; `None`: any number.
    path_length: Option<u8>,
    /// It may itself be a server's.
    pub(super) may_serve: bool,
}

/// From when to when a certificate is valid, both included; seconds of Unix time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Period {
    from: u64,
    until: u64,
}

impl Trust {
    pub(super) fn new(given: Option<Vec<CertificateDer<'static>>>) -> Self {
        Self {
            given,
            parsed: OnceLock::new(),
        }
    }

    pub(super) fn certificates(&self) -> &[Trusted] {
        self.parsed.get_or_init(|| {
            let ders = self.given.clone().unwrap_or_else(system);
            ders.into_iter().filter_map(Trusted::parse).collect()
        })
    }
}

impl Trusted {
    /// `None` if it cannot be read.
    pub(super) fn parse(der: CertificateDer<'static>) -> Option<Self> {
        let certificate = Certificate::from_der(&der).ok()?;
        webpki::anchor_from_trusted_cert(&der).ok()?;
        Some(Self {
            period: Period::of(&certificate),
            is_end: is_self_issued(&certificate),
            is_ca: is_ca(&certificate).unwrap_or(false),
            path_length: path_length(&certificate),
            may_serve: may_serve(&der, &certificate).unwrap_or(false),
            der,
        })
    }
}

impl Trusted {
    /// Whether so many CAs may stand between it and a server.
    pub(super) fn spans(&self, between: usize) -> bool {
        self.path_length
            .is_none_or(|most| between <= usize::from(most))
    }
}

impl Period {
    pub(super) fn of(certificate: &Certificate) -> Self {
        let Validity {
            not_before,
            not_after,
            ..
        } = certificate.tbs_certificate().validity();
        Self {
            from: not_before.to_unix_duration().as_secs(),
            until: not_after.to_unix_duration().as_secs(),
        }
    }

    pub(super) fn check(self, now: UnixTime) -> Result<(), Refusal> {
        if now.as_secs() < self.from {
            return Err(Refusal::NotYetValid);
        }
        if now.as_secs() > self.until {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}

pub(super) fn is_self_issued(certificate: &Certificate) -> bool {
    let parts = certificate.tbs_certificate();
    parts.issuer() == parts.subject()
}

/// By OpenSSL's rules: what says that it is a CA, and a certificate so old that it cannot say.
/// An error where an extension cannot be read.
fn is_ca(certificate: &Certificate) -> x509_cert::der::Result<bool> {
    let parts = certificate.tbs_certificate();
    let usage = parts.get_extension::<KeyUsage>()?;
    if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) || !is_for_servers(certificate)? {
        return Ok(false);
    }
    Ok(match parts.get_extension::<BasicConstraints>()? {
        Some((_, constraints)) => constraints.ca,
        None => parts.version() == Version::V1,
    })
}

fn path_length(certificate: &Certificate) -> Option<u8> {
    let parts = certificate.tbs_certificate();
    let constraints = parts.get_extension::<BasicConstraints>().ok()??;
    constraints.1.path_len_constraint
}

/// Says so, or nothing of purposes.
fn is_for_servers(certificate: &Certificate) -> x509_cert::der::Result<bool> {
    let parts = certificate.tbs_certificate();
    let purposes = parts.get_extension::<ExtendedKeyUsage>()?;
    Ok(purposes.is_none_or(|(_, it)| it.0.contains(&ID_KP_SERVER_AUTH)))
}

/// Whether it may be a server's. webpki is asked too, because it refuses what is critical and unknown.
pub(super) fn may_serve(
    der: &CertificateDer<'_>,
    certificate: &Certificate,
) -> x509_cert::der::Result<bool> {
    let parts = certificate.tbs_certificate();
    let usage = parts.get_extension::<KeyUsage>()?;
    let allows_key = usage.is_none_or(|(_, usage)| {
        usage.digital_signature() || usage.key_encipherment() || usage.key_agreement()
    });
    let is_understood = parts.version() == Version::V1 || EndEntityCert::try_from(der).is_ok();
    Ok(allows_key && is_understood && is_for_servers(certificate)?)
}

/// Reads the certificates of PEM text, each of which can be read whole; other sections are passed
/// over. `None` if one cannot be read.
pub(crate) fn read_pem(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let sections = CertificateDer::pem_slice_iter(text.as_bytes());
    let ders: Vec<_> = sections.collect::<Result<_, pem::Error>>().ok()?;
    let is_whole = |der: &CertificateDer<'static>| Trusted::parse(der.clone()).is_some();
    ders.iter().all(is_whole).then_some(ders)
}

/// The system's CAs, wherever the distribution keeps them, and those of `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`. What cannot be read is passed over.
fn system() -> Vec<CertificateDer<'static>> {
    let places = openssl_probe::probe();
    let in_folders = places.cert_dir.iter().flat_map(|folder| files_of(folder));
    let mut ders: Vec<_> = places
        .cert_file
        .into_iter()
        .chain(in_folders)
        .filter_map(|file| CertificateDer::pem_file_iter(file).ok())
        .flat_map(|sections| sections.filter_map(Result::ok))
        .collect();
    ders.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    ders.dedup();
    ders
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| is_hash(name) || BUNDLES.contains(&name))
    };
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_one)
        .collect()
}

/// As in `9d04f354.0`.
fn is_hash(name: &str) -> bool {
    let is = |text: &str, of: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(of);
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8 && is(hash, u8::is_ascii_hexdigit) && is(number, u8::is_ascii_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ca_of_the_system_is_understood() {
        let ders = system();
        let trust = Trust::new(None);
        let ends = trust.certificates().iter().filter(|it| it.is_end);
        // A machine without ca-certificates has none.
        assert_eq!(trust.certificates().len(), ders.len());
        assert!(
            ends.clone().count() * 10 >= ders.len() * 9,
            "{}",
            ders.len()
        );
        assert!(ends.filter(|it| it.is_ca).count() * 10 >= ders.len() * 9);
    }

    #[test]
    fn in_a_folder_of_cas_only_hashes_and_bundles_count() {
        for (name, counts) in [
            ("9d04f354.0", true),
            ("9d04f354.12", true),
            ("9d04f354", false),
            ("9d04f354.r0", false),
            ("server.pem", false),
        ] {
            assert_eq!(is_hash(name), counts, "{name}");
        }
    }
}
