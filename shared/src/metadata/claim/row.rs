//! The data type's row of `sync_metadata` as a claim finds it, and what a claim writes
//! into it.

use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::{Claim, Slice};
use crate::error::Result;
use crate::metadata::lease::Run;
use crate::metadata::runs::{self, NewRun};
use crate::mirror::database::Doing;
use crate::sync::request::Mode;

/// The data type's row as it stands, locked.
pub(super) struct Found {
    pub(super) token: Option<Uuid>,
    pub(super) is_live: bool,
    pub(super) run_id: Option<Uuid>,
    mode: Option<Mode>,
    confirm_deletes: bool,
    pub(super) slice: i32,
    pub(super) takeovers: i32,
    waiting: Waiting,
    pending_confirm_deletes: bool,
    pub(super) is_paused: bool,
}

/// What was asked for and waits for a run of its own. Neither does the other's work: a full reads
/// what no time tells of, a reconcile finds what is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Waiting {
    full: bool,
    reconcile: bool,
}

impl Waiting {
    fn with(self, mode: Option<Mode>) -> Self {
        Self {
            full: self.full || mode == Some(Mode::Full),
            reconcile: self.reconcile || mode == Some(Mode::Reconcile),
        }
    }

    fn without(self, mode: Mode) -> Self {
        Self {
            full: self.full && mode != Mode::Full,
            reconcile: self.reconcile && mode != Mode::Reconcile,
        }
    }

    /// What runs next: what has been read anew is compared after that.
    fn next(self) -> Option<Mode> {
        match self {
            Self { full: true, .. } => Some(Mode::Full),
            Self {
                reconcile: true, ..
            } => Some(Mode::Reconcile),
            _ => None,
        }
    }
}

impl Found {
    /// The run that an earlier holder left, dead or handed over.
    pub(super) fn unfinished(&self) -> Option<Run> {
        Some(Run {
            id: self.run_id?,
            mode: self.mode?,
            taken_over: true,
            confirm_deletes: self.confirm_deletes,
        })
    }

    /// Whether this slice is the one that comes next, or the one whose holder is gone.
    pub(super) fn awaits(&self, slice: Slice) -> bool {
        !self.is_live && self.run_id == Some(slice.run_id) && self.slice == slice.number
    }

    /// Whether this slice is the one that is on.
    pub(super) fn is_at(&self, slice: Slice) -> bool {
        self.is_live && self.run_id == Some(slice.run_id) && self.slice == slice.number
    }

    /// What waited, or was given up, is done by the run that starts now or goes on waiting, so that
    /// neither a crash nor a bad night can lose it. Returns what starts and what waits then.
    pub(super) fn merge(&self, claim: Claim) -> (Claim, Pending) {
        let given_up = self.unfinished();
        let waiting = self.waiting.with(given_up.map(|run| run.mode));
        let mode = match claim.mode {
            Mode::Incremental => waiting.next().unwrap_or(claim.mode),
            asked => asked,
        };
        let rest = waiting.without(mode);
        let was_confirmed = (self.waiting.next().is_some() && self.pending_confirm_deletes)
            || given_up.is_some_and(|run| run.confirm_deletes);
        // One confirmation is for one run: the reconcile, where there is one to come.
        let is_for_later = rest.reconcile;
        let pending = Pending {
            mode: rest.next(),
            and_reconcile: rest.full && rest.reconcile,
            confirm_deletes: is_for_later && was_confirmed,
        };
        let claim = Claim {
            mode,
            confirm_deletes: claim.confirm_deletes || (was_confirmed && !is_for_later),
            ..claim
        };
        (claim, pending)
    }

