//! What has to hold once the chaos is over, and all the time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::changes::{Promise, Record};
use super::functions::end_lease;
use super::guard;
use super::reset::Resets;
use super::world::World;
use crate::support::function::Function;
use crate::support::snapshot::{assert_mirror_equals, assert_same, of_mirror, of_odoo};
use crate::support::wait_until;

/// One that is left over, a full and a reconcile that were remembered, a full after a reset, one of
/// its own; and one more.
const MOST_RUNS: usize = 6;

/// Watches that no watermark moves back but by a reset, and never runs ahead of Odoo's clock.
pub(super) async fn watch(world: &World, resets: &Resets, until: Instant) {
    let client = world.look().await;
    let mut last = BTreeMap::new();
    let mut over = 0;
    while Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
        let over_before = std::mem::replace(&mut over, resets.over());
        let watermarks = watermarks(&client).await;
        if resets.begun() > over_before {
            // One may have come between the last look and this one.
            last.clear();
        }
        for (stream, watermark) in watermarks {
            let before = last.insert(stream.clone(), watermark).flatten();
            assert!(
                watermark >= before,
                "{stream}: {watermark:?} comes after {before:?}"
            );
            let now = world.sim.clock().now();
            assert!(
                watermark.is_none_or(|it| it <= now),
                "{stream} is ahead of Odoo"
            );
        }
    }
}

async fn watermarks(client: &Client) -> Vec<(String, Option<Timestamp>)> {
    let sql = "select stream, watermark from odoo.sync_streams";
    let rows = client.query(sql, &[]).await.expect("the streams");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// A world in which nothing fails any more and nobody is at work.
pub(super) struct Settled<'a> {
    world: &'a World,
    client: Client,
}

impl<'a> Settled<'a> {
    pub(super) async fn of(world: &'a World) -> Self {
        let client = world.look().await;
        wait_until("Postgres is done with what was killed", async || {
            number(
                &client,
                "select count(*) from pg_stat_activity
                 where datname = current_database() and state <> 'idle'
                     and application_name = 'odoo-supabase-sync'",
            )
            .await
                == 0
        })
        .await;
        end_lease(&client).await;
        Self { world, client }
    }

    /// `untold` are records of which no change time tells.
    pub(super) async fn holds(&self, promise: Promise, untold: &BTreeSet<Record>) {
        let name = self.world.spec.function_name();
        let mut function = Function::start(&name, &self.world.environment).await;
        // The first may finish an older run, in that one's window, and the next ones do what was
        // remembered; only an incremental run of its own shows what those promise.
        let mut runs = 0;
        let mut is_own = false;
        while !is_own {
            assert!(runs < MOST_RUNS, "never an incremental one of its own");
            let may_stop = guard::stops(self.world, &self.client).await;
            let (report, is_stopped) = self.run(&mut function, &json!({})).await;
            is_own = runs > 0 && report["mode"] == "incremental";
            runs += 1;
            // What an older run has put down as gone may be there again.
            assert!(!(is_own && is_stopped) || may_stop, "the guard: {report}");
        }
        if promise == Promise::EveryRow {
            self.has_every_row(untold).await;
        }
        self.reconcile(&mut function).await;
        function.kill().await;
        assert_mirror_equals(&self.world.odoo, &self.client, self.world.spec).await;
        self.is_on_record().await;
        self.counted_each_row_once().await;
    }

    /// The delete guard stops it if and only if too much is gone; then nothing goes, whatever else
    /// differs is mended, and once it is confirmed all is.
    async fn reconcile(&self, function: &mut Function) {
        let stops = guard::stops(self.world, &self.client).await;
        let before = self.live().await;
        let (report, is_stopped) = self.run(function, &json!({"mode": "reconcile"})).await;
        assert_eq!(is_stopped, stops, "the guard: {report}");
        if !is_stopped {
            return;
        }
        eprintln!("the delete guard stops it, as it has to");
        assert!(self.live().await.is_superset(&before), "something went");
        self.has_every_row(&BTreeSet::new()).await;
        let confirmed = json!({"mode": "reconcile", "confirmDeletes": true});
        let (report, is_stopped) = self.run(function, &confirmed).await;
        assert!(!is_stopped, "it was confirmed: {report}");
    }

    /// A run's report, and whether the delete guard stopped it. Nothing else may.
    async fn run(&self, function: &mut Function, event: &Value) -> (Value, bool) {
        let mut answer = function.call(event).await;
        let is_done = answer["success"] == true && answer["data"]["status"] == "success";
        let is_stopped = answer["error"]["code"] == "delete_guard";
        assert!(
            is_done || is_stopped,
            "{answer}; log:\n{}",
            function.log().await
        );
        (answer["data"].take(), is_stopped)
    }

    async fn live(&self) -> BTreeSet<Record> {
        let mut records = BTreeSet::new();
        for stream in self.world.spec.streams {
            let ids = guard::live(&self.client, stream).await;
            records.extend(ids.into_iter().map(|id| (stream.model, id)));
        }
        records
    }

    /// No watermark has run ahead of a row that the mirror lacks. What Odoo has deleted may still
    /// be there.
    async fn has_every_row(&self, untold: &BTreeSet<Record>) {
        for stream in self.world.spec.streams {
            let mut expected = of_odoo(&self.world.odoo, stream).await;
            expected.retain(|id, _| !untold.contains(&(stream.model, *id)));
            let mut found = of_mirror(&self.client, stream).await;
            found.retain(|id, _| expected.contains_key(id));
            assert_same(
                &format!("{} without what has gone", stream.name),
                &expected,
                &found,
            );
        }
    }

    /// Status, runs, streams and findings say that all is well.
    async fn is_on_record(&self) {
        for (what, sql) in [
            (
                "a run goes on",
                "select count(*) from odoo.sync_runs where status = 'in_progress'",
            ),
            (
                "a lease is held, or the status is not success",
                "select count(*) from odoo.sync_metadata
                 where lease_token is not null or run_id is not null or sync_status <> 'success'",
            ),
            (
                "a row is refused",
                "select count(*) from odoo.sync_findings
                 where severity = 'reject' and resolved_at is null",
            ),
            (
                "a stream was not compared with its source",
                "select count(*) from odoo.sync_streams where verified_at is null",
            ),
        ] {
            assert_eq!(number(&self.client, sql).await, 0, "{what}");
        }
    }

    /// What all runs together say to have inserted is what is there, but for what others have
    /// done by hand.
    async fn counted_each_row_once(&self) {
        let mut there = 0;
        for stream in self.world.spec.streams {
            there += number(
                &self.client,
                &format!("select count(*) from odoo.{}", stream.name),
            )
            .await;
        }
        let gone = if self.world.deletes_rows {
            "records_deleted"
        } else {
            "0"
        };
        let counted = format!("select sum(records_inserted - {gone})::bigint from odoo.sync_runs");
        assert_eq!(
            number(&self.client, &counted).await,
            there + self.world.lost_by_hand,
            "rows counted and rows there"
        );
    }
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.expect("a number").get(0)
}
