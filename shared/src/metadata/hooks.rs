//! `sync_hooks`: that Odoo has called a data type's hook and no run has answered it yet.
//!
//! The first hook marks the data type, those after it find the mark. A run takes the mark off in a
//! transaction of its own *before* it asks Odoo what changed: whoever still saw the mark had called before
//! that, so what it called about is seen by that run. One that calls later sets a new mark, for one more run.
//!
//! Who is to ask the bus for that run? Either the hook or the end of the run that is on, and never both. The
//! hook first commits its mark and then looks whether a run is on; the run first frees its lease and then
//! looks for a mark. So at least one of them sees the other, and `sent_at` is taken by one alone.
//!
//! A run that finds the mark locked, by a hook that is looking at it, leaves it: no hook is to hold a run up. What the
//! mark's event asked for has then begun, and nobody else will answer it. That is seen by the run's own time: a mark that is
//! older than a run which has succeeded counts as one that nobody has asked for, and the run's end asks once more.

use std::cell::RefCell;

use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::error::Result;
use crate::mirror::database::{Database, Doing};

const DOING: &str = "noting a hook";

/// A run is on, or was handed over a moment ago. `$1` is the data type.
const IS_ON: &str = "exists (
    select from odoo.sync_metadata
    where data_type = $1 and run_id is not null
          and (lease_expires_at > clock_timestamp()
               or (lease_token is null and updated_at > clock_timestamp() - interval '60 seconds')))";

/// An operator keeps the data type from being synced: whoever resumes it asks for the run.
const IS_PAUSED: &str = "exists (
    select from odoo.sync_metadata where data_type = $1 and paused_at is not null)";

/// Whether no event is on its way: nobody has asked the bus yet, or so long ago that the event must be lost, or it has
/// come and its run has left the mark. Of a run that failed the mark asks for no more: the schedule
/// tries again, not hook after hook. `$1` is the data type.
const IS_UNSENT: &str = "(sent_at is null
    or sent_at < clock_timestamp() - interval '60 seconds'
    or exists (
        select from odoo.sync_runs
        where data_type = $1 and status = 'success' and started_at > sent_at))";

/// What one caller has claimed, kept over all its attempts: the commit of an earlier one may have gone through unheard, and
/// the claim that a later one finds is then the caller's own.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    /// `sent_at`, as the attempt that may have been committed has set it.
    sent_at: RefCell<Option<String>>,
}

/// Marks the data type, unless it is marked. Whether the caller is to ask the bus for a run.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn note(
    database: &mut Database,
    data_type: &str,
    claimed: &Claim,
) -> Result<bool> {
    let is_ours = claimed.sent_at.borrow().is_some();
    // Of a thousand hooks at once nearly all are done with this, which locks nothing.
    if !is_ours && is_cared_for(database, data_type).await? {
        return Ok(false);
    }
    database
        .transaction(DOING, async |transaction| {
            transaction
                .execute_typed(
                    "insert into odoo.sync_hooks as hook (data_type, requested_at)
                     values ($1, clock_timestamp())
                     on conflict (data_type) do update set requested_at = excluded.requested_at
                     where hook.requested_at is null",
                    &[(&data_type, Type::TEXT)],
                )
                .await
                .doing(DOING)
        })
        .await?;
    // Only now that the mark is committed: see above.
    claim(database, data_type, claimed).await
}

/// Whether a run will come for the mark without anybody's doing.
async fn is_cared_for(database: &mut Database, data_type: &str) -> Result<bool> {
    database
        .transaction(DOING, async |transaction| {
            let row = transaction
                .query_typed_opt(
                    &format!(
                        "select not {IS_UNSENT} or {IS_ON} or {IS_PAUSED} from odoo.sync_hooks
                         where data_type = $1 and requested_at is not null"
                    ),
                    &[(&data_type, Type::TEXT)],
                )
                .await
                .doing(DOING)?;
            row.map_or(Ok(false), |row| row.try_get(0)).doing(DOING)
        })
        .await
}

/// Whether there is a mark for which the caller, and nobody else, is to ask the bus: none while a run is on, whose
/// end does it, and none while the data type is paused.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn claim(
    database: &mut Database,
    data_type: &str,
    claimed: &Claim,
) -> Result<bool> {
    database
        .transaction(DOING, async |transaction| {
            let earlier = claimed.sent_at.borrow().clone();
            if let Some(earlier) = earlier
                && holds(transaction, data_type, &earlier).await?
            {
                return Ok(true);
            }
            let sent_at = take(transaction, data_type).await?;
            let is_taken = sent_at.is_some();
            *claimed.sent_at.borrow_mut() = sent_at;
            Ok(is_taken)
        })
        .await
}

/// Whether the claim of that time stands: whoever has taken the mark off, or claimed it later, has ended it.
async fn holds(transaction: &Transaction<'_>, data_type: &str, sent_at: &str) -> Result<bool> {
    transaction
        .query_typed_one(
            "select exists (select from odoo.sync_hooks
                            where data_type = $1 and sent_at = $2::text::timestamptz)",
            &[(&data_type, Type::TEXT), (&sent_at, Type::TEXT)],
        )
        .await
        .doing(DOING)?
        .try_get(0)
        .doing(DOING)
}

/// Claims the mark, where it is to be had; returns when.
async fn take(transaction: &Transaction<'_>, data_type: &str) -> Result<Option<String>> {
    transaction
        .query_typed_opt(
            &format!(
                "update odoo.sync_hooks set sent_at = clock_timestamp()
                 where data_type = $1 and requested_at is not null
                       and {IS_UNSENT} and not {IS_ON} and not {IS_PAUSED}
                 returning sent_at::text"
            ),
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(DOING)?
        .map(|row| row.try_get(0))
        .transpose()
        .doing(DOING)
}

/// Takes a claim back: the bus did not take the request, and the next hook is to try it again.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn put_back(database: &mut Database, data_type: &str) -> Result<()> {
    database
        .transaction(DOING, async |transaction| {
            transaction
                .execute_typed(
                    "update odoo.sync_hooks set sent_at = null where data_type = $1",
                    &[(&data_type, Type::TEXT)],
                )
                .await
                .doing(DOING)
        })
        .await?;
    Ok(())
}

/// In the transaction before a run asks Odoo what changed: takes the mark off. A run that goes on in windows
/// that were opened before leaves it, so that its end asks for one more. A mark that is just being
/// looked at stays as well, with the same end (see above).
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn answer(
    transaction: &Transaction<'_>,
    data_type: &str,
    in_older_windows: bool,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_hooks
             set sent_at = null, requested_at = case when $2 then requested_at end
             where data_type = (
                 select data_type from odoo.sync_hooks
                 where data_type = $1 and requested_at is not null
                 for update skip locked)",
            &[(&data_type, Type::TEXT), (&in_older_windows, Type::BOOL)],
        )
        .await
        .doing(DOING)?;
    Ok(())
}
