//! A shop all of whose data types can be synced, and what is found in it.

use std::collections::BTreeMap;

use odoo_sim::{OdooSim, Version};
use serde_json::{Map, Value, json};
use shared::specs::{DataType, REGISTRY};
use tokio::sync::Mutex;

use crate::support::function::Function;
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;

/// A shop whose data types are synced by whoever asks for it.
pub(super) struct Shop {
    pub(super) sim: OdooSim,
    pub(super) odoo: Odoo,
    pub(super) database: TestDatabase,
    pub(super) overlap: u32,
    /// Each is started when it is first asked.
    functions: Mutex<BTreeMap<&'static str, Function>>,
}

impl Shop {
    pub(super) async fn open(version: Version) -> Self {
        let sim = simulator(version, 60).await;
        let odoo = Odoo::simulated(&sim).await;
        let database = TestDatabase::create().await;
        Self {
            sim,
            odoo,
            database,
            overlap: 300,
            functions: Mutex::default(),
        }
    }

    pub(super) async fn sync(&self, spec: &'static DataType, mode: &str) -> Value {
        let mut functions = self.functions.lock().await;
        if !functions.contains_key(spec.name) {
            let mut environment = self.odoo.environment(&self.database.url);
            // A reference is judged once its row has not changed for so long.
            environment.insert("SYNC_OVERLAP_SECONDS", self.overlap.to_string());
            let function = Function::start(&spec.function_name(), &environment).await;
            functions.insert(spec.name, function);
        }
        let function = functions.get_mut(spec.name).expect("it was just started");
        let answer = function.call(&json!({"mode": mode})).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    /// Reconciles every data type once all tables are newer than what changed in Odoo, so
    /// that every reference is judged.
    pub(super) async fn reconcile_all(&self) {
        for mode in ["incremental", "reconcile"] {
            for spec in REGISTRY {
                self.sync(spec, mode).await;
            }
        }
    }

    /// Runs SQL as an operator would.
    pub(super) async fn execute(&self, sql: &str) {
        let done = self.database.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Rules of the open warnings of one row, in order.
    pub(super) async fn open_warnings(&self, stream: &str, odoo_id: i64) -> Vec<String> {
        let sql = "select rule from odoo.sync_findings
                   where stream = $1 and odoo_id = $2 and severity = 'warning'
                     and resolved_at is null order by rule";
        let rows = self.database.client.query(sql, &[&stream, &odoo_id]).await;
        let rows = rows.expect("the findings");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// How the closed findings of one row and rule ended, the oldest first.
    pub(super) async fn resolutions(&self, stream: &str, odoo_id: i64, rule: &str) -> Vec<String> {
        let sql = "select resolution from odoo.sync_findings
                   where stream = $1 and odoo_id = $2 and rule = $3
                     and resolved_at is not null order by id";
        let rows = self
            .database
            .client
            .query(sql, &[&stream, &odoo_id, &rule])
            .await;
        let rows = rows.expect("the findings");
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// What the mirror has in a column of whole numbers.
    pub(super) async fn cell(&self, table: &str, odoo_id: i64, column: &str) -> Option<i64> {
        let sql = format!("select {column} from odoo.{table} where odoo_id = $1");
        let row = self.database.client.query_one(&sql, &[&odoo_id]).await;
        row.expect("a row").get(0)
    }

    pub(super) async fn count_open(&self) -> i64 {
        let sql = "select count(*) from odoo.sync_findings where resolved_at is null";
        let row = self.database.client.query_one(sql, &[]).await;
        row.expect("the findings").get(0)
    }

    /// The first record for which `is_it` holds.
    pub(super) fn find(&self, model: &str, is_it: impl Fn(&Map<String, Value>) -> bool) -> i64 {
        let records = self.sim.records(model);
        let found = records.iter().find(|record| is_it(record));
        let found = found.unwrap_or_else(|| panic!("no such {model}"));
        found["id"].as_i64().expect("an id")
    }
}
