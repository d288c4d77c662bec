//! A server to hold statements against: where it is, and how to call it over plain HTTP.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use odoo_sim::{OdooSim, Version};
use serde_json::{Value as Json, json};
use shared::tls::http_client;
use tokio::sync::OnceCell;

/// How long to wait for the next second of a server's clock.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(50);

/// A simulated or real Odoo.
pub(super) struct Server {
    pub(super) version: Version,
    pub(super) url: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) api_key: String,
    http: reqwest::Client,
    sim: Option<OdooSim>,
    /// Asked once.
    uid: OnceCell<i64>,
    /// What the test made, to be deleted: model and id.
    made: Mutex<Vec<(String, i64)>>,
}

/// An answer over HTTP.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// An error that Odoo told: `error.data` of JSON-RPC, or the body of JSON-2.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) name: String,
    pub(super) message: String,
}

impl Fault {
    fn of(data: &Json) -> Self {
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        Fault {
            name: text("name"),
            message: text("message"),
        }
    }
}

impl Server {
    /// A simulator with a small shop.
    pub(super) async fn simulated(version: Version) -> Self {
        let sim = OdooSim::builder()
            .version(version)
            .products(40)
            .start()
            .await;
        Server {
            version,
            url: sim.url().to_owned(),
            database: sim.database().to_owned(),
            user: sim.user().to_owned(),
            password: sim.password().to_owned(),
            api_key: sim.api_key().to_owned(),
            http: http_client().build().expect("a client"),
            sim: Some(sim),
            uid: OnceCell::new(),
            made: Mutex::default(),
        }
    }

    /// The real server that the environment names.
    pub(super) fn real(version: Version) -> Self {
        let variable = |what: &str| {
            let name = format!("TEST_ODOO_{version}_{what}");
            std::env::var(&name).unwrap_or_else(|_| panic!("{name} is not set"))
        };
        Server {
            version,
            url: variable("URL").trim_end_matches('/').to_owned(),
            database: variable("DB"),
            user: variable("USER"),
            password: variable("PASSWORD"),
            api_key: variable("API_KEY"),
            http: http_client().build().expect("a client"),
            sim: None,
            uid: OnceCell::new(),
            made: Mutex::default(),
        }
    }

    pub(super) fn is(&self, version: Version) -> bool {
        self.version == version
    }

    pub(super) fn is_real(&self) -> bool {
        self.sim.is_none()
    }

