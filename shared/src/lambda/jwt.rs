//! Lets a user of the Supabase project in by the token that its login gave: signed with a key of the project's, for this
//! project, in its time, and with the claim that `SYNC_JWT_CLAIM` asks for. Without that variable
//! no token opens anything.

mod signature;

use jsonwebtoken::errors::ErrorKind as Fault;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde_json::Value;

use super::http::Refusal;
use super::jwks::Jwks;
use crate::config::JwtConfig;
use crate::error::Result;
use signature::{ALGORITHMS, use_ring};

/// How far two clocks may be apart, in seconds.
const LEEWAY: u64 = 30;
/// What Supabase names a token of somebody who has logged in.
const AUDIENCE: &str = "authenticated";
/// No token is as long as this; a header of API Gateway's may be.
const MAX_LENGTH: usize = 8 * 1024;

/// The token that a bearer is, if it has the form of one: three parts. A key of one's own need not be told from it
/// by chance, since it has been compared before.
pub(super) fn token_of(bearer: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bearer).ok()?;
    let has_its_form = text.len() <= MAX_LENGTH && text.split('.').count() == 3;
    has_its_form.then_some(text)
}

/// Lets a token's bearer in. Returns who that is: the claim `sub`, the user's id in the project, where it is one that a log can
/// take. What else a token tells of a person, an e-mail address before all, is for no log.
///
/// # Errors
/// 401 with the reason, never with anything of the token but the name of its algorithm; 503 where the project's keys cannot be had.
pub(super) async fn check(
    token: &str,
    config: &JwtConfig,
    jwks: &mut Jwks,
) -> Result<Option<String>, Refusal> {
    use_ring();
    let header = decode_header(token)
        .map_err(|_| refuse("it has no header that names an algorithm and a signature"))?;
    let kid = key_id(&header)?;
    let Some(key) = jwks.key(kid, &config.issuer).await? else {
        return Err(refuse("it is signed with no key of the project"));
    };
    let claims: Value = decode(token, &key, &validation(header.alg, config))
        .map_err(|error| refuse(reason(error.kind())))?
        .claims;
    if has(&claims, config) {
        return Ok(subject(&claims));
    }
    Err(refuse("it lacks the claim that SYNC_JWT_CLAIM asks for"))
}

/// The key that a token says it is signed with.
fn key_id(header: &Header) -> Result<&str, Refusal> {
    if matches!(
        header.alg,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    ) {
        return Err(refuse(
            "it is signed with the project's shared secret (HS256), which is not taken: give the project asymmetric signing keys (Supabase: Settings, JWT Keys)",
        ));
    }
    if !ALGORITHMS.contains(&header.alg) {
        return Err(refuse("it is not signed with ES256, RS256 or EdDSA"));
    }
    header
        .kid
        .as_deref()
        .ok_or_else(|| refuse("it does not say which key it is signed with"))
}

fn validation(algorithm: Algorithm, config: &JwtConfig) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation
}

fn reason(fault: &Fault) -> &'static str {
    match fault {
        Fault::ExpiredSignature => "it has expired",
        Fault::ImmatureSignature => "its time has not come",
        Fault::InvalidIssuer => "SUPABASE_URL is not its issuer",
        Fault::InvalidAudience => "its audience is not \"authenticated\"",
        Fault::InvalidSignature => "its signature is wrong",
        Fault::MissingRequiredClaim(_) => "it lacks one of exp, aud and iss",
        _ => "it is none that can be read",
    }
}

/// Whether the claim is the value, or a list that has it.
fn has(claims: &Value, config: &JwtConfig) -> bool {
    let mut path = config.claim.iter();
    let found = path.try_fold(claims, |inside, name| inside.get(name));
    let is_it = |value: &Value| value.as_str() == Some(&config.value);
    found.is_some_and(|claim| match claim {
        Value::Array(list) => list.iter().any(is_it),
        one => is_it(one),
    })
}

/// Supabase's is a UUID. Another issuer's may be anything, an address of a person too.
fn subject(claims: &Value) -> Option<String> {
    let subject = claims["sub"].as_str()?;
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'|');
    let is_loggable = !subject.is_empty() && subject.len() <= 64 && subject.bytes().all(is_id);
    is_loggable.then(|| subject.to_owned())
}

fn refuse(reason: &str) -> Refusal {
    Refusal::new(
        401,
        format!("the bearer is a token that is not taken: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_a_text_or_a_list_that_has_it_and_stands_at_its_place() {
        let config = |path: &[&str]| JwtConfig {
            issuer: String::new(),
            claim: path.iter().map(ToString::to_string).collect(),
            value: "admin".to_owned(),
        };
        let claims = json!({
            "role": "authenticated",
            "app_metadata": {"role": "admin", "roles": ["clerk", "admin"], "admin": true},
        });
        assert!(has(&claims, &config(&["app_metadata", "role"])));
        assert!(has(&claims, &config(&["app_metadata", "roles"])));
        for wrong in [
            &["role"][..],
            &["admin"],
            &["app_metadata"],
            &["app_metadata", "admin"],
            &["app_metadata", "roles", "admin"],
            &["app_metadata", "role", "admin"],
        ] {
            assert!(!has(&claims, &config(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_subject_is_an_id_and_no_address() {
        let id = "6a7e8feb-b491-4cf7-a9f1-bf3703467718";
        assert_eq!(subject(&json!({"sub": id})).as_deref(), Some(id));
        let long = "x".repeat(65);
        for other in [
            json!({}),
            json!({"sub": null}),
            json!({"sub": 7}),
            json!({"sub": ""}),
            json!({"sub": "clerk@example.com"}),
            json!({"sub": "two words"}),
            json!({"sub": long}),
        ] {
            assert_eq!(subject(&other), None, "{other:.40}");
        }
    }

    #[test]
    fn a_bearer_of_three_parts_is_a_token() {
        assert_eq!(token_of(b"a.b.c"), Some("a.b.c"));
        for wrong in [&b"abc"[..], b"a.b", b"a.b.c.d", b"\xff.b.c"] {
            assert_eq!(token_of(wrong), None);
        }
        assert_eq!(token_of("a.b.c".repeat(10_000).as_bytes()), None);
    }
}
