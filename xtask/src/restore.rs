//! `cargo xtask restore`: loads a backup. What there is to know about it is in `shared`; this is
//! the command around it.

use anyhow::{Result, anyhow};
use shared::backup::{Source, restore};
use shared::config::PostgresConfig;
use shared::error::{Error, ErrorKind};

use crate::progress::Step;
use crate::runtime;

/// Load a backup of the mirror into an empty database
///
/// SOURCE is s3://bucket/backups/20260131T020000Z-0123abcd, read with the region and credentials of AWS's
/// own variables, or a folder into which one was downloaded. The migrations make the tables as the backup had
/// them, its rows are loaded and held against the sums of its manifest, and later migrations are applied, all
/// in one transaction: whatever fails leaves the database as it was. A database whose schema `odoo` holds rows
/// is refused. Reads SUPABASE_CA_CERT as the functions do.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The backup: s3://bucket/folder, or a folder on this machine
    source: String,
    /// The database
    #[arg(
        long,
        value_name = "URL",
        env = "SUPABASE_DB_URL",
        hide_env_values = true
    )]
    to: String,
    /// A table of the backup to leave out; may be repeated
    #[arg(long, value_name = "TABLE")]
    skip: Vec<String>,
}

/// Loads it and says what came in.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = PostgresConfig::from_lookup(&|name| match name {
        "SUPABASE_DB_URL" => Some(args.to.clone()),
        other => std::env::var(other).ok(),
    })?;
    let step = Step::start(format!("Restoring {}", args.source));
    let restored = runtime::block_on(async {
        let source = Source::find(&args.source, config.retry).await?;
        restore(&config, &source, &args.skip, |table| {
            println!("✓ {}: {} rows", table.name, table.rows);
        })
        .await
    })?
    .map_err(told)?;
    step.done();
    for migration in &restored.migrated {
        println!("✓ V{} {}", migration.version, migration.name);
    }
    let manifest = restored.manifest;
    println!("the mirror of {} is restored", manifest.started_at);
    Ok(())
}

/// An error for a person. What is wrong with a backup stands in the message already.
pub(crate) fn told(error: Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BadRequest => anyhow!("{}", error.chain()),
        kind => anyhow!("{} → {}", error.chain(), kind.remedy()),
    }
}
