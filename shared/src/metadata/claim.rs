//! Asking for the lease of a data type: for a new run, or for the unfinished one whose
//! holder is gone.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::lease::{Lease, Run};
use super::runs::{self, NewRun};
use crate::error::Result;
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;
use crate::sync::request::{Mode, Trigger};

/// Takeovers of a run whose cursor did not move, after which it is given up: something
/// in it kills the function each time.
const MAX_TAKEOVERS: i32 = 3;

/// What came of asking for the lease.
#[derive(Debug)]
pub(crate) enum Acquired {
    /// It is ours.
    Lease(Lease),
    /// Another run holds it.
    Busy {
        /// The running one.
        run_id: Option<Uuid>,
    },
}

/// Who asks for the lease, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) mode: Mode,
    pub(crate) confirm_deletes: bool,
    pub(crate) trigger: Trigger,
}

impl Claim {
    /// A full or reconcile that nobody waits for is remembered while another run is on.
    fn is_remembered(self) -> bool {
        self.mode != Mode::Incremental && self.trigger.is_unattended()
    }
}

/// Takes the lease for a new run, or for the unfinished one that it finds.
///
/// # Errors
/// `db_schema` where the metadata table is missing, and every other `db_*`.
pub(crate) async fn acquire(
    database: &mut Database,
    spec: &'static DataType,
    claim: Claim,
) -> Result<Acquired> {
    // Made once: a second attempt after an unheard commit recognises its own token.
    let token = Uuid::new_v4();
    let run_id = Uuid::new_v4();
    database
        .transaction("taking the lease", async |transaction| {
            let Some(found) = lock_row(transaction, spec.name).await? else {
                // Whoever has it locked is at work on it right now.
                return busy(transaction, spec.name, claim).await;
            };
            let is_ours = found.token == Some(token);
            if found.is_live && !is_ours {
                return busy(transaction, spec.name, claim).await;
            }
            let run = match found.unfinished() {
                Some(run) if is_ours => run,
                Some(run) if found.takeovers < MAX_TAKEOVERS => {
                    take_over(transaction, spec.name, token, run).await?;
                    run
                }
                unfinished => {
                    if let Some(run) = unfinished {
                        runs::give_up(transaction, run.id).await?;
                    }
                    let claim = found.merge(claim);
                    start(transaction, spec.name, token, run_id, claim).await?
                }
            };
            Ok(Acquired::Lease(Lease {
                data_type: spec.name,
                token,
                run,
            }))
        })
        .await
}

async fn busy(transaction: &Transaction<'_>, data_type: &str, claim: Claim) -> Result<Acquired> {
    if claim.is_remembered() {
        remember(transaction, data_type, claim).await?;
    }
    let doing = "reading the lease";
    let row = transaction
        .query_typed_one(
            "select run_id from odoo.sync_metadata where data_type = $1",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    Ok(Acquired::Busy {
        run_id: row.try_get(0).doing(doing)?,
    })
}

/// What was asked for while the last run was on, as a claim of its own.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn pending(
    database: &mut Database,
    spec: &DataType,
    trigger: Trigger,
) -> Result<Option<Claim>> {
    let doing = "reading what waits";
    database
        .transaction(doing, async |transaction| {
            let row = transaction
                .query_typed_opt(
                    "select pending_mode, pending_confirm_deletes
                     from odoo.sync_metadata where data_type = $1",
                    &[(&spec.name, Type::TEXT)],
                )
                .await
                .doing(doing)?;
            let Some(row) = row else {
                return Ok(None);
            };
            let word: Option<&str> = row.try_get(0).doing(doing)?;
            let confirm_deletes = row.try_get(1).doing(doing)?;
            Ok(word.and_then(Mode::from_word).map(|mode| Claim {
                mode,
                confirm_deletes,
                trigger,
            }))
        })
        .await
}

/// The data type's row as it stands, locked.
struct Found {
    token: Option<Uuid>,
    is_live: bool,
    run_id: Option<Uuid>,
    mode: Option<Mode>,
    confirm_deletes: bool,
    takeovers: i32,
    pending: Option<Mode>,
    pending_confirm_deletes: bool,
}

impl Found {
    fn unfinished(&self) -> Option<Run> {
        Some(Run {
            id: self.run_id?,
            mode: self.mode?,
            taken_over: true,
            confirm_deletes: self.confirm_deletes,
        })
    }

