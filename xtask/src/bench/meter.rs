//! A proxy before Odoo that notes what is asked, and when it is answered. A run's time beyond
//! that of its requests is our own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::odoo_environment::OdooEnvironment;

/// Requests by model and method, such as `product.product read`.
pub(super) type Counts = BTreeMap<String, u64>;

/// A running proxy; it ends when this is dropped.
pub(super) struct Meter {
    environment: OdooEnvironment,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    odoo: String,
    client: Client,
    seen: Mutex<Vec<Seen>>,
}

/// What was asked while the meter ran.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Seen>);

#[derive(Debug, Clone)]
struct Seen {
    what: String,
    began: Instant,
    ended: Instant,
}

impl Meter {
    /// Starts it before this Odoo, on the runtime at hand.
    pub(super) async fn start(odoo: &OdooEnvironment) -> Result<Self> {
        let shared = Arc::new(Shared {
            odoo: odoo.url.clone(),
            client: shared::tls::http_client().no_proxy().gzip(false).build()?,
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("no port for a proxy")?;
        let environment = OdooEnvironment {
            url: format!("http://{}", listener.local_addr()?),
            ..odoo.clone()
        };
        let app = Router::new()
            .fallback(pass_on)
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            // It ends with the task; nobody is left to be told why.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            environment,
            shared,
            server,
        })
    }

    /// Where Odoo is for whoever is to be measured.
    pub(super) fn environment(&self) -> &OdooEnvironment {
        &self.environment
    }

    /// What was asked since the last time.
    pub(super) fn take(&self) -> Asked {
        Asked(std::mem::take(&mut *self.shared.lock()))
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asked {
    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for seen in &self.0 {
            *counts.entry(seen.what.clone()).or_default() += 1;
        }
        counts
    }

    /// How long at least one request was under way.
    pub(super) fn took(&self) -> Duration {
        let mut spans: Vec<_> = self.0.iter().map(|seen| (seen.began, seen.ended)).collect();
        spans.sort_unstable();
        let mut took = Duration::ZERO;
        let mut covered: Option<Instant> = None;
        for (began, ended) in spans {
            let from = covered.map_or(began, |covered| covered.max(began));
            took += ended.saturating_duration_since(from);
            covered = Some(covered.map_or(ended, |covered| covered.max(ended)));
        }
        took
    }
}

async fn pass_on(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let began = Instant::now();
    let what = name(request.uri().path());
    let answer = forward(&shared, request).await;
    shared.lock().push(Seen {
        what,
        began,
        ended: Instant::now(),
    });
    answer.unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

async fn forward(shared: &Shared, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut headers = parts.headers;
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let answer = shared
        .client
        .request(parts.method, format!("{}{path}", shared.odoo))
        .headers(headers)
        .body(to_bytes(body, usize::MAX).await?)
        .send()
        .await?;
    let status = answer.status();
    let mut headers = answer.headers().clone();
    for of_the_connection in [header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(of_the_connection);
    }
    let mut response = Response::new(Body::from(answer.bytes().await?));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// `/json/2/product.product/read` is `product.product read`.
fn name(path: &str) -> String {
    let call = path.strip_prefix("/json/2/");
    call.map_or_else(|| path.to_owned(), |call| call.replace('/', " "))
}

#[cfg(test)]
mod tests {
    use super::{Asked, Seen, name};
    use std::time::{Duration, Instant};

    fn asked(spans: &[(u64, u64)]) -> Asked {
        let start = Instant::now();
        let at = |time: u64| start + Duration::from_millis(time);
        let spans = spans.iter().map(|&(began, ended)| Seen {
            what: "a read".to_owned(),
            began: at(began),
            ended: at(ended),
        });
        Asked(spans.collect())
    }

    #[test]
    fn time_in_which_two_requests_are_under_way_counts_once() {
        let took = |spans| asked(spans).took().as_millis();
        assert_eq!(took(&[]), 0);
        assert_eq!(took(&[(0, 5), (10, 12)]), 7);
        assert_eq!(took(&[(10, 30), (0, 20)]), 30);
        assert_eq!(took(&[(0, 20), (5, 10), (15, 25)]), 25);
    }

    #[test]
    fn requests_are_counted_by_what_they_ask() {
        assert_eq!(asked(&[(0, 1), (1, 2)]).counts()["a read"], 2);
        assert_eq!(name("/json/2/uom.uom/search"), "uom.uom search");
        assert_eq!(name("/web/version"), "/web/version");
    }
}
