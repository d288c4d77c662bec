//! Getting hold of the data type's row of `sync_metadata`: whoever finds it locked learns which
//! run is on, or waits for what is no run.

use std::time::Duration;

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::row::Found;
use super::{Claim, stuck};
use crate::error::Result;
use crate::mirror::database::Doing;

const DOING: &str = "reading the lease";

/// What came of asking for the row.
pub(super) enum Locked {
    /// It is ours until the transaction ends.
    Found(Found),
    /// Another transaction has it.
    Away {
        /// The run that is on.
        running: Option<Uuid>,
    },
}

/// Locks the row, or says who is at work on it. Whoever has it locked and is no run that is on will
/// be done soon: it starts or ends one, or checks references. That one is waited for.
pub(super) async fn lock(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
) -> Result<Locked> {
    // An insert that finds a conflict would wait for whoever is just updating that row.
    transaction
        .execute_typed(
            "insert into odoo.sync_metadata (data_type)
             select $1
             where not exists (select from odoo.sync_metadata where data_type = $1)
             on conflict do nothing",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(DOING)?;
    if let Some(found) = select(transaction, data_type, "skip locked")
        .await
        .doing(DOING)?
    {
        return Ok(Locked::Found(found));
    }
    // Whoever has it locked is at work on it, or will never be again.
    if stuck::end(transaction, data_type).await? {
        tracing::warn!("a session that was stuck is ended");
    }
    if claim.must_wait() {
        return wait(transaction, data_type).await.doing(DOING);
    }
    // What is committed, which the lock does not hide.
    let running = running(transaction, data_type).await.doing(DOING)?;
    if running.is_some() {
        return Ok(Locked::Away { running });
    }
    wait_a_while(transaction, data_type, claim.patience()).await
}

/// Waits for the row for so long, and else leaves it.
async fn wait_a_while(
    transaction: &Transaction<'_>,
    data_type: &str,
    patience: Duration,
) -> Result<Locked> {
    // Zero would be for ever.
    let limit = patience.as_millis().max(1);
    transaction
        .batch_execute(&format!(
            "savepoint claim; set local lock_timeout = {limit}"
        ))
        .await
        .doing(DOING)?;
    match wait(transaction, data_type).await {
        // The transaction goes on under the limit of all transactions.
        Ok(locked) => {
            let limits = "set local lock_timeout = '10s'";
            transaction.batch_execute(limits).await.doing(DOING)?;
            Ok(locked)
        }
        Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            transaction
                .batch_execute("rollback to savepoint claim")
                .await
                .doing(DOING)?;
            let running = running(transaction, data_type).await.doing(DOING)?;
            Ok(Locked::Away { running })
        }
        Err(error) => Err(error).doing(DOING),
    }
}

async fn wait(
    transaction: &Transaction<'_>,
    data_type: &str,
) -> std::result::Result<Locked, tokio_postgres::Error> {
    transaction
        .execute_typed(
            "select from odoo.sync_metadata where data_type = $1 for update",
            &[(&data_type, Type::TEXT)],
        )
        .await?;
    // A statement that has waited sees its own row anew, and what it joins as it was before.
    let found = select(transaction, data_type, "").await?;
    // Nobody deletes the row.
    Ok(found.map_or(Locked::Away { running: None }, Locked::Found))
}

async fn select(
    transaction: &Transaction<'_>,
    data_type: &str,
    patience: &str,
) -> std::result::Result<Option<Found>, tokio_postgres::Error> {
    transaction
        .query_typed_opt(
            &format!(
                "select lease_token, coalesce(lease_expires_at > clock_timestamp(), false),
                        metadata.run_id, run_mode, coalesce(runs.confirm_deletes, false), slice,
                        takeovers, pending_mode, pending_reconcile,
                        pending_confirm_deletes, paused_at is not null
                 from odoo.sync_metadata metadata
                 left join odoo.sync_runs runs
                     on runs.run_id = metadata.run_id and runs.status = 'in_progress'
                 where metadata.data_type = $1
                 for update of metadata {patience}"
            ),
            &[(&data_type, Type::TEXT)],
        )
        .await?
        .map(|row| Found::read(&row))
        .transpose()
}

/// The run whose lease is live, as last committed.
async fn running(
    transaction: &Transaction<'_>,
    data_type: &str,
) -> std::result::Result<Option<Uuid>, tokio_postgres::Error> {
    let row = transaction
        .query_typed_opt(
            "select run_id from odoo.sync_metadata
             where data_type = $1 and lease_expires_at > clock_timestamp()",
            &[(&data_type, Type::TEXT)],
        )
        .await?;
    row.map_or(Ok(None), |row| row.try_get(0))
}
