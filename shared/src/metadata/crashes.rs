//! Events that Lambda gave up, because their function crashed in every attempt or could not be
//! started. No run may have that on record, but people have been told of it, so the next
//! success is to be told as a recovery (`runs/report.rs`).

use jiff::Timestamp;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::Result;
use crate::mirror::database::Doing;

/// Notes that an event was given up at that time, which is Lambda's. What is kept is when this was heard: a run
/// that ended between the two had not heard of it. The same event heard again changes nothing.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn note(
    transaction: &Transaction<'_>,
    data_type: &str,
    given_up_at: Timestamp,
) -> Result<()> {
    transaction
        .execute_typed(
            "insert into odoo.sync_metadata as metadata (data_type, given_up_at)
             values ($1, clock_timestamp())
             on conflict (data_type) do update set given_up_at = excluded.given_up_at
             where metadata.given_up_at is null or metadata.given_up_at < $2",
            &[(&data_type, Type::TEXT), (&given_up_at, Type::TIMESTAMPTZ)],
        )
        .await
        .doing("noting a crash")?;
    Ok(())
}
