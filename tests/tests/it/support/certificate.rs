//! Certificates, those that a client must refuse among them, and a server that shows one.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
    SerialNumber,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ALL_VERSIONS, ServerConfig, ServerConnection, Stream, SupportedProtocolVersion};
use time::OffsetDateTime;

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
    Future,
}

/// What a certificate is for, and where it says so.
#[derive(Clone, Copy)]
pub(crate) enum Name<'a> {
    /// A host, in the extension that is made for it.
    Host(&'a str),
    /// An address, in the same.
    Address(IpAddr),
    /// Anything, in the subject alone.
    Subject(&'a str),
}

/// A certificate and its key.
pub(crate) struct Certificate {
    pem: String,
    key: KeyPair,
    params: CertificateParams,
}

/// A certificate for the host `name` that is its own CA.
pub(crate) fn self_signed(name: &str, validity: Validity) -> Certificate {
    make(Name::Host(name), validity, any_ca(), None)
}

fn any_ca() -> IsCa {
    IsCa::Ca(BasicConstraints::Unconstrained)
}

/// A certificate that its key has signed and that is no CA.
pub(crate) fn signed_by_itself(name: Name<'_>) -> Certificate {
    make(name, Validity::Now, IsCa::ExplicitNoCa, None)
}

fn make(
    name: Name<'_>,
    validity: Validity,
    is_ca: IsCa,
    issuer: Option<&Certificate>,
) -> Certificate {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, name.subject());
    params.subject_alt_names = name.alternatives();
    params.is_ca = is_ca;
    // Two certificates of one CA may not have the same.
    params.serial_number = Some(SerialNumber::from(rand_serial()));
    (params.not_before, params.not_after) = validity.times();
    let certificate = match issuer {
        None => params.self_signed(&key),
        Some(ca) => params.signed_by(&key, &Issuer::from_params(&ca.params, &ca.key)),
    };
    Certificate {
        pem: certificate.expect("a certificate").pem(),
        key,
        params,
    }
}

fn rand_serial() -> u64 {
    let (serial, _) = uuid::Uuid::new_v4().as_u64_pair();
    serial
}

impl Name<'_> {
    fn subject(self) -> String {
        match self {
            Self::Host(name) | Self::Subject(name) => name.to_owned(),
            Self::Address(address) => address.to_string(),
        }
    }

    fn alternatives(self) -> Vec<SanType> {
        match self {
            Self::Host(host) => {
                vec![SanType::DnsName(host.try_into().expect("a name"))]
            }
            Self::Address(address) => vec![SanType::IpAddress(address)],
            Self::Subject(_) => Vec::new(),
        }
    }
}

impl Validity {
    /// From when to when.
    fn times(self) -> (OffsetDateTime, OffsetDateTime) {
        let day = 24 * 60 * 60;
        let (from, to) = match self {
            Self::Now => (-day, day),
            Self::Past => (-2 * day, -day),
            Self::Future => (day, 2 * day),
        };
        (seconds_from_now(from), seconds_from_now(to))
    }
}

fn seconds_from_now(seconds: i64) -> OffsetDateTime {
    let then = jiff::Timestamp::now().as_second() + seconds;
    OffsetDateTime::from_unix_timestamp(then).expect("a time")
}

impl Certificate {
    /// The certificate as PEM text.
    pub(crate) fn pem(&self) -> String {
        self.pem.clone()
    }

    /// A certificate for the host `name` that this one signs.
    pub(crate) fn issue(&self, name: &str, validity: Validity) -> Certificate {
        self.issue_to(Name::Host(name), validity)
    }

    /// As [`Certificate::issue`], with any name.
    pub(crate) fn issue_to(&self, name: Name<'_>, validity: Validity) -> Certificate {
        make(name, validity, IsCa::ExplicitNoCa, Some(self))
    }

    /// A CA that this one signs.
    pub(crate) fn issue_ca(&self, name: &str) -> Certificate {
        make(Name::Subject(name), Validity::Now, any_ca(), Some(self))
    }

    /// What a server needs to show it, and `between`, in one of these versions of TLS.
    pub(crate) fn server_config(
        &self,
        between: &[&Certificate],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let shown = std::iter::once(self).chain(between.iter().copied());
        let chain = shown
            .map(|it| CertificateDer::from_pem_slice(it.pem.as_bytes()).expect("a certificate"));
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)
            .expect("a pair");
        Arc::new(config)
    }

    /// Serves Postgres's TLS negotiation with this certificate for one client, and
    /// nothing after it. Returns the port.
    pub(crate) fn serve(&self) -> u16 {
        let config = self.server_config(&[], ALL_VERSIONS);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("a client");
            let mut ssl_request = [0; 8];
            socket
                .read_exact(&mut ssl_request)
                .expect("a request for TLS");
            socket.write_all(b"S").expect("a client that waits");
            let mut tls = ServerConnection::new(config).expect("TLS");
            // The client hangs up; that is what the test looks at.
            let _ = Stream::new(&mut tls, &mut socket).read(&mut [0]);
        });
        port
    }
}
