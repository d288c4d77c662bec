//! Source and mirror side by side, portion by portion in id order, the source a few portions
//! ahead.
//!
//! The mirror leads: where it is nearly equal to the source, which it is but for accidents,
//! its ids say how to divide the source, so that several portions can be asked for at once.
//! Where the source has much more, a portion is cut and its rest asked for anew.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::source::{self, Question, Seen, Source};
use crate::config::SyncConfig;
use crate::error::Result;
use crate::mirror::times::{self, Known};
use crate::odoo::{Domain, OdooClient};
use crate::sync::fetch::{Page, fetch_page, joined};
use crate::sync::plan::Plan;
use crate::sync::related::RelatedTimes;
use crate::sync::stream::StreamRun;

/// Rows of the mirror in a portion. The answer about as many rows of Odoo's is 2 MB at most.
const MOST_ROWS: usize = 20_000;
/// Rows in all portions that are waited for: they bound the memory of a run.
const MOST_ROWS_AHEAD: usize = 60_000;
/// Pages in a portion, where they are small.
const PAGES: usize = 20;

/// All that source and mirror have between two ids.
pub(super) struct Portion {
    /// The id before it.
    pub(super) after: i64,
    pub(super) source: Vec<Seen>,
    pub(super) mirror: Vec<Known>,
    /// Change times of the related records of the source's rows; `None` where those of a row are to
    /// be asked for when it is read.
    pub(super) related: Option<RelatedTimes>,
}

/// Asks Odoo, a bounded number of requests at a time, each in a task of its own.
#[derive(Clone)]
pub(super) struct Reader {
    odoo: OdooClient,
    plan: Arc<Plan>,
    permits: Arc<Semaphore>,
}

/// The portions to come.
pub(super) struct Listing {
    reader: Reader,
    rows_at_once: usize,
    /// How many portions may be waited for.
    ahead: usize,
    /// Rows that changed from then on are to be read.
    read_from: Option<Timestamp>,
    waiting: VecDeque<Waiting>,
    /// The mirror has been gone through up to this id.
    after: i64,
    is_at_end: bool,
}

/// A portion whose source is on its way.
struct Waiting {
    after: i64,
    /// Its last id; `None` for the last portion.
    upto: Option<i64>,
    mirror: Vec<Known>,
    source: AbortOnDropHandle<Result<Source>>,
}

impl Listing {
    /// Of all rows with ids above `after`.
    pub(super) fn new(
        odoo: OdooClient,
        plan: &Arc<Plan>,
        config: &SyncConfig,
        after: i64,
        read_from: Option<Timestamp>,
    ) -> Self {
        // One more than can be asked for: the next one waits for nothing.
        let ahead = config.fetch_concurrency + 1;
        let most_rows = MOST_ROWS.min(MOST_ROWS_AHEAD / ahead);
        Self {
            reader: Reader {
                odoo,
                plan: Arc::clone(plan),
                permits: Arc::new(Semaphore::new(config.fetch_concurrency)),
            },
            rows_at_once: config.batch_size.saturating_mul(PAGES).min(most_rows),
            ahead,
            read_from,
            waiting: VecDeque::new(),
            after,
            is_at_end: false,
        }
    }

    /// What else is to be asked beside the portions.
    pub(super) fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The next portion; `None` after the last one.
    ///
    /// # Errors
    /// Any `odoo_*` or `db_*`.
    pub(super) async fn next(&mut self, run: &mut StreamRun<'_>) -> Result<Option<Portion>> {
        while !self.is_at_end && self.waiting.len() < self.ahead {
            self.look_ahead(run).await?;
        }
        let Some(mut first) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let source = run.lease.hold(run.database, &mut first.source).await?;
        let source = joined(source)?;
        if let Some(last) = source.cut_at {
            let rest = first
                .mirror
                .split_off(first.mirror.partition_point(|known| known.id <= last));
            let rest = self.ask(last, first.upto, rest);
            self.waiting.push_front(rest);
        }
        let (source, related) = source.beside(&first.mirror, self.read_from);
        Ok(Some(Portion {
            after: first.after,
            source,
            mirror: first.mirror,
            related,
        }))
    }

    /// Reads the mirror's side of one more portion and asks for the source's.
    async fn look_ahead(&mut self, run: &mut StreamRun<'_>) -> Result<()> {
        let (after, limit, table) = (self.after, self.rows_at_once, run.stream.name);
        let doing = "reading the mirror's change times";
        let leads = source::column(&self.reader.plan);
        let mirror = run
            .lease
            .transaction(run.database, doing, async |transaction| {
                times::after(transaction, table, leads, after, limit).await
            })
            .await?;
        let upto = mirror.last().filter(|_| mirror.len() == limit);
        let upto = upto.map(|known| known.id);
        self.is_at_end = upto.is_none();
        self.after = upto.unwrap_or(after);
        let portion = self.ask(after, upto, mirror);
        self.waiting.push_back(portion);
        Ok(())
    }

    fn ask(&self, after: i64, upto: Option<i64>, mirror: Vec<Known>) -> Waiting {
        let domain = Domain::all().id_after(after);
        let domain = upto.map_or(domain.clone(), |upto| domain.id_upto(upto));
        let (plan, read_from) = (Arc::clone(&self.reader.plan), self.read_from);
        // Room for what is new, so that a portion is not cut for a few rows.
        let limit = self.rows_at_once.saturating_mul(2);
        // One that is marked as deleted is read anyway, should Odoo have it.
        let live = mirror.iter().filter(|known| known.is_live);
        let leads: Vec<i64> = live.filter_map(|known| known.leads_to).collect();
        let source = self.reader.ask(async move |odoo| {
            let question = Question {
                plan: &plan,
                domain: &domain,
                limit,
                read_from,
            };
            question.ask(&odoo, leads).await
        });
        Waiting {
            after,
            upto,
            mirror,
            source,
        }
    }
}

impl Reader {
    /// Asks once there is a permit.
    pub(super) fn ask<T: Send + 'static, Asking>(
        &self,
        question: impl FnOnce(OdooClient) -> Asking + Send + 'static,
    ) -> AbortOnDropHandle<Result<T>>
    where
        Asking: Future<Output = Result<T>> + Send,
    {
        let (odoo, permits) = (self.odoo.clone(), Arc::clone(&self.permits));
        let asking = async move {
            let _permit = permits
                .acquire()
                .await
                .expect("nobody closes the semaphore");
            question(odoo).await
        };
        AbortOnDropHandle::new(tokio::spawn(asking.in_current_span()))
    }

    /// Reads rows; `related` as [`Portion::related`].
    pub(super) fn read(
        &self,
        ids: Vec<i64>,
        related: Option<Arc<RelatedTimes>>,
    ) -> AbortOnDropHandle<Result<Page>> {
        let plan = Arc::clone(&self.plan);
        self.ask(move |odoo| async move { fetch_page(&odoo, &plan, ids, related.as_deref()).await })
    }
}
