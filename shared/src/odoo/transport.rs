//! HTTP: one connection pool, one request at a time or several, each counted, timed and logged
//! without its body.

use std::error::Error as StdError;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::{HeaderName, Method};
use jiff::Timestamp;
use serde_json::Value;

use super::answer::{Answer, Head, Payload};
use super::fault::{Asked, Disconnection, Symptom};
use super::pace::Pace;
use super::retry::{parse_retry_after, with_retries};
use super::value::parse_http_date;
use crate::config::{OdooConfig, RetryConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::tls;

#[cfg(test)]
mod tests;

const USER_AGENT: &str = concat!("odoo-supabase-sync/", env!("CARGO_PKG_VERSION"));

/// An address that does not even take the connection is given up sooner than one that works on an
/// answer.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);

/// The largest answer that is read, after decompression. The largest honest one is a page of
/// 10,000 rows, some 5 MB; without a limit one hostile or mistaken answer would exhaust the
/// function's memory.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// What is reserved for a body in advance, whatever length it claims.
const LARGEST_RESERVE: u64 = 1024 * 1024;

/// How often Odoo was asked since the client was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests sent, repeated ones included.
    pub requests: u64,
    /// How many of them repeated a failed one.
    pub retries: u64,
}

/// A request, ready to be sent any number of times. It has no `Debug`: the body of a JSON-RPC
/// request holds the password.
pub(crate) struct Request<'a> {
    pub(crate) asked: Asked<'a>,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl<'a> Request<'a> {
    pub(crate) fn get(asked: Asked<'a>, path: String) -> Self {
        Self {
            asked,
            method: Method::GET,
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn post(
        asked: Asked<'a>,
        path: String,
        mut headers: HeaderMap,
        body: &Value,
    ) -> Self {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            asked,
            method: Method::POST,
            path,
            headers,
            body: Bytes::from(body.to_string()),
        }
    }
}