    /// Any request; `content_type` is left out where it is empty.
    pub(super) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Answer {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the server answers");
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("a body"),
        }
    }

    /// A JSON-RPC call of a service's method.
    pub(super) async fn service(&self, service: &str, method: &str, args: Json) -> Answer {
        let body = json!({
            "jsonrpc": "2.0", "method": "call", "id": 42,
            "params": {"service": service, "method": method, "args": args},
        });
        self.send(
            reqwest::Method::POST,
            "/jsonrpc",
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    /// The id of the administrator.
    pub(super) async fn uid(&self) -> i64 {
        let log_in = async || {
            let args = json!([self.database, self.user, self.api_key, {}]);
            let answer = self.service("common", "authenticate", args).await.json();
            answer["result"].as_i64().expect("the key is right")
        };
        *self.uid.get_or_init(log_in).await
    }

    /// `execute_kw` as the administrator: the raw answer. With the key, as 19 takes seconds to
    /// check a password.
    pub(super) async fn execute(
        &self,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Answer {
        let uid = self.uid().await;
        let args = json!([
            self.database,
            uid,
            self.api_key,
            model,
            method,
            args,
            kwargs
        ]);
        self.service("object", "execute_kw", args).await
    }

    /// `execute_kw` as the administrator: its result or its fault.
    pub(super) async fn try_call(
        &self,
        model: &str,
        method: &str,
        args: Json,
        kwargs: Json,
    ) -> Result<Json, Fault> {
        let answer = self.execute(model, method, args, kwargs).await;
        assert_eq!(answer.status, 200, "JSON-RPC answers 200: {}", answer.text);
        let mut json = answer.json();
        match json.get("error") {
            Some(error) => Err(Fault::of(&error["data"])),
            None => Ok(json["result"].take()),
        }
    }

    /// `execute_kw` that must succeed.
    pub(super) async fn call(&self, model: &str, method: &str, args: Json, kwargs: Json) -> Json {
        self.try_call(model, method, args, kwargs)
            .await
            .unwrap_or_else(|fault| panic!("{model}.{method}: {fault:?}"))
    }

    /// A JSON-2 call with the right key.
    pub(super) async fn json2(&self, model: &str, method: &str, body: Json) -> Answer {
        let bearer = format!("bearer {}", self.api_key);
        let headers = [
            ("content-type", "application/json"),
            ("authorization", bearer.as_str()),
            ("x-odoo-database", self.database.as_str()),
        ];
        let path = format!("/json/2/{model}/{method}");
        self.send(reqwest::Method::POST, &path, &headers, body.to_string())
            .await
    }

    /// Creates a record that [`Server::clean_up`] deletes.
    pub(super) async fn create(&self, model: &str, values: Json) -> i64 {
        let id = self.call(model, "create", json!([values]), json!({})).await;
        let id = id.as_i64().expect("an id");
        self.made
            .lock()
            .expect("no panic")
            .push((model.to_owned(), id));
        id
    }

    /// A template and its only variant.
    pub(super) async fn create_product(&self, values: Json) -> (i64, i64) {
        let template = self.create("product.template", values).await;
        let read = self
            .read("product.template", template, &["product_variant_ids"])
            .await;
        let variant = read["product_variant_ids"][0].as_i64().expect("a variant");
        (template, variant)
    }

    pub(super) async fn write(&self, model: &str, id: i64, values: Json) {
        self.call(model, "write", json!([[id], values]), json!({}))
            .await;
    }

    /// One record with bare ids, archived or not.
    pub(super) async fn read(&self, model: &str, id: i64, fields: &[&str]) -> Json {
        let kwargs = json!({"fields": fields, "load": null});
        let mut rows = self.call(model, "read", json!([[id]]), kwargs).await;
        rows[0].take()
    }

    pub(super) async fn write_date(&self, model: &str, id: i64) -> String {
        let row = self.read(model, id, &["write_date"]).await;
        row["write_date"].as_str().expect("a write_date").to_owned()
    }

    /// Ids that match, in id order, archived ones included.
    pub(super) async fn search(&self, model: &str, domain: Json) -> Vec<i64> {
        let kwargs = json!({"order": "id", "context": {"active_test": false}});
        ids(&self.call(model, "search", json!([domain]), kwargs).await)
    }

    /// Waits until the server's clock shows a later second than it does now: only then can a
    /// change be told from what was before by `write_date` as it is sent.
    pub(super) async fn next_second(&self) {
        if let Some(sim) = &self.sim {
            sim.clock().advance(Duration::from_secs(1));
            return;
        }
        let (start, began) = (self.date().await, Instant::now());
        while self.date().await == start {
            assert!(
                began.elapsed() < PATIENCE,
                "the server's clock stands still at {start}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn date(&self) -> String {
        self.service("common", "version", json!([]))
            .await
            .header("date")
            .to_owned()
    }

    /// Deletes what the test made on a real server, newest first. What is gone already, or cannot
    /// be deleted, is left.
    pub(super) async fn clean_up(&self) {
        let made = std::mem::take(&mut *self.made.lock().expect("no panic"));
        for (model, id) in made.into_iter().rev() {
            if matches!(model.as_str(), "purchase.order" | "sale.order") {
                // Only a cancelled one can be deleted.
                let cancel = json!([[id], {"state": "cancel"}]);
                let _ = self.try_call(&model, "write", cancel, json!({})).await;
            }
            let _ = self
                .try_call(&model, "unlink", json!([[id]]), json!({}))
                .await;
        }
    }
}

/// A JSON list as ids.
pub(super) fn ids(json: &Json) -> Vec<i64> {
    let items = json.as_array().expect("a list of ids");
    items.iter().map(|id| id.as_i64().expect("an id")).collect()
}

/// A name or code that no other record has.
pub(super) fn unique(prefix: &str) -> String {
    format!("{prefix} {}", uuid::Uuid::new_v4().simple())
}
