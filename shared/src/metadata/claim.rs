//! Asking for the lease of a data type: for a new run, or for the unfinished one whose
//! holder is gone.

mod row;
mod stuck;

use tokio::time::Instant;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::lease::Lease;
use super::runs;
use crate::error::Result;
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;
use crate::sync::request::{Mode, Trigger};

/// Takeovers of a run that brought in no row, after which it is given up: something in it
/// kills the function each time, or an invocation's time is too short for it.
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
    /// The slice that was asked for is running or over.
    Repeated {
        /// The run that it belongs to.
        run_id: Uuid,
    },
    /// The run that the slice belongs to has got no further for too long, and is on record
    /// as failed.
    GivenUp {
        /// That run.
        run_id: Uuid,
    },
}

/// One invocation's part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) run_id: Uuid,
    /// From 1.
    pub(crate) number: i32,
}

/// Who asks for the lease, and for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) mode: Mode,
    pub(crate) confirm_deletes: bool,
    pub(crate) trigger: Trigger,
    /// Where only this slice is to be worked on.
    pub(crate) slice: Option<Slice>,
    /// When the work of this invocation stops.
    pub(crate) until: Instant,
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
            let Some(found) = row::lock(transaction, spec.name, claim).await? else {
                // Whoever has it locked is at work on it right now, or will never be again:
                // then the next request finds it free.
                if stuck::end(transaction, spec.name).await? {
                    tracing::warn!(data_type = spec.name, "a session that was stuck is ended");
                }
                return busy(transaction, spec.name, claim).await;
            };
            let is_ours = found.token == Some(token);
            if let Some(slice) = claim.slice
                && !is_ours
                && !found.awaits(slice)
            {
                let run_id = slice.run_id;
                return Ok(Acquired::Repeated { run_id });
            }
            if found.is_live && !is_ours {
                return busy(transaction, spec.name, claim).await;
            }
            // Who comes for more than a slice makes that slice's own event come too late.
            let next = claim.slice.map_or(found.slice + 1, |slice| slice.number);
            let (run, slice) = match found.unfinished() {
                Some(run) if is_ours => (run, found.slice),
                Some(run) if found.takeovers < MAX_TAKEOVERS => {
                    row::take_over(transaction, spec.name, token, run, next).await?;
                    (run, next)
                }
                Some(run) if claim.slice.is_some() => {
                    row::give_up(transaction, spec.name, run).await?;
                    return Ok(Acquired::GivenUp { run_id: run.id });
                }
                unfinished => {
                    if let Some(run) = unfinished {
                        runs::give_up(transaction, run.id).await?;
                    }
                    let claim = found.merge(claim);
                    let run = row::start(transaction, spec.name, token, run_id, claim).await?;
                    (run, 1)
                }
            };
            Ok(Acquired::Lease(Lease {
                data_type: spec.name,
                token,
                run,
                slice,
                until: claim.until,
            }))
        })
        .await
}

async fn busy(transaction: &Transaction<'_>, data_type: &str, claim: Claim) -> Result<Acquired> {
    if claim.is_remembered() {
        row::remember(transaction, data_type, claim).await?;
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
    until: Instant,
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
                slice: None,
                until,
            }))
        })
        .await
}

/// Keeps what was asked for, to be done once the run that is on is over.
///
/// # Errors
/// Every `db_*`.
pub(crate) async fn remember(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
) -> Result<()> {
    row::remember(transaction, data_type, claim).await
}
