//! An Odoo 19 that is as fast as can be: what it answers is all but ready. It speaks as much of
//! JSON-2 as a sync of products asks for, so that what is measured is the function and Postgres.
//! The simulator, which behaves like Odoo, would itself take most of the time.

mod records;

use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::odoo_environment::OdooEnvironment;
use records::Model;

/// A running server, on a thread of its own; it ends when this is dropped.
pub(super) struct CannedOdoo {
    environment: OdooEnvironment,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CannedOdoo {
    /// Serves so many products on a free port.
    pub(super) fn start(products: u64) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for a server")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start an asynchronous runtime")?;
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, products) => {}
                    _ = stopped => {}
                }
            });
        });
        Ok(Self {
            environment: OdooEnvironment {
                url,
                database: "canned".to_owned(),
                user: "canned".to_owned(),
                password: "canned".to_owned(),
                api_key: "canned".to_owned(),
            },
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// How it is reached.
    pub(super) fn environment(&self) -> &OdooEnvironment {
        &self.environment
    }
}

impl Drop for CannedOdoo {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, products: u64) {
    let app = Router::new()
        .route(
            "/web/version",
            get(async || json(br#"{"version": "19.0"}"#.to_vec())),
        )
        .route("/json/2/{model}/{method}", post(call))
        .with_state(Arc::new(products));
    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
        // It ends with the thread; nobody is left to be told why.
        let _ = axum::serve(listener, app).await;
    }
}

async fn call(
    State(products): State<Arc<u64>>,
    Path((model, method)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if (model.as_str(), method.as_str()) == ("res.users", "context_get") {
        return json(br#"{"lang": "en_US", "tz": false, "uid": 2}"#.to_vec());
    }
    let answer = Model::find(&model, *products).and_then(|model| answer(&model, &method, &body));
    answer.map_or_else(|| StatusCode::NOT_FOUND.into_response(), json)
}

/// `None` for what a sync does not ask.
fn answer(model: &Model, method: &str, body: &[u8]) -> Option<Vec<u8>> {
    if method == "fields_get" {
        return Some(model.description().into_bytes());
    }
    if method == "read" {
        let (ids, rest) = adjacent_ids(body)?;
        let asked: Asked = serde_json::from_slice(&rest).ok()?;
        return Some(model.records(ids, &asked.fields));
    }
    let asked: Asked = serde_json::from_slice(body).ok()?;
    let found = asked.matching(model);
    match method {
        "search" => Some(records::list(asked.limited(found))),
        "search_read" => Some(model.records(asked.limited(found), &asked.fields)),
        "search_count" => {
            let count = (found.end() + 1).saturating_sub(*found.start());
            Some(count.to_string().into_bytes())
        }
        _ => None,
    }
}

/// The arguments that make a difference.
#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    domain: Vec<Value>,
    #[serde(default)]
    fields: Vec<String>,
    limit: Option<u64>,
}

impl Asked {
    /// Which ids meet the conditions on the id. All records have the same change time, and who
    /// asks for a window of it gets all of them. A product and its template have the same id.
    fn matching(&self, model: &Model) -> RangeInclusive<u64> {
        let (mut first, mut last) = model.ids().into_inner();
        for term in &self.domain {
            match (&term[0], &term[1], &term[2]) {
                (Value::String(field), Value::String(operator), value)
                    if field == "id" || field == "product_variant_ids" =>
                {
                    match (operator.as_str(), value) {
                        (">", Value::Number(id)) => {
                            first = first.max(id.as_u64().unwrap_or_default() + 1);
                        }
                        (">=", Value::Number(id)) => {
                            first = first.max(id.as_u64().unwrap_or_default());
                        }
                        ("<=", Value::Number(id)) => {
                            last = last.min(id.as_u64().unwrap_or_default());
                        }
                        ("in", Value::Array(ids)) => {
                            let ids = || ids.iter().filter_map(Value::as_u64);
                            first = first.max(ids().min().unwrap_or(u64::MAX));
                            last = last.min(ids().max().unwrap_or_default());
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        first..=last
    }

    fn limited(&self, found: RangeInclusive<u64>) -> RangeInclusive<u64> {
        let (first, last) = found.into_inner();
        let most = self.limit.unwrap_or(u64::MAX);
        first..=last.min(first.saturating_add(most).saturating_sub(1))
    }
}

/// The ids of a `read`, first to last, and the body without them. They were listed by us, so they
/// have no gap, and they are many: looking at two of them is enough.
fn adjacent_ids(body: &[u8]) -> Option<(RangeInclusive<u64>, Vec<u8>)> {
    const NAME: &str = "\"ids\":[";
    let text = std::str::from_utf8(body).ok()?;
    let start = text.find(NAME)? + NAME.len();
    // The end of the arguments is near; `fields` comes before.
    let end = text.rfind(']')?;
    let ids = text.get(start..end)?;
    let first = ids.split(',').next()?.trim().parse().ok()?;
    let last = ids.rsplit(',').next()?.trim().parse().ok()?;
    let rest = [&text[..start], &text[end..]].concat();
    Some((first..=last, rest.into_bytes()))
}

fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::answer;
    use super::records::Model;
    use serde_json::{Value, json};

    fn ask(method: &str, arguments: Value) -> Value {
        let model = Model::find("product.product", 25).expect("there is one");
        let body = arguments.to_string();
        let answer = answer(&model, method, body.as_bytes()).expect("an answer");
        serde_json::from_slice(&answer).expect("JSON")
    }

    #[test]
    fn ids_are_listed_in_portions() {
        let after = |id: u64| json!({"domain": [["id", ">", id]], "limit": 10, "order": "id"});
        let first = ask("search", after(0));
        assert_eq!(
            (first[0].as_u64(), first[9].as_u64()),
            (Some(10_000_001), Some(10_000_010))
        );
        let last = ask("search", after(10_000_020));
        assert_eq!(last.as_array().map(Vec::len), Some(5));
        assert_eq!(ask("search_count", after(10_000_020)), 5);
        assert_eq!(ask("search", after(10_000_025)), json!([]));
        assert_eq!(ask("search_count", json!({"domain": []})), 25);
    }

    #[test]
    fn a_range_of_ids_is_read_with_its_change_times() {
        let domain = json!(["&", ["id", ">", 10_000_003], ["id", "<=", 10_000_005]]);
        let rows = ask(
            "search_read",
            json!({"domain": domain, "fields": ["write_date"], "limit": 40, "order": "id"}),
        );
        let changed = "2026-01-15 08:30:11";
        assert_eq!(
            rows,
            json!([
                {"id": 10_000_004, "write_date": changed},
                {"id": 10_000_005, "write_date": changed},
            ])
        );
    }

    #[test]
    fn a_page_is_read_with_the_fields_that_were_asked_for() {
        let rows = ask(
            "read",
            json!({"context": {}, "fields": ["active"], "ids": [10_000_002, 10_000_003], "load": null}),
        );
        let expected = json!([
            {"id": 10_000_002, "active": true},
            {"id": 10_000_003, "active": true},
        ]);
        assert_eq!(rows, expected);
    }
}
