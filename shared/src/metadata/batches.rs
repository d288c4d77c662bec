//! `sync_batches`: what `sync-all` has been asked to start, one row a batch and data type.
//!
//! Any number of processes work on a batch at the same time, woken by events that come late,
//! twice or never. So every transaction that changes a batch opens with [`lock`]: two processes
//! that each count what is on would start too many together. And before anything is chosen
//! [`settle`] looks at what has truly happened: an event is only the occasion to look.

mod run;
mod settle;

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::mirror::database::Doing;
use crate::specs::DataType;
use crate::sync::request::{Mode, Trigger};
pub(crate) use run::{Asked, asked, assign, end_with_run};
pub(crate) use settle::{adopt, is_being_done, is_done_by, settle};

/// Any number will do as long as all versions of this program agree.
const LOCK: i64 = i64::from_be_bytes(*b"sync-all");

/// A batch that starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewBatch {
    pub(crate) id: Uuid,
    pub(crate) mode: Mode,
    pub(crate) confirm_deletes: bool,
    pub(crate) trigger: Trigger,
}

/// A batch as it stands.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) id: Uuid,
    pub(crate) mode: Mode,
    /// Milliseconds from its start to its end, or until now.
    pub(crate) duration: u64,
    /// One a data type, in the order of their turns.
    pub(crate) parts: Vec<Part>,
}

/// One data type of a batch.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) batch_id: Uuid,
    pub(crate) data_type: String,
    pub(crate) mode: Mode,
    pub(crate) confirm_deletes: bool,
    pub(crate) state: State,
    /// The run that works for it or has done so, where one has begun.
    pub(crate) run_id: Option<Uuid>,
    /// Why it failed.
    pub(crate) error: Option<(ErrorKind, String)>,
}

/// How far a data type is in its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Its turn has not come.
    Pending,
    /// Its function has been asked.
    Requested,
    /// It is over.
    Success,
    /// It is over.
    Failed,
}

impl State {
    /// Whether there is nothing more to come.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Success | Self::Failed)
    }

    fn from_word(word: &str) -> Self {
        match word {
            "requested" => Self::Requested,
            "success" => Self::Success,
            "failed" => Self::Failed,
            _ => Self::Pending,
        }
    }
}

const PART: &str = "batch_id, data_type, mode, confirm_deletes, state, run_id, error_code, \
     error_message";

impl Part {
    /// Reads the columns of [`PART`].
    fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        let code: Option<&str> = row.try_get(6)?;
        let message: Option<String> = row.try_get(7)?;
        Ok(Self {
            batch_id: row.try_get(0)?,
            data_type: row.try_get(1)?,
            mode: Mode::from_word(row.try_get(2)?).unwrap_or_default(),
            confirm_deletes: row.try_get(3)?,
            state: State::from_word(row.try_get(4)?),
            run_id: row.try_get(5)?,
            error: code.map(|code| {
                let kind = ErrorKind::from_code(code).unwrap_or(ErrorKind::Internal);
                (kind, message.unwrap_or_default())
            }),
        })
    }

    fn read_all(rows: &[Row], doing: &str) -> Result<Vec<Self>> {
        let parts: std::result::Result<_, tokio_postgres::Error> =
            rows.iter().map(Self::read).collect();
        parts.doing(doing)
    }
}