    /// What waited, or was given up, is done by the run that starts now, so that neither a
    /// crash nor a bad night can lose it.
    fn merge(&self, claim: Claim) -> Claim {
        let given_up = self.unfinished();
        let waiting = [self.pending, given_up.map(|run| run.mode)];
        Claim {
            mode: waiting.into_iter().flatten().fold(claim.mode, Mode::max),
            confirm_deletes: claim.confirm_deletes
                || (self.pending.is_some() && self.pending_confirm_deletes)
                || given_up.is_some_and(|run| run.confirm_deletes),
            ..claim
        }
    }

    fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        Ok(Self {
            token: row.try_get(0)?,
            is_live: row.try_get(1)?,
            run_id: row.try_get(2)?,
            mode: row.try_get::<_, Option<&str>>(3)?.and_then(Mode::from_word),
            confirm_deletes: row.try_get(4)?,
            takeovers: row.try_get(5)?,
            pending: row.try_get::<_, Option<&str>>(6)?.and_then(Mode::from_word),
            pending_confirm_deletes: row.try_get(7)?,
        })
    }
}

/// `None` where another transaction has the row locked.
async fn lock_row(transaction: &Transaction<'_>, data_type: &str) -> Result<Option<Found>> {
    let doing = "reading the lease";
    transaction
        .execute_typed(
            "insert into odoo.sync_metadata (data_type) values ($1) on conflict do nothing",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?;
    transaction
        .query_typed_opt(
            "select lease_token, coalesce(lease_expires_at > clock_timestamp(), false),
                    metadata.run_id, run_mode, coalesce(runs.confirm_deletes, false), takeovers,
                    pending_mode, pending_confirm_deletes
             from odoo.sync_metadata metadata
             left join odoo.sync_runs runs
                 on runs.run_id = metadata.run_id and runs.status = 'in_progress'
             where metadata.data_type = $1
             for update of metadata skip locked",
            &[(&data_type, Type::TEXT)],
        )
        .await
        .doing(doing)?
        .map(|row| Found::read(&row))
        .transpose()
        .doing(doing)
}

/// Keeps the request for later: a reconcile where any of those that wait is one.
async fn remember(transaction: &Transaction<'_>, data_type: &str, claim: Claim) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set pending_mode = case when pending_mode = 'reconcile' then pending_mode else $2 end,
                 pending_confirm_deletes = pending_confirm_deletes or $3
             where data_type = $1",
            &[
                (&data_type, Type::TEXT),
                (&claim.mode.word(), Type::TEXT),
                (&claim.confirm_deletes, Type::BOOL),
            ],
        )
        .await
        .doing("remembering a request")?;
    Ok(())
}

async fn take_over(
    transaction: &Transaction<'_>,
    data_type: &str,
    token: Uuid,
    run: Run,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set lease_token = $2, lease_expires_at = clock_timestamp() + interval '60 seconds',
                 slice = slice + 1, takeovers = takeovers + 1, updated_at = now()
             where data_type = $1",
            &[(&data_type, Type::TEXT), (&token, Type::UUID)],
        )
        .await
        .doing("taking over a run")?;
    runs::add_slice(transaction, run.id).await
}

async fn start(
    transaction: &Transaction<'_>,
    data_type: &'static str,
    token: Uuid,
    run_id: Uuid,
    claim: Claim,
) -> Result<Run> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set lease_token = $2, lease_expires_at = clock_timestamp() + interval '60 seconds',
                 run_id = $3, run_mode = $4, slice = 1, takeovers = 0,
                 sync_status = 'in_progress', error_message = null, pending_mode = null,
                 pending_confirm_deletes = false, updated_at = now()
             where data_type = $1",
            &[
                (&data_type, Type::TEXT),
                (&token, Type::UUID),
                (&run_id, Type::UUID),
                (&claim.mode.word(), Type::TEXT),
            ],
        )
        .await
        .doing("taking the lease")?;
    runs::insert(
        transaction,
        &NewRun {
            id: run_id,
            data_type,
            mode: claim.mode,
            trigger: claim.trigger,
            confirm_deletes: claim.confirm_deletes,
        },
    )
    .await?;
    Ok(Run {
        id: run_id,
        mode: claim.mode,
        taken_over: false,
        confirm_deletes: claim.confirm_deletes,
    })
}
