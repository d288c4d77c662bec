//! Certificates that a client must refuse, and a server that shows one.

use std::io::{Read, Write};
use std::net::TcpListener;

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    Now,
    Past,
}

/// A certificate and its key.
pub(crate) struct Certificate {
    certificate: X509,
    key: PKey<Private>,
}

/// A certificate for the host `name` that is its own CA.
pub(crate) fn self_signed(name: &str, validity: Validity) -> Certificate {
    make(name, validity, None)
}

/// A certificate for the host `name`, signed by a CA or by itself.
fn make(name: &str, validity: Validity, issuer: Option<&Certificate>) -> Certificate {
    let key = PKey::from_rsa(Rsa::generate(2048).expect("a key")).expect("a key");
    let mut subject = X509NameBuilder::new().expect("a name");
    subject
        .append_entry_by_nid(Nid::COMMONNAME, name)
        .expect("a name");
    let subject = subject.build();
    let issuer_name = issuer.map_or(&*subject, |ca| ca.certificate.subject_name());

    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder
        .set_serial_number(&serial_number())
        .expect("a serial number");
    builder.set_subject_name(&subject).expect("a subject");
    builder.set_issuer_name(issuer_name).expect("an issuer");
    builder.set_pubkey(&key).expect("a key");
    let (from, to) = validity.times();
    builder.set_not_before(&from).expect("a time");
    builder.set_not_after(&to).expect("a time");
    let mut constraints = BasicConstraints::new();
    constraints.critical();
    if issuer.is_none() {
        constraints.ca();
    }
    builder
        .append_extension(constraints.build().expect("constraints"))
        .expect("an extension");
    let host = SubjectAlternativeName::new()
        .dns(name)
        .build(&builder.x509v3_context(None, None))
        .expect("a host");
    builder.append_extension(host).expect("an extension");
    builder
        .sign(issuer.map_or(&key, |ca| &ca.key), MessageDigest::sha256())
        .expect("a signature");
    Certificate {
        certificate: builder.build(),
        key,
    }
}

/// Two certificates of one CA may not have the same.
fn serial_number() -> Asn1Integer {
    let mut serial = BigNum::new().expect("a number");
    serial
        .rand(64, MsbOption::MAYBE_ZERO, false)
        .expect("a number");
    Asn1Integer::from_bn(&serial).expect("a number")
}

impl Validity {
    /// From when to when.
    fn times(self) -> (Asn1Time, Asn1Time) {
        let day = 24 * 60 * 60;
        let (from, to) = match self {
            Self::Now => (-day, day),
            Self::Past => (-2 * day, -day),
        };
        (seconds_from_now(from), seconds_from_now(to))
    }
}

fn seconds_from_now(seconds: i64) -> Asn1Time {
    Asn1Time::from_unix(jiff::Timestamp::now().as_second() + seconds).expect("a time")
}

impl Certificate {
    /// The certificate as PEM text.
    pub(crate) fn pem(&self) -> String {
        String::from_utf8(self.certificate.to_pem().expect("PEM")).expect("text")
    }

    /// Its key as PEM text.
    pub(crate) fn key_pem(&self) -> String {
        String::from_utf8(self.key.private_key_to_pem_pkcs8().expect("PEM")).expect("text")
    }

    /// A certificate for the host `name` that this one signs.
    pub(crate) fn issue(&self, name: &str, validity: Validity) -> Certificate {
        make(name, validity, Some(self))
    }

    /// Serves Postgres's TLS negotiation with this certificate for one client, and
    /// nothing after it. Returns the port.
    pub(crate) fn serve(&self) -> u16 {
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls()).expect("TLS");
        acceptor
            .set_certificate(&self.certificate)
            .expect("a certificate");
        acceptor.set_private_key(&self.key).expect("a key");
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("a client");
            let mut ssl_request = [0; 8];
            socket
                .read_exact(&mut ssl_request)
                .expect("a request for TLS");
            socket.write_all(b"S").expect("a client that waits");
            // The client hangs up; that is what the test looks at.
            let _ = acceptor.accept(socket);
        });
        port
    }
}