    /// Reads the columns that [`super::lock`] selects.
    pub(super) fn read(row: &Row) -> std::result::Result<Self, tokio_postgres::Error> {
        Ok(Self {
            token: row.try_get(0)?,
            is_live: row.try_get(1)?,
            run_id: row.try_get(2)?,
            mode: row.try_get::<_, Option<&str>>(3)?.and_then(Mode::from_word),
            confirm_deletes: row.try_get(4)?,
            slice: row.try_get(5)?,
            takeovers: row.try_get(6)?,
            waiting: Waiting {
                full: false,
                reconcile: row.try_get(8)?,
            }
            .with(row.try_get::<_, Option<&str>>(7)?.and_then(Mode::from_word)),
            pending_confirm_deletes: row.try_get(9)?,
            is_paused: row.try_get(10)?,
        })
    }
}

/// What waits once a run has begun.
pub(super) struct Pending {
    mode: Option<Mode>,
    and_reconcile: bool,
    confirm_deletes: bool,
}

impl Run {
    /// Who takes a run over and confirms deletions confirms that run's: he would else be told of a
    /// guard that he has lifted.
    pub(super) fn confirmed_by(self, claim: Claim) -> Self {
        Self {
            confirm_deletes: self.confirm_deletes || claim.confirm_deletes,
            ..self
        }
    }
}

/// Keeps the request for later.
pub(super) async fn remember(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set pending_mode = case when pending_mode = 'full' then pending_mode else $2 end,
                 pending_reconcile = pending_reconcile
                     or coalesce($2 <> pending_mode and 'reconcile' in ($2, pending_mode), false),
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

/// Takes the lease for the unfinished run, as this slice of it.
pub(super) async fn take_over(
    transaction: &Transaction<'_>,
    data_type: &str,
    token: Uuid,
    run: Run,
    slice: i32,
) -> Result<()> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set lease_token = $2, lease_expires_at = clock_timestamp() + interval '60 seconds',
                 slice = $3, takeovers = takeovers + 1, updated_at = now()
             where data_type = $1",
            &[
                (&data_type, Type::TEXT),
                (&token, Type::UUID),
                (&slice, Type::INT4),
            ],
        )
        .await
        .doing("taking over a run")?;
    runs::add_slice(transaction, run.id, run.confirm_deletes).await
}

/// Takes the lease for a new run.
pub(super) async fn start(
    transaction: &Transaction<'_>,
    data_type: &'static str,
    token: Uuid,
    run_id: Uuid,
    claim: Claim,
    pending: Pending,
) -> Result<Run> {
    transaction
        .execute_typed(
            "update odoo.sync_metadata
             set lease_token = $2, lease_expires_at = clock_timestamp() + interval '60 seconds',
                 run_id = $3, run_mode = $4, slice = 1, takeovers = 0,
                 sync_status = 'in_progress', error_message = null, pending_mode = $5,
                 pending_reconcile = $6, pending_confirm_deletes = $7, updated_at = now()
             where data_type = $1",
            &[
                (&data_type, Type::TEXT),
                (&token, Type::UUID),
                (&run_id, Type::UUID),
                (&claim.mode.word(), Type::TEXT),
                (&pending.mode.map(Mode::word), Type::TEXT),
                (&pending.and_reconcile, Type::BOOL),
                (&pending.confirm_deletes, Type::BOOL),
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

/// Ends the unfinished run as failed and frees its lease.
pub(super) async fn give_up(
    transaction: &Transaction<'_>,
    data_type: &str,
    run: Run,
) -> Result<()> {
    runs::give_up(transaction, run.id).await?;
    transaction
        .execute_typed(
            "update odoo.sync_metadata metadata
             set sync_status = 'failed', error_message = 'internal: ' || runs.error_message,
                 lease_token = null, lease_expires_at = null, run_id = null, run_mode = null,
                 slice = 0, takeovers = 0, updated_at = now()
             from odoo.sync_runs runs
             where metadata.data_type = $1 and runs.run_id = $2",
            &[(&data_type, Type::TEXT), (&run.id, Type::UUID)],
        )
        .await
        .doing("giving a run up")?;
    Ok(())
}
