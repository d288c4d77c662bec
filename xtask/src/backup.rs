//! `cargo xtask backup`: the function `backup` without Lambda and its deadline.

use anyhow::Result;
use shared::backup::{Bucket, take};
use shared::config::BackupConfig;
use shared::error::{Error, ErrorKind};

use crate::progress::Step;
use crate::restore::told;
use crate::signals::Signals;
use crate::{child, runtime};

/// Put a backup of the mirror into an S3 bucket
///
/// As the function `backup` does each night, but with no deadline: for a mirror that is larger than
/// Lambda's fifteen minutes, or before a risky change. Reads SUPABASE_DB_URL, SUPABASE_CA_CERT, and
/// AWS's own variables for region and credentials. Ctrl-C takes back what is on its way; a backup that was not
/// finished has no manifest and counts as none.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Name of the bucket
    #[arg(env = "SYNC_BACKUP_BUCKET")]
    bucket: String,
}

/// Takes one and says where it is.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = BackupConfig::from_lookup(&|name| match name {
        "SYNC_BACKUP_BUCKET" => Some(args.bucket.clone()),
        other => std::env::var(other).ok(),
    })?;
    let step = Step::start("Taking a backup");
    let taken = runtime::block_on(async {
        let mut signals = Signals::listen()?;
        let interrupted = async {
            signals.next().await;
            child::interrupt();
            Error::new(ErrorKind::Cancelled, "interrupted")
        };
        let bucket = Bucket::connect(&config.bucket, config.postgres.retry).map_err(told)?;
        let taken = take(&config.postgres, &bucket, interrupted).await;
        taken.map_err(told)
    })??;
    step.done();
    let manifest = taken.manifest;
    for table in &manifest.tables {
        println!("✓ {}: {} rows", table.name, table.rows);
    }
    println!("{} rows in {}", manifest.rows(), taken.location);
    Ok(())
}
