//! `sync_streams`: how far each stream has been read, and the window of the run that
//! is on. The window is stored before the first page, so that a run that dies is
//! resumed in the same window from its last id. `cursor.rs` moves that.

use jiff::{SignedDuration, Timestamp};
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::cursor::{Place, lost};
use super::{comparison, deletions};
use crate::error::Result;
use crate::mirror::database::Doing;
use crate::specs::{DataType, Stream};
use crate::sync::request::Mode;
use crate::sync::window::{Past, Range, Window};

/// A stream as earlier runs left it.
#[derive(Debug, Default)]
pub(crate) struct StreamState {
    pub(crate) past: Past,
    pub(crate) source_fingerprint: Option<String>,
    pub(crate) read_fingerprint: Option<String>,
    /// The window of this very run, where an earlier holder has opened it.
    pub(crate) progress: Option<Progress>,
    /// Runs in a row whose count of the source differed from the mirror's.
    pub(crate) count_mismatches: i32,
    /// Whether any row of it waits to be tried again.
    pub(crate) has_rejects: bool,
}

/// What is being done with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its window is read.
    Read,
    /// The whole source is compared with the mirror.
    Compare,
    /// What Odoo no longer has is deleted.
    Delete,
}

impl Phase {
    /// The one that a window of this range begins with.
    pub(crate) fn of(range: Range) -> Self {
        match range {
            Range::Compared(_) => Self::Compare,
            Range::Everything | Range::Changed(..) | Range::Nothing => Self::Read,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Compare => "compare",
            Self::Delete => "delete",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "compare" => Self::Compare,
            "delete" => Self::Delete,
            _ => Self::Read,
        }
    }
}

/// An open window and how far it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) mode: Mode,
    pub(crate) phase: Phase,
    /// From the phase [`Phase::Compare`] on a [`Range::Compared`].
    pub(crate) range: Range,
    /// How far the phase has come.
    pub(crate) last_id: i64,
    /// How many rows of it are behind.
    pub(crate) rows_done: u64,
    pub(crate) done: bool,
    /// How the holder that opened it read.
    pub(crate) read_fingerprint: Option<String>,
}

impl Progress {
    /// Whether this phase is on.
    pub(crate) fn is_in(&self, phase: Phase) -> bool {
        !self.done && self.phase == phase
    }

    /// Goes on to this phase, or ends.
    pub(crate) fn go_on(&mut self, next: Option<Phase>) {
        match next {
            None => self.done = true,
            Some(phase) => {
                self.phase = phase;
                self.last_id = 0;
                self.rows_done = 0;
                // What the window held has been read.
                self.range = Range::Compared(None);
            }
        }
    }
}

/// What a stream was read from and how, as stored beside its watermark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprints {
    /// Odoo's URL and database.
    pub(crate) source: String,
    /// User, language, company and columns.
    pub(crate) read: String,
}

/// Reads a stream's state; its defaults where no run has touched it.
pub(crate) async fn load(
    transaction: &Transaction<'_>,
    stream: &Stream,
    run_id: Uuid,
) -> Result<StreamState> {
    let doing = "reading a stream's state";
    transaction
        .query_typed_opt(
            "select watermark, watermark_first_seen_at, watermark_last_seen_at,
                    source_fingerprint, read_fingerprint, count_mismatches,
                    coalesce(run_id = $2, false), window_mode, window_low, window_high,
                    last_id, window_done, window_fingerprint, window_phase, rows_done,
                    exists (select from odoo.sync_findings finding
                            where finding.stream = $1 and severity = 'reject'
                              and resolved_at is null)
             from odoo.sync_streams where stream = $1",
            &[(&stream.name, Type::TEXT), (&run_id, Type::UUID)],
        )
        .await
        .doing(doing)?
        .map(|row| read_state(&row))
        .transpose()
        .doing(doing)
        .map(Option::unwrap_or_default)
}

fn read_state(row: &Row) -> std::result::Result<StreamState, tokio_postgres::Error> {
    let first_seen: Option<Timestamp> = row.try_get(1)?;
    let last_seen: Option<Timestamp> = row.try_get(2)?;
    let idle = match (first_seen, last_seen) {
        (Some(first), Some(last)) => last.duration_since(first),
        _ => SignedDuration::ZERO,
    };
    let is_this_run: bool = row.try_get(6)?;
    Ok(StreamState {
        past: Past {
            watermark: row.try_get(0)?,
            idle,
            last_seen,
        },
        source_fingerprint: row.try_get(3)?,
        read_fingerprint: row.try_get(4)?,
        count_mismatches: row.try_get(5)?,
        has_rejects: row.try_get(15)?,
        progress: is_this_run.then(|| read_progress(row)).transpose()?,
    })
}

fn read_progress(row: &Row) -> std::result::Result<Progress, tokio_postgres::Error> {
    let mode = row
        .try_get::<_, Option<&str>>(7)?
        .and_then(Mode::from_word)
        .unwrap_or_default();
    let phase = Phase::from_word(row.try_get(13)?);
    let range = match (phase, row.try_get(8)?, row.try_get(9)?) {
        (Phase::Read, Some(low), Some(high)) if low <= high => Range::Changed(low, high),
        (Phase::Read, ..) if mode == Mode::Incremental => Range::Nothing,
        (Phase::Read, ..) => Range::Everything,
        // What a window held has been read before the comparison.
        (_, _, Some(_)) => Range::Compared(None),
        (_, low, None) => Range::Compared(low),
    };
    Ok(Progress {
        mode,
        phase,
        range,
        last_id: row.try_get(10)?,
        rows_done: row.try_get::<_, i64>(14)?.unsigned_abs(),
        done: row.try_get(11)?,
        read_fingerprint: row.try_get(12)?,
    })
}