/// Reads a protocol's envelope.
pub(crate) type Open = fn(&Asked<'_>, Answer) -> Result<Payload>;

/// Carries requests to one Odoo.
pub(crate) struct Transport {
    http: reqwest::Client,
    url: String,
    timeout: Duration,
    retry: RetryConfig,
    pace: Option<Pace>,
    requests: AtomicU64,
    retries: AtomicU64,
    /// In microseconds.
    waited: AtomicU64,
}

impl Transport {
    /// Builds the connection pool; sends nothing.
    pub(crate) fn new(config: &OdooConfig) -> Result<Self> {
        let http = tls::http_client()
            .user_agent(USER_AGENT)
            .gzip(true)
            .timeout(config.timeout)
            .connect_timeout(connect_limit(config.timeout))
            .redirect(reqwest::redirect::Policy::none())
            // Retries are counted and spaced here, not twice.
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Internal, "the HTTP client cannot be built")
                    .with_source(error.without_url())
            })?;
        Ok(Self {
            http,
            url: config.url.clone(),
            timeout: config.timeout,
            retry: config.retry,
            pace: config.max_requests_per_second.and_then(Pace::per_second),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            waited: AtomicU64::new(0),
        })
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
        }
    }

    /// How long answers were waited for since the client was made, failed attempts included. Requests
    /// that are under way at once count each.
    pub(crate) fn waited(&self) -> Duration {
        Duration::from_micros(self.waited.load(Ordering::Relaxed))
    }

    /// Sends the request, reads the answer with `open`, and does both again where that may help.
    pub(crate) async fn send(&self, request: &Request<'_>, open: Open) -> Result<Payload> {
        let attempt = || async {
            let answer = self.exchange(request).await?;
            open(&request.asked, answer)
        };
        let on_retry = |error: &Error, delay: Duration| {
            self.retries.fetch_add(1, Ordering::Relaxed);
            let delay_ms = millis(delay);
            tracing::warn!(
                code = error.kind().code(),
                delay_ms,
                "{}; trying again",
                error.chain()
            );
        };
        with_retries(&self.retry, attempt, on_retry).await
    }

    /// One request and its whole answer.
    async fn exchange(&self, request: &Request<'_>) -> Result<Answer> {
        if let Some(pace) = &self.pace {
            pace.wait().await;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let outcome = self.receive(request).await;
        let elapsed = started.elapsed();
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.waited.fetch_add(micros, Ordering::Relaxed);
        log(&request.asked, &outcome, elapsed);
        outcome
    }

    async fn receive(&self, request: &Request<'_>) -> Result<Answer> {
        let response = self
            .http
            .request(
                request.method.clone(),
                format!("{}{}", self.url, request.path),
            )
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await
            .map_err(|error| self.broken(request, error))?;
        Ok(Answer {
            head: head(&response),
            redirect_to: redirect_target(&response),
            body: self.body(request, response).await?,
        })
    }

    async fn body(
        &self,
        request: &Request<'_>,
        mut response: reqwest::Response,
    ) -> Result<Vec<u8>> {
        let expected = response.content_length().unwrap_or(0).min(LARGEST_RESERVE);
        let mut body = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.broken(request, error))?
        {
            if body.len() + chunk.len() > LARGEST_BODY {
                let limit = LARGEST_BODY;
                return Err(Symptom::TooLarge { limit }.error(&request.asked));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn broken(&self, request: &Request<'_>, error: reqwest::Error) -> Error {
        // The address may hold a user and a password.
        let error = error.without_url();
        let limit = match error.is_connect() {
            true => connect_limit(self.timeout),
            false => self.timeout,
        };
        symptom(&error, limit)
            .error(&request.asked)
            .with_source(error)
    }
}

fn connect_limit(timeout: Duration) -> Duration {
    timeout.min(LONGEST_CONNECT)
}

fn header<'a>(response: &'a reqwest::Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn head(response: &reqwest::Response) -> Head {
    let server_time = header(response, &DATE).and_then(parse_http_date);
    // A date in `Retry-After` is by the same clock as the answer's own.
    let now = server_time.unwrap_or_else(Timestamp::now);
    Head {
        status: response.status().as_u16(),
        server_time,
        retry_after: header(response, &RETRY_AFTER).and_then(|text| parse_retry_after(text, now)),
    }
}

/// The other server that a redirect leads to; not the whole address, which may hold secrets.
fn redirect_target(response: &reqwest::Response) -> Option<String> {
    let target = response
        .url()
        .join(header(response, &LOCATION)?)
        .ok()?
        .origin();
    (target != response.url().origin()).then(|| target.ascii_serialization())
}

/// What a failed exchange looks like. Everything that is not known to stay may pass.
fn symptom(error: &reqwest::Error, limit: Duration) -> Symptom<'static> {
    if error.is_timeout() {
        return Symptom::Timeout(limit);
    }
    if causes(error)
        .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
    {
        return Symptom::NotHttp;
    }
    match tls::refusal(error) {
        Some(reason) if error.is_connect() => Symptom::Tls(reason),
        _ => Symptom::Disconnected(disconnection(error)),
    }
}

fn disconnection(error: &reqwest::Error) -> Disconnection {
    let is_refused = causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::ConnectionRefused);
    if error.is_dns() {
        Disconnection::NoAddress
    } else if is_refused {
        Disconnection::Refused
    } else {
        Disconnection::Broken
    }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// Never a body, a header or an address: model and method say enough.
fn log(asked: &Asked<'_>, outcome: &Result<Answer>, elapsed: Duration) {
    let model = asked.model().unwrap_or("-");
    let method = asked.method();
    let ms = millis(elapsed);
    match outcome {
        Ok(answer) => {
            let (status, bytes) = (answer.head.status, answer.body.len());
            tracing::debug!(model, method, status, ms, bytes, "Odoo answered");
        }
        Err(error) => tracing::debug!(model, method, ms, code = error.kind().code(), "no answer"),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
