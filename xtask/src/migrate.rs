//! `cargo xtask migrate`: brings schema `odoo` of a database up to date. What there is to
//! know about it is in `shared`; this is the command around it.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::SecretString;
use shared::config::{PostgresConfig, RetryConfig};
use shared::mirror::migrate;

use crate::runtime;

/// Bring schema `odoo` of the database up to date
///
/// Reads SUPABASE_DB_URL and, for sslmode=verify-ca and verify-full, SUPABASE_CA_CERT.
/// Doing it again is harmless, and so is doing it twice at once. The same files can be
/// run with `psql -f`, in the order of their names.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {}

/// Applies what is missing and says what it was.
pub(crate) fn run(_: &Args) -> Result<()> {
    let config = config(|name| env::var(name).ok())?;
    let applied = apply(&config)?;
    for migration in &applied {
        println!("✓ V{} {}", migration.version, migration.name);
    }
    match applied.len() {
        0 => println!("schema odoo is up to date"),
        1 => println!("1 migration applied"),
        count => println!("{count} migrations applied"),
    }
    Ok(())
}

/// Applies what is missing.
pub(crate) fn apply(config: &PostgresConfig) -> Result<Vec<migrate::Migration>> {
    runtime::block_on(migrate::migrate(config))?
        .map_err(|error| anyhow::anyhow!("{} → {}", error.chain(), error.kind().remedy()))
}

/// Odoo's variables, which the rest of the configuration needs, are none of a migration's
/// business. An empty variable counts as unset, as everywhere.
fn config(variable: impl Fn(&str) -> Option<String>) -> Result<PostgresConfig> {
    let set = |name| variable(name).filter(|value| !value.trim().is_empty());
    let url = set("SUPABASE_DB_URL").context(
        "SUPABASE_DB_URL is missing: it is postgres://user:password@host:port/database?sslmode=verify-full",
    )?;
    Ok(postgres_config(url, set("SUPABASE_CA_CERT")))
}

/// A configuration with the contract's retries.
pub(crate) fn postgres_config(url: String, ca_cert: Option<String>) -> PostgresConfig {
    PostgresConfig {
        url: SecretString::from(url),
        ca_cert,
        retry: RetryConfig {
            max_retries: 3,
            delay: Duration::from_secs(1),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::config;

    #[test]
    fn needs_the_database_s_address_and_nothing_of_odoo_s() {
        let missing = config(|_| None).expect_err("no address");
        assert!(
            missing
                .to_string()
                .starts_with("SUPABASE_DB_URL is missing")
        );
        assert!(config(|_| Some("  ".to_owned())).is_err());
        let found = config(|name| (name == "SUPABASE_DB_URL").then(|| "postgres://h/d".to_owned()));
        assert_eq!(found.expect("an address").ca_cert, None);
    }
}