/// Keeps every other process from changing the turns of a batch until this transaction ends. A
/// pooler carries it, because it ends with the transaction.
pub(crate) async fn lock(transaction: &Transaction<'_>) -> Result<()> {
    transaction
        .execute_typed("select pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)])
        .await
        .doing("waiting for the batches")?;
    Ok(())
}

/// As [`lock`], if nobody else has it just now, and if anything can be written: a project on Supabase
/// whose disk is full can only be read.
async fn try_lock(transaction: &Transaction<'_>) -> Result<bool> {
    let doing = "looking after the batches";
    transaction
        .query_typed_one(
            "select not current_setting('transaction_read_only')::boolean
                 and pg_try_advisory_xact_lock($1)",
            &[(&LOCK, Type::INT8)],
        )
        .await
        .doing(doing)?
        .try_get(0)
        .doing(doing)
}

/// Brings the batch that is on up to what has truly happened, for somebody who only wants to see it: where
/// none is on, or another process is about to do the same, that is left out.
pub(crate) async fn look_after(transaction: &Transaction<'_>) -> Result<()> {
    if running(transaction).await?.is_some() && try_lock(transaction).await? {
        settle(transaction).await?;
    }
    Ok(())
}

/// The batch that is not over yet.
pub(crate) async fn running(transaction: &Transaction<'_>) -> Result<Option<Uuid>> {
    let doing = "looking for a batch";
    transaction
        .query_typed_opt(
            "select batch_id from odoo.sync_batches
             where state in ('pending', 'requested') limit 1",
            &[],
        )
        .await
        .doing(doing)?
        .map(|row| row.try_get(0))
        .transpose()
        .doing(doing)
}

/// Puts a row for each data type, in that order.
pub(crate) async fn insert(
    transaction: &Transaction<'_>,
    batch: &NewBatch,
    data_types: &[&DataType],
) -> Result<()> {
    let names: Vec<&str> = data_types.iter().map(|spec| spec.name).collect();
    transaction
        .execute_typed(
            "insert into odoo.sync_batches
                 (batch_id, data_type, place, mode, confirm_deletes, triggered_by)
             select $1, name, place, $3, $4, $5
             from unnest($2::text[]) with ordinality as it (name, place)",
            &[
                (&batch.id, Type::UUID),
                (&names, Type::TEXT_ARRAY),
                (&batch.mode.word(), Type::TEXT),
                (&batch.confirm_deletes, Type::BOOL),
                (&batch.trigger.word(), Type::TEXT),
            ],
        )
        .await
        .doing("starting a batch")?;
    Ok(())
}

/// Marks the next data types as requested, so many that `parallel` are on. Those that had been asked
/// and got lost come after those whose turn has not come yet. Returns all that
/// this claim has ever marked and that are still waited for: an earlier attempt of the same
/// transaction may have been committed unheard.
pub(crate) async fn claim(
    transaction: &Transaction<'_>,
    claim_id: Uuid,
    parallel: u32,
) -> Result<Vec<Part>> {
    let doing = "choosing what comes next";
    transaction
        .execute_typed(
            "with next as (
                 select batch_id, data_type from odoo.sync_batches
                 where state = 'pending'
                 order by created_at, batch_id, attempts, place
                 limit (select greatest($2 - count(*), 0)
                        from odoo.sync_batches where state = 'requested')
                 for update skip locked
             )
             update odoo.sync_batches batch
             set state = 'requested', requested_at = clock_timestamp(), claim_id = $1,
                 attempts = attempts + 1
             from next
             where batch.batch_id = next.batch_id and batch.data_type = next.data_type",
            &[(&claim_id, Type::UUID), (&i64::from(parallel), Type::INT8)],
        )
        .await
        .doing(doing)?;
    let rows = transaction
        .query_typed(
            &format!(
                "select {PART} from odoo.sync_batches
                 where claim_id = $1 and state = 'requested' order by place"
            ),
            &[(&claim_id, Type::UUID)],
        )
        .await
        .doing(doing)?;
    Part::read_all(&rows, doing)
}

/// Makes what a claim has marked, and could not request, wait again.
pub(crate) async fn put_back(
    transaction: &Transaction<'_>,
    claim_id: Uuid,
    data_types: &[&str],
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_batches
             set state = 'pending', requested_at = null, claim_id = null, attempts = attempts - 1
             where claim_id = $1 and data_type = any($2) and state = 'requested'",
            &[(&claim_id, Type::UUID), (&data_types, Type::TEXT_ARRAY)],
        )
        .await
        .doing("putting back what was not requested")?;
    Ok(())
}

