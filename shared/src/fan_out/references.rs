//! Looks, at the end of a batch, for rows that refer to rows that are not mirrored.
//!
//! A reconcile does so under its lease. Here nobody has one, so each check's transaction first
//! locks the data type's row of `sync_metadata`, which every transaction of a run begins by
//! updating: a run that would start finds it locked and waits, and is told "busy" only where that
//! takes many seconds. A data type whose run is on is left alone, and then the next batch looks.

use std::time::Duration;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::Result;
use crate::metadata::batches::{self, Part};
use crate::mirror::database::{Database, Doing};
use crate::mirror::rules::{self, Context};
use crate::specs::DataType;

/// Checks all streams of every data type that succeeded in a batch that is over, once.
///
/// # Errors
/// Every `db_*`; what was not looked at is so at the end of the next batch.
pub(super) async fn check(database: &mut Database, overlap: Duration) -> Result<()> {
    let doing = "looking for batches that are over";
    let parts = database
        .transaction(doing, async |transaction| {
            batches::lock(transaction).await?;
            batches::take_unchecked(transaction).await
        })
        .await?;
    for part in parts {
        check_part(database, &part, overlap).await?;
    }
    Ok(())
}

async fn check_part(database: &mut Database, part: &Part, overlap: Duration) -> Result<()> {
    // A data type that this version of the program does not know has no rules in it either.
    let (Some(spec), Some(run_id)) = (DataType::find(&part.data_type), part.run_id) else {
        return Ok(());
    };
    for stream in spec.streams {
        let context = Context {
            data_type: spec.name,
            stream: stream.name,
            // The findings are about what that run has brought in.
            run_id,
        };
        // A transaction each: on a large table one takes seconds.
        for reference in rules::references(stream) {
            let checked = database
                .transaction("checking a reference", async |transaction| {
                    if !keep_runs_away(transaction, spec).await? {
                        return Ok(false);
                    }
                    reference.check(transaction, context, overlap).await?;
                    Ok(true)
                })
                .await;
            let may_go_on = rules::or_warn(checked, true)?;
            if !may_go_on {
                tracing::info!(data_type = spec.name, "not checked: a run is on");
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Keeps runs of the data type waiting until the transaction ends. `false` where one is on, or
/// has been left unfinished.
async fn keep_runs_away(transaction: &Transaction<'_>, spec: &DataType) -> Result<bool> {
    let doing = "keeping runs away";
    let row = transaction
        .query_typed_opt(
            "select run_id is null and coalesce(lease_expires_at <= clock_timestamp(), true)
             from odoo.sync_metadata where data_type = $1 for update",
            &[(&spec.name, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    match row {
        Some(row) => row.try_get(0).doing(doing),
        None => Ok(false),
    }
}
