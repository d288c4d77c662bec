//! A shop to break: a simulated Odoo, a mirror's database and the variables that lead a
//! function to both, with the checks that hold after whatever went wrong.

use odoo_sim::{OdooSim, Version};
use reqwest::Url;
use serde_json::{Value, json};
use shared::specs::PRODUCTS;

use super::function::{Environment, Function};
use super::odoo::{Odoo, simulator};
use super::postgres::TestDatabase;
use super::snapshot::assert_mirror_equals;

/// Both versions of Odoo that tests of bad input go over.
pub(crate) const VERSIONS: [Version; 2] = [Version::V14, Version::V19];

/// The name of one product, and the price of all of its template: no log may repeat them.
const MARKED_NAME: &str = "Zimtschnecke-Kennwort";
const MARKED_PRICE: f64 = 8191.311;

/// Text that shows a bug or Odoo's own `debug`, wherever it appears.
const NEVER_PRINTED: [&str; 4] = [
    "Traceback",
    "secret row value",
    "panicked",
    "RUST_BACKTRACE",
];

/// A simulated shop of 120 products and the mirror it goes to.
pub(crate) struct Shop {
    pub(crate) sim: OdooSim,
    pub(crate) odoo: Odoo,
    pub(crate) database: TestDatabase,
    pub(crate) environment: Environment,
}

impl Shop {
    /// Opens with an empty mirror. The password is an API key, so 19 is spoken to over
    /// JSON-2; everything is logged that can be.
    pub(crate) async fn open(version: Version) -> Self {
        let sim = simulator(version, 120).await;
        let marked = sim.ids("product.product")[3];
        sim.write(
            "product.product",
            &[marked],
            json!({"name": MARKED_NAME, "list_price": MARKED_PRICE}),
        );
        let odoo = Odoo::simulated(&sim).await;
        sim.reset_requests();
        let database = TestDatabase::create().await;
        let mut environment = odoo.environment(&database.url);
        for (name, value) in [
            ("ODOO_PASSWORD", sim.api_key()),
            ("SYNC_BATCH_SIZE", "50"),
            ("RUST_LOG", "trace"),
        ] {
            environment.insert(name, value.to_owned());
        }
        Self {
            sim,
            odoo,
            database,
            environment,
        }
    }

    /// Starts `sync-products` here.
    pub(crate) async fn function(&self) -> Function {
        Function::start("sync-products", &self.environment).await
    }

    /// As [`Shop::function`], with some variables set to other values.
    pub(crate) async fn function_with(&self, variables: &[(&'static str, &str)]) -> Function {
        let mut environment = self.environment.clone();
        for (name, value) in variables {
            environment.insert(name, (*value).to_owned());
        }
        Function::start("sync-products", &environment).await
    }

    /// Syncs, which must succeed, and returns the run's report.
    pub(crate) async fn sync(&self, function: &mut Function) -> Value {
        let answer = function.call(&json!({})).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    /// Changes a product, so that the next run has something to read.
    pub(crate) fn change_something(&self) {
        let id = self.sim.ids("product.product")[7];
        let weight = self.sim.record("product.product", id)["weight"].as_f64();
        let weight = weight.expect("a number") + 1.0;
        self.sim
            .write("product.product", &[id], json!({"weight": weight}));
    }

    /// Rows of a query as JSON objects.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(found) from ({query}) found");
        let rows = self.database.client.query(&query, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Runs SQL as an operator would.
    pub(crate) async fn execute(&self, sql: &str) {
        let done = self.database.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The runs, the latest last.
    pub(crate) async fn runs(&self) -> Vec<Value> {
        self.rows("select * from odoo.sync_runs order by started_at")
            .await
    }

    /// The data type's row; null before the first run.
    pub(crate) async fn metadata(&self) -> Value {
        let mut rows = self.rows("select * from odoo.sync_metadata").await;
        rows.pop().unwrap_or_default()
    }

    /// How far each stream has been read.
    pub(crate) async fn watermarks(&self) -> Vec<Value> {
        self.rows("select stream, watermark from odoo.sync_streams order by stream")
            .await
    }

    /// The mirror holds what Odoo holds.
    pub(crate) async fn assert_mirrored(&self) {
        assert_mirror_equals(&self.odoo, &self.database.client, &PRODUCTS).await;
    }

    /// The failure has this code, a message and a remedy, and stands in `sync_runs` and
    /// `sync_metadata` as it stands in the answer. Returns the message.
    pub(crate) async fn assert_recorded(&self, answer: &Value, code: &str) -> String {
        let message = assert_failed(answer, code);
        let run = self.runs().await.pop().expect("a run");
        assert_eq!(run["status"], "failed");
        assert_eq!(run["error_code"], code);
        assert_eq!(run["error_message"], message.as_str());
        assert!(!run["finished_at"].is_null());
        assert_eq!(run["run_id"], answer["data"]["runId"]);
        assert_eq!(answer["data"]["status"], "failed");
        let metadata = self.metadata().await;
        assert_eq!(metadata["sync_status"], "failed");
        let told = metadata["error_message"].as_str().unwrap_or_default();
        assert!(told.contains(&message), "{told}");
        assert!(metadata["lease_token"].is_null(), "the lease is free");
        message
    }

    /// Ends the function. Nothing that it printed, answered or recorded repeats a secret,
    /// a row's value or a traceback, and each line of its log is a JSON object.
    pub(crate) async fn assert_discreet(&self, function: &mut Function, answers: &[Value]) {
        let log = function.end().await;
        for line in log.lines() {
            assert!(
                serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
                "a line of the log is no JSON object: {line}"
            );
        }
        let mut places = vec![("the log", log)];
        places.extend(answers.iter().map(|it| ("the answer", it.to_string())));
        places.extend(self.recorded().await);
        for (place, text) in &places {
            for secret in self.secrets() {
                let line = text.lines().find(|line| line.contains(&secret));
                assert!(line.is_none(), "{place} repeats {secret:?}: {line:?}");
            }
        }
    }

    /// What an operator may read about runs, in one text a table.
    async fn recorded(&self) -> Vec<(&'static str, String)> {
        let mut places = Vec::new();
        for (table, columns) in [
            ("sync_runs", "*"),
            ("sync_metadata", "*"),
            ("sync_findings", "rule, reason"),
        ] {
            let exists = format!("select to_regclass('odoo.{table}') is not null as it");
            if self.rows(&exists).await[0]["it"] == true {
                let rows = self
                    .rows(&format!("select {columns} from odoo.{table}"))
                    .await;
                places.push((table, json!(rows).to_string()));
            }
        }
        places
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets: Vec<String> = NEVER_PRINTED.map(str::to_owned).into();
        secrets.extend([MARKED_NAME.to_owned(), MARKED_PRICE.to_string()]);
        let database = Url::parse(&self.database.url).expect("a URL");
        secrets.extend(database.password().map(str::to_owned));
        for name in [
            "ODOO_PASSWORD",
            "SYNC_API_KEY",
            "SUPABASE_SERVICE_ROLE_KEY",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            secrets.extend(self.environment.get(name).cloned());
        }
        secrets
    }
}

/// The answer is a failure with this code, a message and a remedy. Returns the message.
pub(crate) fn assert_failed(answer: &Value, code: &str) -> String {
    assert_eq!(answer["success"], false, "{answer}");
    let error = &answer["error"];
    assert_eq!(error["code"], code, "{answer}");
    for part in ["message", "remedy"] {
        assert!(
            error[part].as_str().is_some_and(|text| !text.is_empty()),
            "{answer}"
        );
    }
    error["message"].as_str().expect("text").to_owned()
}
