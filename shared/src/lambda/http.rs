//! Lets an HTTP request in, or says why not: key, method, size, form; in that order, so
//! that a caller without the key learns nothing else.

use std::fmt::Debug;

use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

use super::jwks::Jwks;
use super::jwt;
use crate::api::query::Query;
use crate::config::{HttpConfig, JwtConfig};
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

impl HttpRequest {
    /// Refuses a body with this reason, where the route has no use for one: it might be meant to
    /// say something. An empty object says nothing.
    pub(super) fn refuse_body(&self, why: &str) -> Result<()> {
        let is_blank = self.body.iter().all(u8::is_ascii_whitespace);
        let is_empty_object = || {
            let object = serde_json::from_slice::<Map<String, Value>>(&self.body);
            object.is_ok_and(|object| object.is_empty())
        };
        if is_blank || is_empty_object() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::BadRequest, why))
    }
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

/// What opens the routes.
pub(super) struct Door {
    keys: HttpConfig,
    /// Of the users who come with a token of their own; `None` where none may.
    users: Result<Option<JwtConfig>>,
    jwks: Jwks,
}

impl Door {
    pub(super) fn from_env() -> Self {
        Self::new(HttpConfig::from_env(), JwtConfig::from_env())
    }

    fn new(keys: HttpConfig, users: Result<Option<JwtConfig>>) -> Self {
        Self {
            keys,
            users,
            jwks: Jwks::default(),
        }
    }
}

/// Checks a request to a sync route, whose query may have these parameters. The inner result
/// is the request's own form. The log has who asks for what: a sync may confirm deletions.
pub(super) async fn accept(
    request: &HttpRequest,
    door: &mut Door,
    parameters: &[&str],
) -> Result<Result<SyncRequest>, Refusal> {
    let caller = authorize(request, door).await?;
    check_method(request, "POST")?;
    check_size(request)?;
    let form = Query::parse(&request.query, parameters).and_then(|_| parse(&request.body));
    if let Ok(form) = &form {
        let (mode, confirm_deletes) = (form.mode, form.confirm_deletes);
        caller.log(
            &format_args!("Sync {{ mode: {mode:?}, confirm_deletes: {confirm_deletes} }}"),
            request,
        );
    }
    Ok(form)
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Caller {
    /// Whoever has the key, which may be many.
    Key,
    /// A user of the project, by the id that its token has as `sub`.
    User(Option<String>),
}

impl Caller {
    /// One line, whatever comes of what is asked. Of a user's token nothing but its id is named, and of a key
    /// that it was one.
    pub(super) fn log(&self, what: &dyn Debug, request: &HttpRequest) {
        let user = match self {
            Self::User(id) => id.as_deref().unwrap_or("without an id"),
            Self::Key => "the key",
        };
        let by = request.source_ip.as_deref();
        tracing::info!(operation = ?what, by, user, "an operator asks");
    }
}

/// Whether the caller has the key, or is a user who may call.
///
/// # Errors
/// 401, or 503 where neither a key is set nor a user may call: never open by default.
pub(super) async fn authorize(request: &HttpRequest, door: &mut Door) -> Result<Caller, Refusal> {
    let key = door.keys.api_key.as_ref();
    if key.is_some_and(|key| is_key(request, key.expose_secret())) {
        return Ok(Caller::Key);
    }
    let has_key = key.is_some();
    match (&door.users, bearer(request).and_then(jwt::token_of)) {
        (Ok(Some(config)), Some(token)) => {
            // Boxed: the future nests deeper than a compiler wants to look.
            let checking = Box::pin(jwt::check(token, config, &mut door.jwks));
            checking.await.map(Caller::User)
        }
        (Err(error), token) if token.is_some() || !has_key => {
            Err(Error::new(error.kind(), error.to_string()).into())
        }
        (Ok(None), _) if !has_key => Err(Refusal::from(Error::new(
            ErrorKind::Config,
            "SYNC_API_KEY is missing: it is the key that callers send as their bearer",
        ))),
        _ => Err(Refusal::new(
            401,
            "the header \"Authorization: Bearer <key>\" is missing or its key is wrong",
        )),
    }
}

/// As [`accept`], where no user of the project may call: then there is nothing to wait for.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn accept_by_key(
    request: &HttpRequest,
    key: Option<&str>,
    parameters: &[&str],
) -> Result<Result<SyncRequest>, Refusal> {
    use futures_util::FutureExt;

    let keys = HttpConfig {
        api_key: key.map(secrecy::SecretString::from),
    };
    let mut door = Door::new(keys, Ok(None));
    let accepted = accept(request, &mut door, parameters).now_or_never();
    accepted.expect("nothing to wait for")
}

/// Whether the bearer is this key.
pub(super) fn is_key(request: &HttpRequest, key: &str) -> bool {
    // Only the length is compared in varying time, and it is no secret.
    bearer(request).is_some_and(|sent| sent.ct_eq(key.as_bytes()).into())
}

/// What the header `Authorization` has behind its scheme.
fn bearer(request: &HttpRequest) -> Option<&[u8]> {
    let value = request.authorization.as_ref()?.as_bytes();
    let (scheme, bearer) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(bearer)
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

    fn status(request: &HttpRequest, key: Option<&str>) -> u16 {
        accept_by_key(request, key, &[]).map_or_else(|refusal| refusal.status, |_| 200)
    }

    #[test]
    fn only_the_key_opens() {
        let key = Some("secret");
        assert_eq!(status(&request(Some("Bearer secret"), ""), key), 200);
        assert_eq!(status(&request(Some("bearer secret"), ""), key), 200);
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
            assert_eq!(status(&request(wrong, ""), key), 401, "{wrong:.40?}");
        }
    }

    #[test]
    fn without_a_configured_key_nothing_opens() {
        assert_eq!(status(&request(Some("Bearer "), ""), None), 503);
        let token = request(Some("Bearer a.b.c"), "");
        assert_eq!(status(&token, None), 503);
        assert_eq!(status(&token, Some("k")), 401);
    }

    #[test]
    fn method_size_and_form_are_checked() {
        let key = Some("k");
        for wrong in ["GET", "post", "", "NO METHOD"] {
            let mut request = request(Some("Bearer k"), "");
            request.method = wrong.to_owned();
            let refusal = accept_by_key(&request, key, &[]).expect_err("not POST");
            assert_eq!((refusal.status, refusal.allow), (405, Some("POST")));
        }
        let large = request(Some("Bearer k"), &" ".repeat(MAX_BODY + 1));
        assert_eq!(status(&large, key), 413);
        let deep = "[".repeat(60_000);
        for bad in ["{", "nonsense", deep.as_str(), r#"{"mode": "all"}"#] {
            let form = accept_by_key(&request(Some("Bearer k"), bad), key, &[]).expect("let in");
            assert_eq!(form.expect_err("bad").kind(), ErrorKind::BadRequest);
        }
        let mut misplaced = request(Some("Bearer k"), "");
        misplaced.query = "mode=full".to_owned();
        let form = accept_by_key(&misplaced, key, &[]).expect("let in");
        assert_eq!(form.expect_err("bad").kind(), ErrorKind::BadRequest);
        assert!(accept_by_key(&misplaced, key, &["mode"]).is_ok_and(|form| form.is_ok()));
        let empty = accept_by_key(&request(Some("Bearer k"), " \n"), key, &[]).expect("let in");
        assert_eq!(empty.expect("a form"), SyncRequest::default());
    }
}
