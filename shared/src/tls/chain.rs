//! Whether someone trusted has signed a server's certificate.
//!
//! webpki builds and checks chains of X.509 v3. What it cannot do and OpenSSL can is here: a
//! certificate that is itself trusted, one of X.509 v1 that a trusted CA has signed, and a CA's
//! own dates. OpenSSL's rules hold where they are the narrower ones.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, RawPublicKeyEntity, VerifiedPath, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::refusal::Refusal;
use super::trust::{Period, Trusted, is_self_issued, may_serve};

/// What a chain is held against.
pub(super) struct Chain<'a> {
    pub(super) trusted: &'a [Trusted],
    pub(super) algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
    pub(super) now: UnixTime,
}

/// What is known of a certificate that someone trusted has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    /// A CA that may sign only for some names has signed it. webpki has held the alternative names
    /// against that, and nothing else.
    pub(super) is_constrained: bool,
}

impl Chain<'_> {
    /// Checks what the server has shown: its own certificate, and those in between.
    pub(super) fn check(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
    ) -> Result<Signed, Refusal> {
        if let Some(itself) = self.trusted.iter().find(|it| it.is_end && it.der == *shown) {
            itself.period.check(self.now)?;
            let itself = itself.may_serve.then_some(UNCONSTRAINED);
            return itself.ok_or(Refusal::OtherPurpose);
        }
        let (valid, outdated): (Vec<_>, Vec<_>) = self
            .trusted
            .iter()
            .filter(|it| it.is_end && it.is_ca)
            .partition(|it| it.period.check(self.now).is_ok());
        match EndEntityCert::try_from(shown) {
            Err(webpki::Error::UnsupportedCertVersion) => {
                let certificate = Certificate::from_der(shown).map_err(unreadable)?;
                let is_own_issuer = is_self_issued(&certificate);
                judge(is_own_issuer, &valid, &outdated, |cas| {
                    self.is_signed_by(cas, &certificate)
                })
            }
            read => {
                let certificate = read?;
                let is_own_issuer = certificate.issuer() == certificate.subject();
                judge(is_own_issuer, &valid, &outdated, |cas| {
                    self.leads_to(cas, &certificate, between)
                })
            }
        }
    }

    /// X.509 v3, by webpki. Trusted certificates at which no chain may end stand in between.
    fn leads_to(
        &self,
        cas: &[&Trusted],
        certificate: &EndEntityCert<'_>,
        between: &[CertificateDer<'_>],
    ) -> Result<Signed, Refusal> {
        let anchors = anchors(cas)?;
        let known = self.trusted.iter().filter(|it| !it.is_end);
        let between: Vec<CertificateDer<'_>> = between
            .iter()
            .chain(known.map(|it| &it.der))
            .map(|der| CertificateDer::from(der.as_ref()))
            .collect();
        let usage = KeyUsage::server_auth();
        let path = certificate.verify_for_usage(
            self.algorithms,
            &anchors,
            &between,
            self.now,
            usage,
            None,
            None,
        )?;
        let ends = cas.iter().zip(&anchors);
        let mut ends = ends.filter(|(_, anchor)| *anchor == path.anchor());
        if !ends.any(|(ca, _)| ca.spans(path.intermediate_certificates().count())) {
            return Err(Refusal::OtherPurpose);
        }
        let shown = certificate.der();
        let parsed = Certificate::from_der(&shown).map_err(unreadable)?;
        if !may_serve(&shown, &parsed).map_err(unreadable)? {
            return Err(Refusal::OtherPurpose);
        }
        signed_by_way_of(&path)
    }

    /// X.509 v1, which has no extensions that could forbid anything. One that was issued by way of
    /// an intermediate CA is not looked for.
    fn is_signed_by(&self, cas: &[&Trusted], certificate: &Certificate) -> Result<Signed, Refusal> {
        let parts = certificate.tbs_certificate();
        let message = parts.to_der().map_err(unreadable)?;
        let issuer = parts.issuer().to_der().map_err(unreadable)?;
        let algorithm = certificate
            .signature_algorithm()
            .to_der()
            .map_err(unreadable)?;
        let signature = certificate.signature().as_bytes();
        let signature = signature.ok_or(Refusal::Unreadable)?;
        if certificate.signature_algorithm() != parts.signature() || parts.extensions().is_some() {
            return Err(Refusal::Unreadable);
        }
        let anchors = anchors(cas)?;
        let is_issuer = |anchor: &&TrustAnchor<'_>| {
            content(&issuer) == Some(&*anchor.subject) && anchor.name_constraints.is_none()
        };
        for anchor in anchors.iter().filter(is_issuer) {
            let key = webpki::spki_for_anchor(anchor);
            let key = RawPublicKeyEntity::try_from(&key)?;
            let mut kinds = self.algorithms.iter().filter(|it| {
                content(&algorithm) == Some(AsRef::<[u8]>::as_ref(&it.signature_alg_id()))
            });
            if kinds.any(|kind| key.verify_signature(*kind, &message, signature).is_ok()) {
                Period::of(certificate).check(self.now)?;
                return Ok(UNCONSTRAINED);
            }
        }
        Err(Refusal::UnknownIssuer)
    }
}

const UNCONSTRAINED: Signed = Signed {
    is_constrained: false,
};

/// What webpki does not ask of the CAs in between: whether their key may sign certificates.
fn signed_by_way_of(path: &VerifiedPath<'_>) -> Result<Signed, Refusal> {
    let mut is_constrained = path.anchor().name_constraints.is_some();
    for ca in path.intermediate_certificates() {
        let der = ca.der().into_owned();
        is_constrained |= anchor_from_trusted_cert(&der)?.name_constraints.is_some();
        let ca = Trusted::parse(der).ok_or(Refusal::Unreadable)?;
        if !ca.is_ca {
            return Err(Refusal::OtherPurpose);
        }
    }
    Ok(Signed { is_constrained })
}

/// Looks for the signature of a CA that is valid now. That of one that was or will be makes it
/// no better, but says what to mend.
fn judge(
    is_own_issuer: bool,
    valid: &[&Trusted],
    outdated: &[&Trusted],
    leads_to: impl Fn(&[&Trusted]) -> Result<Signed, Refusal>,
) -> Result<Signed, Refusal> {
    leads_to(valid).map_err(|refusal| match refusal {
        Refusal::UnknownIssuer | Refusal::CaAsServer if is_own_issuer => Refusal::SelfSigned,
        Refusal::UnknownIssuer if leads_to(outdated).is_ok() => Refusal::CaOutdated,
        refusal => refusal,
    })
}

fn anchors<'a>(cas: &[&'a Trusted]) -> Result<Vec<TrustAnchor<'a>>, Refusal> {
    let anchors = cas.iter().map(|ca| anchor_from_trusted_cert(&ca.der));
    Ok(anchors.collect::<Result<_, _>>()?)
}

/// What is in a DER value, without tag and length.
fn content(der: &[u8]) -> Option<&[u8]> {
    x509_cert::der::asn1::AnyRef::from_der(der)
        .ok()
        .map(|value| value.value())
}

fn unreadable(_: x509_cert::der::Error) -> Refusal {
    Refusal::Unreadable
}
