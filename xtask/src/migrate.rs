//! `cargo xtask migrate`: brings schema `odoo` of a database up to date. What there is to
//! know about it is in `shared`; this is the command around it.

use anyhow::Result;
use shared::config::PostgresConfig;
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
    let config = PostgresConfig::from_env()?;
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
