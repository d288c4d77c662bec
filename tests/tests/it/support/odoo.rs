//! An Odoo to test against, simulated or real, driven over JSON-RPC as any client would:
//! what a test changes goes through the server's own methods on both.

use std::collections::BTreeMap;

use odoo_sim::{OdooSim, Version};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shared::tls::http_client;

use super::function::Environment;
use super::postgres::variable;

/// Where an Odoo is and who we are there.
pub(crate) struct Odoo {
    pub(crate) url: String,
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) password: String,
    uid: i64,
    http: reqwest::Client,
}

/// One record as Odoo sent it: the JSON text of each field.
pub(crate) type RawRecord = BTreeMap<String, Box<RawValue>>;

impl Odoo {
    /// The real one that `cargo xtask test --odoo <version>` has started. With its API
    /// key 19 is spoken to over JSON-2, with the password over JSON-RPC.
    pub(crate) async fn real(version: u8, with_key: bool) -> Self {
        let get = |what: &str| variable(&format!("TEST_ODOO_{version}_{what}"));
        let password = if with_key { "API_KEY" } else { "PASSWORD" };
        Self::connect(get("URL"), get("DB"), get("USER"), get(password)).await
    }

    /// A simulated one.
    pub(crate) async fn simulated(sim: &OdooSim) -> Self {
        let text = |text: &str| text.to_owned();
        Self::connect(
            text(sim.url()),
            text(sim.database()),
            text(sim.user()),
            text(sim.password()),
        )
        .await
    }

    async fn connect(url: String, database: String, user: String, password: String) -> Self {
        let mut odoo = Self {
            url,
            database,
            user,
            password,
            uid: 0,
            http: http_client().build().expect("a client"),
        };
        let credentials = json!([odoo.database, odoo.user, odoo.password, {}]);
        let uid = odoo.rpc("common", "authenticate", credentials).await;
        odoo.uid = serde_json::from_str(uid.get()).expect("a user id");
        odoo
    }

    /// The variables that lead a function here.
    pub(crate) fn environment(&self, database_url: &str) -> Environment {
        [
            ("ODOO_URL", self.url.clone()),
            ("ODOO_DB", self.database.clone()),
            ("ODOO_USER", self.user.clone()),
            ("ODOO_PASSWORD", self.password.clone()),
            ("SUPABASE_DB_URL", database_url.to_owned()),
            ("SYNC_EVENT_BUS", String::new()),
            ("SYNC_RETRY_DELAY_MS", "1".to_owned()),
        ]
        .into()
    }

    /// Calls a method of a model.
    pub(crate) async fn call(&self, model: &str, method: &str, args: Value) -> Value {
        self.call_with(model, method, args, json!({})).await
    }

    /// As [`Odoo::call`], with named arguments.
    pub(crate) async fn call_with(
        &self,
        model: &str,
        method: &str,
        args: Value,
        kwargs: Value,
    ) -> Value {
        let answer = self.call_raw(model, method, args, kwargs).await;
        serde_json::from_str(answer.get()).expect("JSON")
    }

    /// Ids of the records that a domain describes, archived ones included, the oldest first.
    pub(crate) async fn search(&self, model: &str, domain: Value) -> Vec<i64> {
        let kwargs = json!({"order": "id", "context": {"active_test": false}});
        let ids = self.call_with(model, "search", json!([domain]), kwargs);
        serde_json::from_value(ids.await).expect("ids")
    }

    /// One field of a record; of a many2one its id.
    pub(crate) async fn get(&self, model: &str, id: i64, field: &str) -> Value {
        let kwargs = json!({"fields": [field], "load": null});
        let mut records = self.call_with(model, "read", json!([[id]]), kwargs).await;
        records[0][field].take()
    }

    /// As [`Odoo::get`], for a many2one that is set.
    pub(crate) async fn id(&self, model: &str, id: i64, field: &str) -> i64 {
        let value = self.get(model, id, field).await;
        value
            .as_i64()
            .unwrap_or_else(|| panic!("{model}.{field} is {value}"))
    }

    /// As [`Odoo::get`], for a one2many or a many2many, the oldest first.
    pub(crate) async fn ids(&self, model: &str, id: i64, field: &str) -> Vec<i64> {
        let value = self.get(model, id, field).await;
        let mut ids: Vec<i64> = serde_json::from_value(value).expect("ids");
        ids.sort_unstable();
        ids
    }

    /// Creates a record and returns its id.
    pub(crate) async fn create(&self, model: &str, values: Value) -> i64 {
        let created = self.call(model, "create", json!([values])).await;
        created.as_i64().expect("an id")
    }

    /// Writes to a record.
    pub(crate) async fn write(&self, model: &str, id: i64, values: Value) {
        self.call(model, "write", json!([[id], values])).await;
    }

    /// How many records there are, archived ones included.
    pub(crate) async fn count(&self, model: &str) -> u64 {
        let kwargs = json!({"context": {"active_test": false}});
        let answer = self
            .call_raw(model, "search_count", json!([[]]), kwargs)
            .await;
        serde_json::from_str(answer.get()).expect("a count")
    }

    /// Every record, archived ones included, with the text of its values.
    pub(crate) async fn all(&self, model: &str, fields: &[String]) -> Vec<RawRecord> {
        let context = json!({"active_test": false, "lang": "en_US"});
        let ids = self
            .call_raw(model, "search", json!([[]]), json!({"context": context}))
            .await;
        let ids: Value = serde_json::from_str(ids.get()).expect("ids");
        let kwargs = json!({"fields": fields, "load": null, "context": context});
        let records = self.call_raw(model, "read", json!([ids]), kwargs).await;
        serde_json::from_str(records.get()).expect("records")
    }

    /// The names of a model's fields.
    pub(crate) async fn fields(&self, model: &str) -> Vec<String> {
        let kwargs = json!({"attributes": ["type"]});
        let answer = self.call_raw(model, "fields_get", json!([]), kwargs).await;
        let fields: BTreeMap<String, Value> = serde_json::from_str(answer.get()).expect("fields");
        fields.into_keys().collect()
    }

    async fn call_raw(
        &self,
        model: &str,
        method: &str,
        args: Value,
        kwargs: Value,
    ) -> Box<RawValue> {
        let call = json!([
            self.database,
            self.uid,
            self.password,
            model,
            method,
            args,
            kwargs
        ]);
        self.rpc("object", "execute_kw", call).await
    }

    async fn rpc(&self, service: &str, method: &str, args: Value) -> Box<RawValue> {
        let body = json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": {"service": service, "method": method, "args": args},
        });
        let text = self
            .http
            .post(format!("{}/jsonrpc", self.url))
            .header("content-type", "application/json")
            .body(body.to_string())
            .send()
            .await
            .expect("an answer")
            .text()
            .await
            .expect("its body");
        let mut answer: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(!answer.contains_key("error"), "a fault: {text}");
        // Odoo leaves `result` out where a method returns nothing.
        answer.remove("result").unwrap_or_default()
    }
}

/// A simulated Odoo with a shop of so many products.
pub(crate) async fn simulator(version: Version, products: usize) -> OdooSim {
    OdooSim::builder()
        .version(version)
        .products(products)
        .seed(7)
        .start()
        .await
}
