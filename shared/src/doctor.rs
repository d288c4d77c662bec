//! Looks at everything that a sync needs, one check a line, each with its remedy:
//! configuration, Odoo, the rights on each model and its fields, the database and its schema.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::{Connection, connect};
use crate::mirror::database::Doing;
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
}

/// Runs every check. One that cannot be made because an earlier one failed is left out.
pub async fn examine(config: Result<Config>) -> Vec<Check> {
    let config = match config {
        Ok(config) => config,
        Err(error) => return vec![check("configuration", Err(error))],
    };
    let mut checks = vec![check("configuration", Ok("complete".to_owned()))];
    checks.extend(examine_odoo(&config).await);
    checks.extend(examine_postgres(&config).await);
    checks
}

fn check(name: impl Into<String>, outcome: Result<String>) -> Check {
    Check {
        name: name.into(),
        outcome,
    }
}

async fn examine_odoo(config: &Config) -> Vec<Check> {
    let client = match OdooClient::new(&config.odoo) {
        Ok(client) => client,
        Err(error) => return vec![check("Odoo", Err(error))],
    };
    let mut checks = match client.connect().await {
        Ok(connected) => vec![check(
            "Odoo",
            Ok(format!(
                "version {} over {}",
                connected.server_version,
                match connected.protocol {
                    Protocol::Json2 => "JSON-2",
                    Protocol::JsonRpc => "JSON-RPC",
                }
            )),
        )],
        Err(error) => return vec![check("Odoo", Err(error))],
    };
    let mut asked = BTreeSet::new();
    for stream in REGISTRY.iter().flat_map(|spec| spec.streams) {
        let mut models = vec![stream.model];
        let fields = match Plan::resolve(config, &client, stream).await {
            Ok(plan) => {
                models.extend(plan.relations.iter().map(|relation| relation.model));
                Ok(format!("all {} are there", plan.fields.len()))
            }
            Err(error) => Err(error),
        };
        models.retain(|model| asked.insert(*model));
        for model in models {
            let name = format!("read access to {model}");
            checks.push(check(name, examine_right(&client, model).await));
        }
        checks.push(check(format!("fields of {}", stream.model), fields));
    }
    checks
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

async fn examine_postgres(config: &Config) -> Vec<Check> {
    let mut connection = match connect(&config.postgres).await {
        Ok(connection) => connection,
        Err(error) => return vec![check("database", Err(error))],
    };
    let schema = examine_schema(&mut connection).await;
    vec![
        check("database", Ok("connected".to_owned())),
        check("schema odoo", schema),
    ]
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
    let there = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<std::result::Result<BTreeSet<String>, _>>()
        .doing(doing)?;
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
    const STATE: [&str; 4] = [
        "sync_metadata.lease_token",
        "sync_streams.watermark",
        "sync_runs.run_id",
        "sync_findings.odoo_id",
    ];
    const STANDARD: [&str; 7] = [
        "odoo_id",
        "extra",
        "odoo_created_at",
        "odoo_updated_at",
        "odoo_related_at",
        "synced_at",
        "deleted_at",
    ];
    let mirror = REGISTRY.iter().flat_map(|spec| spec.streams);
    let mirror = mirror.flat_map(|stream| {
        let own = stream.columns.iter().map(|column| column.name);
        own.chain(STANDARD)
            .map(|column| format!("{}.{column}", stream.name))
    });
    STATE.map(str::to_owned).into_iter().chain(mirror).collect()
}