/// A window to store.
pub(crate) struct NewWindow<'a> {
    pub(crate) data_type: &'a str,
    pub(crate) stream: &'a Stream,
    pub(crate) run_id: Uuid,
    /// How this stream is read; a run's incremental is a full where it must be.
    pub(crate) mode: Mode,
    pub(crate) window: Window,
    /// Postgres's time before Odoo was asked for its newest change.
    pub(crate) opened_at: Timestamp,
    pub(crate) fingerprints: &'a Fingerprints,
}

/// Stores a window before its first page is read. What the mirror was read with is no longer
/// known where this window is read with something else: it may end half way.
pub(crate) async fn open(transaction: &Transaction<'_>, new: &NewWindow<'_>) -> Result<()> {
    let (low, high) = match new.window.range {
        Range::Changed(low, high) => (Some(low), Some(high)),
        Range::Compared(low) => (low, None),
        Range::Everything | Range::Nothing => (None, None),
    };
    let phase = Phase::of(new.window.range).word();
    transaction
        .execute_typed(
            "insert into odoo.sync_streams as state
                 (data_type, stream, run_id, window_mode, window_low, window_high,
                  window_watermark, window_opened_at, window_seen_at, source_fingerprint,
                  window_fingerprint, window_phase)
             values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), $9, $10, $11)
             on conflict (stream) do update set
                 data_type = excluded.data_type, run_id = excluded.run_id,
                 window_mode = excluded.window_mode, window_low = excluded.window_low,
                 window_high = excluded.window_high,
                 window_watermark = excluded.window_watermark,
                 window_opened_at = excluded.window_opened_at,
                 window_seen_at = excluded.window_seen_at,
                 window_done = false, last_id = 0, rows_done = 0, rows_to_do = null,
                 rows_here = 0, window_phase = excluded.window_phase,
                 source_fingerprint = excluded.source_fingerprint,
                 read_fingerprint = case
                     when state.read_fingerprint = excluded.window_fingerprint
                     then state.read_fingerprint end,
                 window_fingerprint = excluded.window_fingerprint, updated_at = now()",
            &[
                (&new.data_type, Type::TEXT),
                (&new.stream.name, Type::TEXT),
                (&new.run_id, Type::UUID),
                (&new.mode.word(), Type::TEXT),
                (&low, Type::TIMESTAMPTZ),
                (&high, Type::TIMESTAMPTZ),
                (&new.window.watermark, Type::TIMESTAMPTZ),
                (&new.opened_at, Type::TIMESTAMPTZ),
                (&new.fingerprints.source, Type::TEXT),
                (&new.fingerprints.read, Type::TEXT),
                (&phase, Type::TEXT),
            ],
        )
        .await
        .doing("opening a window")?;
    deletions::forget(transaction, new.stream).await
}

/// What the source's own count says about the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceCount {
    pub(crate) rows: u64,
    /// Live rows here.
    pub(crate) rows_here: u64,
    pub(crate) mismatches: i32,
}

/// Marks a stream's window as read to its end, which is this place. `next` is the phase that comes
/// then, if any.
///
/// # Errors
/// `db_fault` where the cursor is not there, and every other `db_*`.
pub(crate) async fn close(
    transaction: &Transaction<'_>,
    stream: &Stream,
    reached: Place,
    count: SourceCount,
    next: Option<Phase>,
) -> Result<()> {
    let closed = transaction
        .execute_typed(
            "update odoo.sync_streams
             set source_count = $2, mirror_count = $3, count_mismatches = $4,
                 window_done = $5::text is null, updated_at = now()
             where stream = $1 and run_id = $6
                 -- Or an earlier attempt has closed it.
                 and (window_phase = $5 or (window_phase = $7 and last_id = $8))",
            &[
                (&stream.name, Type::TEXT),
                (&number(count.rows), Type::INT8),
                (&number(count.rows_here), Type::INT8),
                (&count.mismatches, Type::INT4),
                (&next.map(Phase::word), Type::TEXT),
                (&reached.run_id, Type::UUID),
                (&reached.phase.word(), Type::TEXT),
                (&reached.last_id, Type::INT8),
            ],
        )
        .await
        .doing("closing a window")?;
    if closed == 0 {
        return Err(lost(stream.name));
    }
    match next {
        Some(phase) => comparison::enter(transaction, stream, reached, phase).await,
        None => Ok(()),
    }
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Moves the watermarks of a run's streams, in the transaction that ends it.
///
/// # Errors
/// `db_fault` where the end of a stream is gone, although Postgres had confirmed it; and every other
/// `db_*`.
pub(crate) async fn settle(
    transaction: &Transaction<'_>,
    spec: &DataType,
    run_id: Uuid,
) -> Result<()> {
    let settled = transaction
        .execute_typed(
            "update odoo.sync_streams
             set watermark_first_seen_at =
                     case when watermark is not distinct from window_watermark
                          then coalesce(watermark_first_seen_at, window_seen_at)
                          else window_seen_at end,
                 watermark_last_seen_at = window_opened_at,
                 watermark = window_watermark,
                 read_fingerprint = window_fingerprint,
                 -- Rows that came while the counts differ are no measure for the delete guard.
                 rows_new = case when count_mismatches = 0 and delete_guard is null
                                 then 0 else rows_new end,
                 updated_at = now()
             where run_id = $1 and window_done",
            &[(&run_id, Type::UUID)],
        )
        .await
        .doing("moving the watermarks")?;
    if settled < spec.streams.len() as u64 {
        return Err(lost(spec.name));
    }
    Ok(())
}
