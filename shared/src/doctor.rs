//! Looks at everything that a sync needs, one check a line, each with its remedy:
//! configuration, Odoo, the rights on each model, the database and its schema.

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::connect::connect;
use crate::mirror::migrate;
use crate::odoo::OdooClient;
use crate::specs::{DataType, REGISTRY};

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
                "version {}, {:?}",
                connected.server_version, connected.protocol
            )),
        )],
        Err(error) => return vec![check("Odoo", Err(error))],
    };
    for model in models() {
        let outcome = match client.can_read(model).await {
            Ok(true) => Ok("allowed".to_owned()),
            Ok(false) => Err(Error::new(
                ErrorKind::OdooAccess,
                format!("ODOO_USER may not read {model}"),
            )),
            Err(error) => Err(error),
        };
        checks.push(check(format!("read access to {model}"), outcome));
    }
    checks
}

/// Every model of the registry, related ones included, each once.
fn models() -> Vec<&'static str> {
    let of_type = |spec: &&'static DataType| {
        spec.streams.iter().flat_map(|stream| {
            std::iter::once(stream.model).chain(stream.related.iter().map(|related| related.model))
        })
    };
    let mut models = Vec::new();
    for model in REGISTRY.iter().flat_map(of_type) {
        if !models.contains(&model) {
            models.push(model);
        }
    }
    models
}

async fn examine_postgres(config: &Config) -> Vec<Check> {
    let mut connection = match connect(&config.postgres).await {
        Ok(connection) => connection,
        Err(error) => return vec![check("database", Err(error))],
    };
    let schema = match migrate::pending(&mut connection).await {
        Ok(pending) if pending.is_empty() => Ok("up to date".to_owned()),
        Ok(pending) => Err(Error::new(
            ErrorKind::DbSchema,
            format!("{} migrations have not run", pending.len()),
        )),
        Err(error) => Err(error),
    };
    vec![
        check("database", Ok("connected".to_owned())),
        check("schema odoo", schema),
    ]
}
