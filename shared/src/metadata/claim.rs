//! Asking for the lease of a data type: for a new run, or for the unfinished one whose
//! holder is gone.

mod holder;
mod lock;
mod row;
mod stuck;

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::batches::{self, Asked};
use super::lease::Lease;
use super::runs;
use crate::error::{ErrorKind, Result};
use crate::mirror::database::{Database, Doing};
use crate::specs::DataType;
use crate::sync::request::{Mode, Trigger};
use lock::{Locked, lock};
use row::Found;

/// Takeovers of a run that brought in no row, after which it is given up: something in it
/// kills the function each time, or an invocation's time is too short for it.
const MAX_TAKEOVERS: i32 = 3;

/// Longest that a claim waits for what keeps the row locked and is no run that is on.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of asking for the lease.
#[derive(Debug)]
pub(crate) enum Acquired {
    /// It is ours.
    Lease(Lease),
    /// Another run holds it.
    Busy {
        /// The running one. None only where no run is on, and something else keeps runs away
        /// for longer than anybody would wait: the references of a very large table are checked.
        run_id: Option<Uuid>,
    },
    /// The slice that was asked for, or the run that a batch asked for, is running or over.
    Repeated {
        /// The run that it is or belongs to, where one has begun.
        run_id: Option<Uuid>,
        /// Whether its lease is live.
        is_on: bool,
    },
    /// An operator keeps the data type from being synced. A run that was on goes on in its next slices.
    Paused,
    /// A reset has ended the run that the slice belongs to.
    Reset {
        /// That run.
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
    /// The batch that asks.
    pub(crate) batch_id: Option<Uuid>,
    /// When the work of this invocation stops.
    pub(crate) until: Instant,
}

impl Claim {
    /// A full or reconcile that nobody waits for is remembered while another run is on.
    pub(crate) fn is_remembered(self) -> bool {
        self.mode != Mode::Incremental && self.trigger.is_unattended()
    }

    /// A slice, and what is to be remembered, waits for whoever has the row locked, as long as any
    /// transaction does: nobody would come again in its place.
    fn must_wait(self) -> bool {
        self.slice.is_some() || self.is_remembered()
    }

    /// How long any other one waits, and no longer than would leave it half its time.
    fn patience(self) -> Duration {
        let left = self.until.saturating_duration_since(Instant::now());
        PATIENCE.min(left / 2)
    }
}

/// Takes the lease for a new run, or for the unfinished one that it finds.
///
/// What finds itself running may be Lambda's retry after the function died. A lease outlives its holder
/// by a minute, which is about as long as Lambda waits, and a retry that is answered is the
/// last one. So it waits here until the holder has shown that it is alive, or its lease has ended.
///
/// # Errors
/// `db_schema` where the metadata table is missing, and every other `db_*`.
pub(crate) async fn acquire(
    database: &mut Database,
    spec: &'static DataType,
    claim: Claim,
) -> Result<Acquired> {
    loop {
        let acquired = take(database, spec, claim).await?;
        let is_on = matches!(acquired, Acquired::Repeated { is_on: true, .. });
        // Who asks over HTTP is not tried again by Lambda.
        if !is_on
            || claim.trigger == Trigger::Http
            || holder::is_alive(database, spec.name, claim.until).await?
        {
            return Ok(acquired);
        }
    }
}

async fn take(database: &mut Database, spec: &'static DataType, claim: Claim) -> Result<Acquired> {
    // Made once: a second attempt after an unheard commit recognises its own token.
    let token = Uuid::new_v4();
    let run_id = Uuid::new_v4();
    let given_up = Cell::new(None);
    let acquired = database
        .transaction("taking the lease", async |transaction| {
            let found = match lock(transaction, spec.name, claim).await? {
                Locked::Found(found) => found,
                Locked::Away { running } => {
                    return turn_away(transaction, spec.name, claim, running).await;
                }
            };
            let is_ours = found.token == Some(token);
            if !is_ours
                && let Some(acquired) = refuse(transaction, spec.name, claim, &found).await?
            {
                return Ok(acquired);
            }
            // Who comes for more than a slice makes that slice's own event come too late.
            let next = claim.slice.map_or(found.slice + 1, |slice| slice.number);
            let (run, slice) = match found.unfinished() {
                Some(run) if is_ours => (run, found.slice),
                Some(run) if found.takeovers < MAX_TAKEOVERS => {
                    let run = run.confirmed_by(claim);
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
                        given_up.set(Some(run.id));
                    }
                    let (claim, pending) = found.merge(claim);
                    let run =
                        row::start(transaction, spec.name, token, run_id, claim, pending).await?;
                    (run, 1)
                }
            };
            if let Some(batch_id) = claim.batch_id {
                batches::assign(transaction, batch_id, spec.name, run.id).await?;
            }
            Ok(Acquired::Lease(Lease {
                data_type: spec.name,
                token,
                run,
                slice,
                until: claim.until,
                stop: CancellationToken::new(),
            }))
        })
        .await?;
    // Nobody is answered for it: whoever worked on it is gone.
    if let Some(run_id) = given_up.take() {
        tracing::error!(
            %run_id,
            code = ErrorKind::Internal.code(),
            "a run is given up"
        );
    }
    Ok(acquired)
}

