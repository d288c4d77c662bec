//! `sync_deletions`: rows that the run that is on did not find in Odoo. They are put down
//! while the source is compared, so that all of a stream's can be judged together however many
//! there are, and however many slices that takes.

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::error::Result;
use crate::mirror::database::{Doing, first_column};
use crate::specs::Stream;

/// Puts rows down. Doing it again is harmless.
pub(crate) async fn stage(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    stream: &Stream,
    ids: &[i64],
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    transaction
        .execute_typed(
            "insert into odoo.sync_deletions (run_id, stream, odoo_id)
             select $1, $2, odoo_id from unnest($3::bigint[]) as gone (odoo_id)
             on conflict do nothing",
            &[
                (&run_id, Type::UUID),
                (&stream.name, Type::TEXT),
                (&ids, Type::INT8_ARRAY),
            ],
        )
        .await
        .doing("putting down what Odoo no longer has")?;
    Ok(())
}

/// How many of a stream's rows are put down.
pub(crate) async fn count(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    stream: &Stream,
) -> Result<u64> {
    let doing = "counting what Odoo no longer has";
    let row = transaction
        .query_typed_one(
            "select count(*) from odoo.sync_deletions where run_id = $1 and stream = $2",
            &[(&run_id, Type::UUID), (&stream.name, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    row.try_get(0).map(i64::unsigned_abs).doing(doing)
}

/// The first ids of those put down, in order, `limit` of them at most.
pub(crate) async fn first(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    stream: &Stream,
    limit: usize,
) -> Result<Vec<i64>> {
    let doing = "reading what Odoo no longer has";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = transaction
        .query_typed(
            "select odoo_id from odoo.sync_deletions
             where run_id = $1 and stream = $2 order by odoo_id limit $3",
            &[
                (&run_id, Type::UUID),
                (&stream.name, Type::TEXT),
                (&limit, Type::INT8),
            ],
        )
        .await
        .doing(doing)?;
    first_column(&rows).doing(doing)
}

/// Takes rows off that have been dealt with.
pub(crate) async fn take_off(
    transaction: &Transaction<'_>,
    run_id: Uuid,
    stream: &Stream,
    ids: &[i64],
) -> Result<()> {
    transaction
        .execute_typed(
            "delete from odoo.sync_deletions
             where run_id = $1 and stream = $2 and odoo_id = any($3)",
            &[
                (&run_id, Type::UUID),
                (&stream.name, Type::TEXT),
                (&ids, Type::INT8_ARRAY),
            ],
        )
        .await
        .doing("taking off what has been deleted")?;
    Ok(())
}

/// Takes off whatever earlier runs have put down for a stream.
pub(crate) async fn forget(transaction: &Transaction<'_>, stream: &Stream) -> Result<()> {
    transaction
        .execute_typed(
            "delete from odoo.sync_deletions where stream = $1",
            &[(&stream.name, Type::TEXT)],
        )
        .await
        .doing("taking off what another run put down")?;
    Ok(())
}

/// Takes off all that a run has put down, once it is over.
pub(crate) async fn end(transaction: &Transaction<'_>, run_id: Uuid) -> Result<()> {
    transaction
        .execute_typed(
            "delete from odoo.sync_deletions where run_id = $1",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing("taking off what a run put down")?;
    Ok(())
}
