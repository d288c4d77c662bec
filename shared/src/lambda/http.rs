//! Lets an HTTP request in, or says why not: key, method, size, form; in that order, so
//! that a caller without the key learns nothing else.

use lambda_http::Request;
use lambda_http::http::{Method, header::AUTHORIZATION};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::config::HttpConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::request::SyncRequest;

/// Largest body that is read, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A request that was not let in.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: Error,
}

/// Checks a request to a sync route. The inner result is the request's own form.
pub(super) fn accept(
    request: &Request,
    config: &HttpConfig,
) -> Result<Result<SyncRequest>, Refusal> {
    authorize(request, config)?;
    if request.method() != Method::POST {
        return Err(refuse(405, "a sync is started with POST"));
    }
    let body: &[u8] = request.body().as_ref();
    if body.len() > MAX_BODY {
        return Err(refuse(413, "the body is larger than 64 KiB"));
    }
    Ok(parse(body))
}

fn authorize(request: &Request, config: &HttpConfig) -> Result<(), Refusal> {
    let Some(key) = &config.api_key else {
        return Err(Refusal {
            status: 503,
            error: Error::new(
                ErrorKind::Config,
                "SYNC_API_KEY is missing: it is the key that callers send as their bearer",
            ),
        });
    };
    let sent = request
        .headers()
        .get(AUTHORIZATION)
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
    Err(refuse(
        401,
        "the header \"Authorization: Bearer <key>\" is missing or its key is wrong",
    ))
}

fn parse(body: &[u8]) -> Result<SyncRequest> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(SyncRequest::default());
    }
    let value = serde_json::from_slice(body)
        .map_err(|_| Error::new(ErrorKind::BadRequest, "the body is not JSON"))?;
    SyncRequest::from_json(value)
}

fn refuse(status: u16, message: &str) -> Refusal {
    Refusal {
        status,
        error: Error::new(ErrorKind::BadRequest, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_http::{Body, http};
    use secrecy::SecretString;

    fn keyed(key: Option<&str>) -> HttpConfig {
        HttpConfig {
            api_key: key.map(SecretString::from),
        }
    }

    fn request(authorization: Option<&str>, body: &str) -> Request {
        let mut builder = http::Request::post("/api/sync/products");
        if let Some(value) = authorization {
            builder = builder.header("Authorization", value);
        }
        builder.body(Body::from(body)).expect("a valid request")
    }

    fn status(request: &Request, config: &HttpConfig) -> u16 {
        accept(request, config).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn only_the_key_opens() {
        let config = keyed(Some("secret"));
        assert_eq!(status(&request(Some("Bearer secret"), ""), &config), 200);
        assert_eq!(status(&request(Some("bearer secret"), ""), &config), 200);
        for wrong in [
            None,
            Some(""),
            Some("secret"),
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer secre"),
            Some("Bearer secrets"),
            Some("Basic secret"),
        ] {
            assert_eq!(status(&request(wrong, ""), &config), 401, "{wrong:?}");
        }
    }

    #[test]
    fn without_a_configured_key_nothing_opens() {
        assert_eq!(status(&request(Some("Bearer "), ""), &keyed(None)), 503);
    }

    #[test]
    fn method_size_and_form_are_checked() {
        let config = keyed(Some("k"));
        let mut get = request(Some("Bearer k"), "");
        *get.method_mut() = Method::GET;
        assert_eq!(status(&get, &config), 405);
        let large = request(Some("Bearer k"), &" ".repeat(MAX_BODY + 1));
        assert_eq!(status(&large, &config), 413);
        let deep = "[".repeat(60_000);
        for bad in ["{", "nonsense", deep.as_str(), r#"{"mode": "all"}"#] {
            let form = accept(&request(Some("Bearer k"), bad), &config).expect("let in");
            assert_eq!(form.expect_err("bad").kind(), ErrorKind::BadRequest);
        }
        let empty = accept(&request(Some("Bearer k"), " \n"), &config).expect("let in");
        assert_eq!(empty.expect("a form"), SyncRequest::default());
    }
}
