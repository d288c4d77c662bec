//! Certificates of X.509 v1, which libraries have stopped making: `openssl x509 -req` made them
//! until OpenSSL 3, and so did the recipe in Postgres's manual.

use rcgen::{KeyPair, PublicKeyData, SigningKey};
use time::OffsetDateTime;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTF8: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
const ECDSA_WITH_SHA_256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

/// DER of a certificate: common name and key of who signs and of who is signed for.
pub(super) fn certificate(
    issuer: (&str, &KeyPair),
    subject: (&str, &KeyPair),
    times: (OffsetDateTime, OffsetDateTime),
) -> Vec<u8> {
    let algorithm = value(SEQUENCE, &[&value(OBJECT, &[&ECDSA_WITH_SHA_256])]);
    let signed = value(
        SEQUENCE,
        &[
            &value(INTEGER, &[&[7]]),
            &algorithm,
            &name(issuer.0),
            &value(SEQUENCE, &[&utc(times.0), &utc(times.1)]),
            &name(subject.0),
            &subject.1.subject_public_key_info(),
        ],
    );
    let signature = issuer.1.sign(&signed).expect("a signature");
    let signature = value(BIT_STRING, &[&[0], &signature]);
    value(SEQUENCE, &[&signed, &algorithm, &signature])
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = [
        value(OBJECT, &[&COMMON_NAME]),
        value(UTF8, &[common_name.as_bytes()]),
    ];
    let attribute = value(SEQUENCE, &[&attribute.concat()]);
    value(SEQUENCE, &[&value(SET, &[&attribute])])
}

fn utc(time: OffsetDateTime) -> Vec<u8> {
    let then = jiff::Timestamp::from_second(time.unix_timestamp()).expect("a time");
    value(
        UTC_TIME,
        &[then.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()],
    )
}

/// Tag, length and content, which is shorter than 64 KiB.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len())
        .expect("a short value")
        .to_be_bytes();
    let head = match length {
        [0, short @ 0..0x80] => vec![tag, short],
        [0, low] => vec![tag, 0x81, low],
        [high, low] => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}
