//! A simulated shop with a mirror of one data type, which may have come to rest: then an
//! incremental run would list nothing.

use std::time::Duration;

use odoo_sim::{OdooSim, Version};
use serde_json::{Value, json};
use shared::specs::DataType;

use crate::support::function::{Environment, Function};
use crate::support::odoo::{Odoo, simulator};
use crate::support::postgres::TestDatabase;
use crate::support::snapshot::assert_mirror_equals;

/// Both versions: 14 tells of a template's change only by the template's own time.
pub(crate) const VERSIONS: [Version; 2] = [Version::V14, Version::V19];

pub(crate) struct Shop {
    pub(crate) sim: OdooSim,
    pub(crate) odoo: Odoo,
    pub(crate) database: TestDatabase,
    pub(crate) environment: Environment,
    spec: &'static DataType,
}

impl Shop {
    /// With a first sync.
    pub(crate) async fn open(version: Version, spec: &'static DataType) -> Self {
        let shop = Self::unfilled(version, spec).await;
        shop.sync(&json!({})).await;
        shop
    }

    /// Before its first sync.
    pub(super) async fn unfilled(version: Version, spec: &'static DataType) -> Self {
        let sim = simulator(version, 100).await;
        let odoo = Odoo::simulated(&sim).await;
        let database = TestDatabase::create().await;
        let environment = odoo.environment(&database.url);
        Self {
            sim,
            odoo,
            database,
            environment,
            spec,
        }
    }

    /// Lets the last change grow older than the overlap as well.
    pub(super) async fn at_rest(version: Version, spec: &'static DataType) -> Self {
        let shop = Self::open(version, spec).await;
        shop.rest().await;
        shop
    }

    /// As if the last runs had been longer ago than the overlap, by all clocks.
    pub(crate) async fn rest(&self) {
        self.sim.clock().advance(Duration::from_secs(400));
        self.execute(
            "update odoo.sync_streams
             set watermark_first_seen_at = watermark_first_seen_at - interval '400 s'",
        )
        .await;
        self.sync(&json!({})).await;
        self.sim.reset_requests();
    }

    /// Runs the function of the data type, which must succeed, and returns its report.
    pub(crate) async fn sync(&self, request: &Value) -> Value {
        let answer = self.ask(request).await;
        assert_eq!(answer["success"], true, "{answer}");
        answer["data"].clone()
    }

    pub(super) async fn reconcile(&self) -> Value {
        self.sync(&json!({"mode": "reconcile"})).await
    }

    pub(crate) async fn ask(&self, request: &Value) -> Value {
        let name = self.spec.function_name();
        let mut function = Function::start(&name, &self.environment).await;
        function.call(request).await
    }

    pub(super) async fn execute(&self, sql: &str) {
        let done = self.database.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Rows of a query as JSON objects.
    pub(super) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(found) from ({query}) found");
        let rows = self.database.client.query(&query, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A stream's row of `sync_streams`.
    pub(crate) async fn stream(&self, name: &str) -> Value {
        let query = format!("select * from odoo.sync_streams where stream = '{name}'");
        self.rows(&query).await.pop().expect("the stream")
    }

    /// Every version of every row, by what Postgres itself notes of a write.
    pub(super) async fn writes(&self, table: &str) -> Vec<Value> {
        let query = format!(
            "select odoo_id, xmin::text, synced_at, deleted_at from odoo.{table} order by odoo_id"
        );
        self.rows(&query).await
    }

    pub(crate) async fn assert_equal(&self) {
        assert_mirror_equals(&self.odoo, &self.database.client, self.spec).await;
        let staged = self.rows("select * from odoo.sync_deletions").await;
        assert!(staged.is_empty(), "left behind: {staged:?}");
    }
}
