//! Looks at everything that a sync needs, one check a line, each with its remedy:
//! configuration, Odoo, the rights on each model and its fields, the database and its schema.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant};

use crate::config::{Config, PostgresConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::{Connection, connect};
use crate::mirror::database::{Doing, first_column};
use crate::mirror::migrate;
use crate::odoo::{OdooClient, Protocol};
use crate::specs::REGISTRY;
use crate::sync::plan::Plan;

/// One thing that was looked at.
#[derive(Debug)]
pub struct Check {
    /// What, such as `read access to product.product`.
    pub name: String,
    /// What was found, or why it does not work.
    pub outcome: Result<String>,
    /// How long it took to look.
    pub duration: Duration,
}

impl Check {
    /// Waits for what is found, and times it.
    pub(crate) async fn of(
        name: impl Into<String>,
        looking: impl Future<Output = Result<String>>,
    ) -> Self {
        let started = Instant::now();
        let outcome = looking.await;
        Self {
            name: name.into(),
            outcome,
            duration: started.elapsed(),
        }
    }
}

/// Runs every check. One that cannot be made because an earlier one failed is left out.
pub async fn examine(config: Result<Config>) -> Vec<Check> {
    let config = match config {
        Ok(config) => config,
        Err(error) => return vec![check_configuration(Err(error)).await],
    };
    let mut checks = vec![check_configuration(Ok(())).await];
    let mut of_postgres = Vec::new();
    tokio::join!(
        examine_odoo(&config, &mut checks),
        examine_postgres(&config.postgres, &mut of_postgres)
    );
    checks.extend(of_postgres);
    checks
}

/// Whether every variable is there and has its form.
pub(crate) async fn check_configuration(read: Result<()>) -> Check {
    Check::of("configuration", async {
        read.map(|()| "complete".to_owned())
    })
    .await
}

/// Looks at Odoo, adding what it finds as it goes: whoever has no time left drops it and
/// keeps what there is.
pub(crate) async fn examine_odoo(config: &Config, checks: &mut Vec<Check>) {
    let mut client = None;
    let login = Check::of("Odoo", async {
        let (found, connected) = log_in(config).await?;
        client = Some(connected);
        Ok(found)
    });
    checks.push(login.await);
    let Some(client) = client else {
        return;
    };
    let mut asked = BTreeSet::new();
    for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
        let mut models = vec![stream.model];
        let name = format!("fields of {}", stream.model);
        let fields = Check::of(name, async {
            let plan = Plan::resolve(config, &client, stream).await?;
            models.extend(plan.relations.iter().map(|relation| relation.model));
            Ok(format!("all {} are there", plan.fields.len()))
        });
        let fields = fields.await;
        models.retain(|model| asked.insert(*model));
        for model in models {
            let name = format!("read access to {model}");
            checks.push(Check::of(name, examine_right(&client, model)).await);
        }
        checks.push(fields);
    }
}

async fn log_in(config: &Config) -> Result<(String, OdooClient)> {
    let client = OdooClient::new(&config.odoo)?;
    let connected = client.connect().await?;
    let protocol = match connected.protocol {
        Protocol::Json2 => "JSON-2",
        Protocol::JsonRpc => "JSON-RPC",
    };
    let found = format!("version {} over {protocol}", connected.server_version);
    Ok((found, client))
}

async fn examine_right(client: &OdooClient, model: &str) -> Result<String> {
    if client.can_read(model).await? {
        return Ok("allowed".to_owned());
    }
    Err(Error::new(
        ErrorKind::OdooAccess,
        format!("ODOO_USER may not read {model}"),
    ))
}

/// Looks at Postgres, as [`examine_odoo`] does at Odoo.
pub(crate) async fn examine_postgres(config: &PostgresConfig, checks: &mut Vec<Check>) {
    let mut connection = None;
    let connected = Check::of("database", async {
        connection = Some(connect(config).await?);
        Ok("connected".to_owned())
    });
    checks.push(connected.await);
    if let Some(connection) = &mut connection {
        let schema = Check::of("schema odoo", examine_schema(connection));
        checks.push(schema.await);
    }
}

/// Looks for what a run needs, whoever made it: the files may have gone through psql,
/// which leaves no history.
async fn examine_schema(connection: &mut Connection) -> Result<String> {
    let doing = "reading the catalogue";
    let rows = connection
        .client()
        .query_typed(
            "select table_name::text || '.' || column_name::text
             from information_schema.columns where table_schema = 'odoo'",
            &[],
        )
        .await
        .doing(doing)?;
    let there: BTreeSet<String> = first_column(&rows).doing(doing)?;
    let missing: Vec<String> = needed_columns()
        .into_iter()
        .filter(|column| !there.contains(column))
        .collect();
    if let Some(first) = missing.first() {
        return Err(Error::new(
            ErrorKind::DbSchema,
            format!(
                "{} columns are missing, such as odoo.{first}",
                missing.len()
            ),
        ));
    }
    let unrecorded = migrate::pending(connection).await?.len();
    Ok(match unrecorded {
        0 => "up to date".to_owned(),
        _ => format!("complete; `cargo xtask migrate` has not recorded {unrecorded} migrations"),
    })
}

/// Every column that a run writes to, as `table.column`.
fn needed_columns() -> Vec<String> {
    const STATE: [&str; 9] = [
        "sync_metadata.lease_token",
        "sync_metadata.paused_at",
        "sync_streams.watermark",
        "sync_streams.window_phase",
        "sync_deletions.run_id",
        "sync_hooks.data_type",
        "sync_runs.run_id",
        "sync_findings.odoo_id",
        "sync_batches.batch_id",
    ];
    let mirror = REGISTRY.iter().flat_map(|spec| spec.streams);
    let mirror = mirror.flat_map(|stream| {
        let columns = stream.table_columns();
        columns.map(|column| format!("{}.{column}", stream.name))
    });
    STATE.map(str::to_owned).into_iter().chain(mirror).collect()
}
