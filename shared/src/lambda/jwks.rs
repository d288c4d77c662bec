//! The public keys of the Supabase project, by which its users' tokens are verified. They are fetched when the first
//! token comes and kept for ten minutes, so that a key that is taken back opens nothing for longer. A
//! token of a key that is not among them may be of a new one: they are fetched anew, but at most once a minute,
//! since any stranger may send such a token.

use std::collections::BTreeMap;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::tls;

/// How long they are taken for what the project has.
const FRESH: Duration = Duration::from_secs(600);
/// Pause between two fetches for the sake of an unknown key.
const PAUSE: Duration = Duration::from_secs(60);
/// Pause after a fetch that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Limit of a fetch, from connecting to the last byte.
const LIMIT: Duration = Duration::from_secs(5);
/// A key has a few hundred bytes, and a project a few keys.
const MAX_SIZE: usize = 64 * 1024;

/// The keys as they were last fetched.
#[derive(Default)]
pub(super) struct Jwks {
    keys: BTreeMap<String, DecodingKey>,
    fetched: Option<Instant>,
    failed: Option<Instant>,
}

/// A set of keys (RFC 7517). One of a kind that is not known here hinders no other.
#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Jwks {
    /// The key of this id; `None` where the project has none.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where its keys cannot be had.
    pub(super) async fn key(&mut self, id: &str, issuer: &str) -> Result<Option<DecodingKey>> {
        let age = self.fetched.map(|at| at.elapsed());
        let is_wanted = match age {
            None => true,
            Some(age) => age >= FRESH || (age >= PAUSE && !self.keys.contains_key(id)),
        };
        if is_wanted {
            self.refresh(issuer, age.is_none_or(|age| age >= FRESH))
                .await?;
        }
        Ok(self.keys.get(id).cloned())
    }

    /// Where they need not be had, a failure leaves those that there are.
    async fn refresh(&mut self, issuer: &str, is_needed: bool) -> Result<()> {
        let pausing = self
            .failed
            .is_some_and(|at| at.elapsed() < PAUSE_AFTER_FAILURE);
        let fetched = match pausing {
            true => Err(unreadable("they could not be fetched a moment ago")),
            false => fetch(issuer).await,
        };
        match fetched {
            Ok(keys) => {
                self.keys = keys;
                self.fetched = Some(Instant::now());
                self.failed = None;
                Ok(())
            }
            Err(error) => {
                if !pausing {
                    tracing::warn!(cause = error.chain(), "the project's keys were not fetched");
                    self.failed = Some(Instant::now());
                }
                if is_needed { Err(error) } else { Ok(()) }
            }
        }
    }
}

async fn fetch(issuer: &str) -> Result<BTreeMap<String, DecodingKey>> {
    let failed = |error: reqwest::Error| {
        unreadable("the project does not answer").with_source(error.without_url())
    };
    let client = tls::http_client()
        .timeout(LIMIT)
        .redirect(Policy::none())
        .build()
        .map_err(failed)?;
    let url = format!("{issuer}/.well-known/jwks.json");
    let mut answer = client.get(url).send().await.map_err(failed)?;
    if !answer.status().is_success() {
        let status = answer.status().as_u16();
        return Err(unreadable(&format!("the project answers {status}")));
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if text.len() + chunk.len() > MAX_SIZE {
            return Err(unreadable("the answer is larger than 64 KiB"));
        }
        text.extend_from_slice(&chunk);
    }
    read(&text)
}

/// Keys by their ids; those without one, and those of a shared secret, are none that a token is verified by.
fn read(text: &[u8]) -> Result<BTreeMap<String, DecodingKey>> {
    let set: Set = serde_json::from_slice(text)
        .map_err(|_| unreadable("the answer is no set of keys (JSON with \"keys\")"))?;
    let keys = set.keys.into_iter().filter_map(|key| {
        let jwk: Jwk = serde_json::from_value(key).ok()?;
        let id = jwk.common.key_id.clone()?;
        Some((id, DecodingKey::from_jwk(&jwk).ok()?))
    });
    Ok(keys.collect())
}

fn unreadable(reason: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the keys of the project that SUPABASE_URL names cannot be read: {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const POINT: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

    fn key(id: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": POINT, "y": POINT})
    }

    /// A project that has one more key each time that it is asked: `1`, then `1` and `2`.
    async fn project() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            let mut keys = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                keys.push(key(&(keys.len() + 1).to_string()));
                let body = json!({"keys": keys}).to_string();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
                );
                let _ = stream.write_all((head + &body).as_bytes()).await;
            }
        });
        format!("http://{address}/auth/v1")
    }

    /// As if so much time had passed since the last fetch.
    fn age(jwks: &mut Jwks, by: Duration) {
        let earlier = |at: Instant| at.checked_sub(by).expect("the machine is up for longer");
        jwks.fetched = jwks.fetched.map(earlier);
        jwks.failed = jwks.failed.map(earlier);
    }

    async fn knows(jwks: &mut Jwks, id: &str, issuer: &str) -> bool {
        jwks.key(id, issuer).await.expect("keys").is_some()
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_once_a_minute_and_all_are_after_ten() {
        let (mut jwks, issuer) = (Jwks::default(), project().await);
        assert!(knows(&mut jwks, "1", &issuer).await);
        assert!(!knows(&mut jwks, "2", &issuer).await);
        age(&mut jwks, PAUSE);
        assert!(knows(&mut jwks, "1", &issuer).await);
        assert!(!jwks.keys.contains_key("2"), "known ones are not asked for");
        assert!(knows(&mut jwks, "2", &issuer).await);
        assert!(!knows(&mut jwks, "3", &issuer).await);
        age(&mut jwks, FRESH);
        assert!(knows(&mut jwks, "1", &issuer).await);
        assert!(jwks.keys.contains_key("3"));
    }

    #[tokio::test]
    async fn keys_are_kept_while_they_are_fresh_and_no_longer() {
        let (mut jwks, issuer) = (Jwks::default(), project().await);
        assert!(knows(&mut jwks, "1", &issuer).await);
        let nobody = "http://127.0.0.1:1/auth/v1";
        age(&mut jwks, PAUSE);
        assert!(!knows(&mut jwks, "2", nobody).await);
        assert!(knows(&mut jwks, "1", nobody).await);
        age(&mut jwks, FRESH);
        let error = jwks.key("1", nobody).await.expect_err("nobody answers");
        assert_eq!(error.kind(), ErrorKind::Config);
    }

    #[test]
    fn a_key_of_an_unknown_kind_hinders_no_other() {
        let set = json!({"keys": [
            {"kty": "PQ", "kid": "b"},
            7,
            {"kty": "EC", "crv": "P-256", "x": POINT, "y": POINT},
            key("a"),
        ]});
        let keys = read(set.to_string().as_bytes()).expect("a set");
        let ids: Vec<&str> = keys.keys().map(String::as_str).collect();
        assert!(ids.contains(&"a"), "{ids:?}");
        for wrong in ["", "[]", "{}", "<html>"] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