/// Fails a batch of which nothing could be started. One of which anything was goes on.
pub(crate) async fn abandon(
    transaction: &Transaction<'_>,
    batch_id: Uuid,
    error: &Error,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_batches
             set state = 'failed', finished_at = clock_timestamp(), error_code = $2,
                 error_message = $3
             where batch_id = $1
                 and not exists (select from odoo.sync_batches other
                                 where other.batch_id = $1 and other.state <> 'pending')",
            &[
                (&batch_id, Type::UUID),
                (&error.kind().code(), Type::TEXT),
                (&error.to_string(), Type::TEXT),
            ],
        )
        .await
        .doing("giving a batch up")?;
    Ok(())
}

/// What an event says of one data type of a batch.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) batch_id: Uuid,
    pub(crate) data_type: &'a str,
    pub(crate) run_id: Option<Uuid>,
    pub(crate) error: Option<(ErrorKind, &'a str)>,
}

/// Ends a data type's part of a batch. One that is over stays as it is: events come twice.
pub(crate) async fn end(transaction: &Transaction<'_>, ending: &Ending<'_>) -> Result<()> {
    let code = ending.error.map(|(kind, _)| kind.code());
    let message = ending.error.map(|(_, message)| message);
    transaction
        .execute_typed(
            "update odoo.sync_batches
             set state = case when $4::text is null then 'success' else 'failed' end,
                 finished_at = clock_timestamp(), error_code = $4, error_message = $5,
                 run_id = coalesce((select run_id from odoo.sync_runs
                                    where run_id = $3 and data_type = $2), run_id)
             where batch_id = $1 and data_type = $2 and state in ('pending', 'requested')",
            &[
                (&ending.batch_id, Type::UUID),
                (&ending.data_type, Type::TEXT),
                (&ending.run_id, Type::UUID),
                (&code, Type::TEXT),
                (&message, Type::TEXT),
            ],
        )
        .await
        .doing("ending a part of a batch")?;
    Ok(())
}

/// A batch as it stands; without parts where there is none of that id.
pub(crate) async fn load(transaction: &Transaction<'_>, batch_id: Uuid) -> Result<Batch> {
    let doing = "reading a batch";
    let rows = transaction
        .query_typed(
            &format!(
                "select {PART},
                     (extract(epoch from
                         case when bool_and(finished_at is not null) over () then
                             max(finished_at) over () else clock_timestamp() end
                         - created_at) * 1000)::bigint
                 from odoo.sync_batches where batch_id = $1 order by place"
            ),
            &[(&batch_id, Type::UUID)],
        )
        .await
        .doing(doing)?;
    let parts = Part::read_all(&rows, doing)?;
    let duration = rows.first().map(|row| row.try_get::<_, i64>(8));
    Ok(Batch {
        id: batch_id,
        mode: parts.first().map(|part| part.mode).unwrap_or_default(),
        duration: duration
            .transpose()
            .doing(doing)?
            .unwrap_or_default()
            .unsigned_abs(),
        parts,
    })
}

/// Takes what succeeded in a batch that is over and whose references have not been looked at.
/// Taken it counts as looked at: one that cannot be checked in time must not be tried by every
/// event from then on.
pub(crate) async fn take_unchecked(transaction: &Transaction<'_>) -> Result<Vec<Part>> {
    let doing = "looking for batches that are over";
    let rows = transaction
        .query_typed(
            &format!(
                "update odoo.sync_batches batch set checked_at = now()
                 where state = 'success' and checked_at is null
                     and not exists (select from odoo.sync_batches other
                                     where other.batch_id = batch.batch_id
                                         and other.state in ('pending', 'requested'))
                 returning {PART}"
            ),
            &[],
        )
        .await
        .doing(doing)?;
    Part::read_all(&rows, doing)
}
