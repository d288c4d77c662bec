//! Lets an HTTP request in, or says why not: key, method, size, form; in that order, so
//! that a caller without the key learns nothing else.

use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::api::query::Query;
use crate::config::HttpConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::request::SyncRequest;

/// Largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// An HTTP request, as far as anybody here looks at it. No `Debug`: it holds a key.
#[derive(Default)]
pub(super) struct HttpRequest {
    pub(super) method: String,
    /// As it was sent, or as the gateway has decoded it.
    pub(super) path: String,
    /// Without its question mark.
    pub(super) query: String,
    /// The header `Authorization`.
    pub(super) authorization: Option<String>,
    pub(super) body: Vec<u8>,
    /// Whom the gateway has it from.
    pub(super) source_ip: Option<String>,
}

/// A request that was not let in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: Error,
    /// With 405: the method that would do.
    pub(super) allow: Option<&'static str>,
}

impl Refusal {
    /// A request that asks for what there is not.
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            ..Self::from(Error::new(ErrorKind::BadRequest, message))
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            status: error.kind().http_status(),
            error,
            allow: None,
        }
    }
}

/// Checks a request to a sync route, whose query may have these parameters. The inner result
/// is the request's own form.
pub(super) fn accept(
    request: &HttpRequest,
    config: &HttpConfig,
    parameters: &[&str],
) -> Result<Result<SyncRequest>, Refusal> {
    authorize(request, config)?;
    check_method(request, "POST")?;
    check_size(request)?;
    Ok(Query::parse(&request.query, parameters).and_then(|_| parse(&request.body)))
}

/// Whether the caller has the key.
///
/// # Errors
/// 401, or 503 where no key is set: never open by default.
pub(super) fn authorize(request: &HttpRequest, config: &HttpConfig) -> Result<(), Refusal> {
    let Some(key) = &config.api_key else {
        return Err(Refusal::from(Error::new(
            ErrorKind::Config,
            "SYNC_API_KEY is missing: it is the key that callers send as their bearer",
        )));
    };
    let sent = request
        .authorization
        .as_ref()
        .and_then(|value| value.as_bytes().split_at_checked(b"Bearer ".len()))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"Bearer "))
        .map(|(_, key)| key);
    let is_ours = sent.is_some_and(|sent| {
        // Only the length is compared in varying time, and it is no secret.
        bool::from(sent.ct_eq(key.expose_secret().as_bytes()))
    });
    if is_ours {
        return Ok(());
    }
    Err(Refusal::new(
        401,
        "the header \"Authorization: Bearer <key>\" is missing or its key is wrong",
    ))
}

/// Refuses every method but the one that the route has.
///
/// # Errors
/// 405.
pub(super) fn check_method(request: &HttpRequest, only: &'static str) -> Result<(), Refusal> {
    if request.method == only {
        return Ok(());
    }
    Err(Refusal {
        allow: Some(only),
        ..Refusal::new(405, format!("this route takes {only} only"))
    })
}

/// Refuses a body that is larger than any request.
///
/// # Errors
/// 413.
pub(super) fn check_size(request: &HttpRequest) -> Result<(), Refusal> {
    if request.body.len() <= MAX_BODY {
        return Ok(());
    }
    Err(Refusal::new(413, "the body is larger than 64 KiB"))
}

fn parse(body: &[u8]) -> Result<SyncRequest> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(SyncRequest::default());
    }
    let value = serde_json::from_slice(body)
        .map_err(|_| Error::new(ErrorKind::BadRequest, "the body is not JSON"))?;
    SyncRequest::from_json(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn keyed(key: Option<&str>) -> HttpConfig {
        HttpConfig {
            api_key: key.map(SecretString::from),
        }
    }

    fn request(authorization: Option<&str>, body: &str) -> HttpRequest {
        HttpRequest {
            method: "POST".to_owned(),
            path: "/api/sync/products".to_owned(),
            query: String::new(),
            authorization: authorization.map(str::to_owned),
            body: body.as_bytes().to_vec(),
            source_ip: None,
        }
    }

    fn status(request: &HttpRequest, config: &HttpConfig) -> u16 {
        accept(request, config, &[]).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn only_the_key_opens() {
        let config = keyed(Some("secret"));
        assert_eq!(status(&request(Some("Bearer secret"), ""), &config), 200);
        assert_eq!(status(&request(Some("bearer secret"), ""), &config), 200);
        let oversized = format!("Bearer {}", "secret".repeat(100_000));
        for wrong in [
            None,
            Some(""),
            Some("secret"),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer secre"),
            Some("Bearer secrets"),
            Some("Basic secret"),
            Some(oversized.as_str()),
        ] {
            assert_eq!(status(&request(wrong, ""), &config), 401, "{wrong:.40?}");
        }
    }

    #[test]
    fn without_a_configured_key_nothing_opens() {
        assert_eq!(status(&request(Some("Bearer "), ""), &keyed(None)), 503);
    }

    #[test]
    fn method_size_and_form_are_checked() {
        let config = keyed(Some("k"));
        for wrong in ["GET", "post", "", "NO METHOD"] {
            let mut request = request(Some("Bearer k"), "");
            request.method = wrong.to_owned();
            let refusal = accept(&request, &config, &[]).expect_err("not POST");
            assert_eq!((refusal.status, refusal.allow), (405, Some("POST")));
        }
        let large = request(Some("Bearer k"), &" ".repeat(MAX_BODY + 1));
        assert_eq!(status(&large, &config), 413);
        let deep = "[".repeat(60_000);
        for bad in ["{", "nonsense", deep.as_str(), r#"{"mode": "all"}"#] {
            let form = accept(&request(Some("Bearer k"), bad), &config, &[]).expect("let in");
            assert_eq!(form.expect_err("bad").kind(), ErrorKind::BadRequest);
        }
        let mut misplaced = request(Some("Bearer k"), "");
        misplaced.query = "mode=full".to_owned();
        let form = accept(&misplaced, &config, &[]).expect("let in");
        assert_eq!(form.expect_err("bad").kind(), ErrorKind::BadRequest);
        assert!(accept(&misplaced, &config, &["mode"]).is_ok_and(|form| form.is_ok()));
        let empty = accept(&request(Some("Bearer k"), " \n"), &config, &[]).expect("let in");
        assert_eq!(empty.expect("a form"), SyncRequest::default());
    }
}
