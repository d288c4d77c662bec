//! Looks at a run in Postgres, over a connection of its own. Nothing depends on it: what cannot be
//! seen is not shown.

use std::collections::BTreeMap;

use anyhow::Result;
use shared::config::{Config, OdooConfig, PostgresConfig, RetryConfig};
use shared::mirror::connect::{Connection, connect};
use shared::odoo::{Domain, OdooClient};
use shared::specs::DataType;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::course::{Phase, Seen};

/// The last column: whether the whole of Odoo's model is read, so that its count is to be done.
const STREAMS: &str = "
    select stream::text, window_phase::text, window_done, rows_done, rows_to_do,
           window_phase = 'read' and window_mode <> 'incremental'
               and (window_low is null or window_high is null)
           or window_phase = 'compare'
    from odoo.sync_streams where data_type = $1 and run_id = $2";

const FINDINGS: &str = "
    select severity::text, count(*) from odoo.sync_findings
    where data_type = $1 and resolved_at is null
    group by severity order by severity";

const RUN: &str = "
    select format(
        'run %s is on: %s, asked for by %s, since %s (%s), slice %s, %s rows so far',
        run_id, mode, triggered_by, to_char(started_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"'),
        date_trunc('second', clock_timestamp() - started_at), slices,
        records_inserted + records_updated + records_unchanged + records_deleted + records_skipped)
    from odoo.sync_runs where run_id = $1 and data_type = $2";

/// Looks at the runs of a data type.
pub(super) struct Watcher {
    spec: &'static DataType,
    postgres: PostgresConfig,
    odoo: OdooConfig,
    connection: Option<Connection>,
    /// How many records Odoo has, by stream; none where it did not say.
    counts: BTreeMap<String, Option<u64>>,
}

impl Watcher {
    /// Opens no connection yet.
    pub(super) fn new(spec: &'static DataType, config: &Config) -> Self {
        Self {
            spec,
            postgres: PostgresConfig {
                retry: RetryConfig::NONE,
                ..config.postgres.clone()
            },
            odoo: OdooConfig {
                retry: RetryConfig::NONE,
                ..config.odoo.clone()
            },
            connection: None,
            counts: BTreeMap::new(),
        }
    }

    /// How far each stream of the run is, in the order in which they are read.
    pub(super) async fn glance(&mut self, run_id: Uuid) -> Option<Vec<Seen>> {
        let name = self.spec.name;
        let rows = self
            .query(STREAMS, &[(&name, Type::TEXT), (&run_id, Type::UUID)])
            .await
            .ok()?;
        let mut all = Vec::new();
        for stream in self.spec.streams {
            let Some(row) = rows.iter().find(|row| row.get::<_, &str>(0) == stream.name) else {
                continue;
            };
            let mut seen = seen(row);
            if row.get(5) && !seen.is_over && seen.to_do.is_none() {
                seen.expected = self.count(stream.name, stream.model).await;
            }
            all.push(seen);
        }
        Some(all)
    }

    /// What is wrong in the mirror now.
    pub(super) async fn findings(&mut self) -> String {
        let name = self.spec.name;
        let Ok(rows) = self.query(FINDINGS, &[(&name, Type::TEXT)]).await else {
            return "  the findings cannot be read".to_owned();
        };
        let counts: Vec<String> = rows
            .iter()
            .map(|row| {
                let (severity, count): (&str, i64) = (row.get(0), row.get(1));
                let plural = if count == 1 { "" } else { "s" };
                format!("{count} {severity}{plural}")
            })
            .collect();
        match counts.as_slice() {
            [] => "  no open findings".to_owned(),
            counts => format!("  open findings: {}", counts.join(", ")),
        }
    }

    /// A run of somebody else's, for who has to wait for it.
    pub(super) async fn describe(&mut self, run_id: Uuid) -> String {
        let name = self.spec.name;
        let rows = self
            .query(RUN, &[(&run_id, Type::UUID), (&name, Type::TEXT)])
            .await;
        let described = rows.ok().and_then(|rows| Some(rows.first()?.get(0)));
        described.unwrap_or_else(|| format!("run {run_id} is on"))
    }

    async fn count(&mut self, stream: &str, model: &str) -> Option<u64> {
        if let Some(known) = self.counts.get(stream) {
            return *known;
        }
        let counted = match OdooClient::new(&self.odoo) {
            Ok(odoo) => odoo.search_count(model, &Domain::all()).await.ok(),
            Err(_) => None,
        };
        self.counts.insert(stream.to_owned(), counted);
        counted
    }

    async fn query(
        &mut self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>> {
        let mut connection = match self.connection.take() {
            Some(open) if !open.is_closed() => open,
            _ => connect(&self.postgres).await?,
        };
        let rows = connection.client().query_typed(sql, parameters).await?;
        self.connection = Some(connection);
        Ok(rows)
    }
}

fn seen(row: &Row) -> Seen {
    let number = |at: usize| row.get::<_, Option<i64>>(at).map(i64::unsigned_abs);
    let phase: &str = row.get(1);
    Seen {
        stream: row.get(0),
        phase: if phase == "read" {
            Phase::Read
        } else {
            Phase::Compare
        },
        // What is to go is known then, and gone in a moment.
        is_over: row.get(2) || phase == "delete",
        done: number(3).unwrap_or_default(),
        to_do: number(4),
        expected: None,
    }
}