/// Why the claim does not get what it found, if it does not.
async fn refuse(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
    found: &Found,
) -> Result<Option<Acquired>> {
    if let Some(slice) = claim.slice {
        if found.awaits(slice) {
            return Ok(None);
        }
        let run_id = slice.run_id;
        let acquired = match runs::is_ended_by_reset(transaction, run_id).await? {
            true => Acquired::Reset { run_id },
            false => Acquired::Repeated {
                run_id: Some(run_id),
                is_on: found.is_at(slice),
            },
        };
        return Ok(Some(acquired));
    }
    if found.is_live {
        let running = found.run_id;
        return Ok(Some(
            turn_away(transaction, data_type, claim, running).await?,
        ));
    }
    // Of a run that is left unfinished the batch may well ask again.
    let asked = asked(transaction, data_type, claim).await?;
    let over = asked.filter(|asked| asked.is_over);
    Ok(match over {
        Some(asked) => Some(Acquired::Repeated {
            run_id: asked.run_id,
            is_on: false,
        }),
        None => found.is_paused.then_some(Acquired::Paused),
    })
}

/// What is told who finds this run on, or the row kept from all runs. A batch's request that comes
/// again finds its own run on, or over, and another one only then.
async fn turn_away(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
    running: Option<Uuid>,
) -> Result<Acquired> {
    if let Some(asked) = asked(transaction, data_type, claim).await? {
        let is_on = asked.run_id.is_some() && asked.run_id == running;
        if asked.is_over || is_on {
            return Ok(Acquired::Repeated {
                run_id: asked.run_id,
                is_on: is_on && !asked.is_over,
            });
        }
    }
    // What does all of it is on already: it may be this very request, remembered before.
    let is_done = match (claim.batch_id, running) {
        (Some(batch_id), Some(run_id)) => {
            batches::is_done_by(transaction, batch_id, data_type, run_id).await?
        }
        _ => false,
    };
    if claim.is_remembered() && !is_done {
        row::remember(transaction, data_type, claim).await?;
    }
    Ok(Acquired::Busy { run_id: running })
}

async fn asked(
    transaction: &Transaction<'_>,
    data_type: &str,
    claim: Claim,
) -> Result<Option<Asked>> {
    match claim.batch_id {
        Some(batch_id) => batches::asked(transaction, batch_id, data_type).await,
        None => Ok(None),
    }
}

/// What was asked for while the last run was on, as a claim of its own. While the data type is paused it waits.
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
                     from odoo.sync_metadata where data_type = $1 and paused_at is null",
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
                batch_id: None,
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
