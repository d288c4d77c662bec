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

use crate::config::SyncConfig;
use crate::error::Result;
use crate::mirror::batch::Cell;
use crate::mirror::times::{self, Known};
use crate::odoo::{Domain, OdooClient, RawRecords};
use crate::specs::Kind;
use crate::sync::cell;
use crate::sync::fetch::{Page, fetch_page, joined, read_visible};
use crate::sync::page::newest_related;
use crate::sync::plan::{CHANGED, Plan, PlannedRelation};
use crate::sync::record::{self, Record};
use crate::sync::related::{self, RelatedTimes};
use crate::sync::stream::StreamRun;

/// Rows of the mirror in a portion. The answer about as many rows of Odoo's is 2 MB at most.
const MOST_ROWS: usize = 20_000;
/// Rows in all portions that are waited for: they bound the memory of a run.
const MOST_ROWS_AHEAD: usize = 60_000;
/// Pages in a portion, where they are small.
const PAGES: usize = 20;

/// A row of the source by its change times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: i64,
    pub(super) changed: Option<Timestamp>,
    /// The newest of its related records.
    pub(super) related: Option<Timestamp>,
    /// Equal times do not tell that it is as it was.
    pub(super) must_be_read: bool,
}

/// All that source and mirror have between two ids.
pub(super) struct Portion {
    /// The id before it.
    pub(super) after: i64,
    pub(super) source: Vec<Seen>,
    pub(super) mirror: Vec<Known>,
    /// Change times of the related records of the source's rows.
    pub(super) related: RelatedTimes,
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

/// What Odoo has of a portion: its beginning, where there is more than was asked for.
struct Source {
    rows: Vec<Seen>,
    related: RelatedTimes,
    /// The last id asked about, where there may be more behind it.
    cut_at: Option<i64>,
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
        Ok(Some(Portion {
            after: first.after,
            source: source.rows,
            mirror: first.mirror,
            related: source.related,
        }))
    }

    /// Reads the mirror's side of one more portion and asks for the source's.
    async fn look_ahead(&mut self, run: &mut StreamRun<'_>) -> Result<()> {
        let (after, limit, table) = (self.after, self.rows_at_once, run.stream.name);
        let doing = "reading the mirror's change times";
        let mirror = run
            .lease
            .transaction(run.database, doing, async |transaction| {
                times::after(transaction, table, after, limit).await
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
        let source = self
            .reader
            .ask(async move |odoo| list(&odoo, &plan, &domain, limit, read_from).await);
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

    /// Reads rows whose related records' times are known.
    pub(super) fn read(
        &self,
        ids: Vec<i64>,
        related: Arc<RelatedTimes>,
    ) -> AbortOnDropHandle<Result<Page>> {
        let plan = Arc::clone(&self.plan);
        self.ask(move |odoo| async move { fetch_page(&odoo, &plan, ids, Some(&related)).await })
    }
}

async fn list(
    odoo: &OdooClient,
    plan: &Plan,
    domain: &Domain,
    limit: usize,
    read_from: Option<Timestamp>,
) -> Result<Source> {
    let mut fields = vec![CHANGED.to_owned()];
    fields.extend(plan.relations.iter().map(|it| it.field.to_owned()));
    let relations = relations(plan);
    let (answer, searched) = records(odoo, plan, domain, &fields, limit).await?;
    let records = record::parse(answer.json(), &fields)?;
    // What is deleted between search and read is missing in the answer, which is no end.
    let asked = searched.unwrap_or_else(|| records.iter().map(|record| record.id).collect());
    let cut_at = asked.last().copied().filter(|_| asked.len() >= limit);
    let related = related::times_of(odoo, &relations, &records).await?;
    let rows = records
        .iter()
        .map(|record| {
            seen(
                record,
                newest_related(&relations, record, &related),
                read_from,
            )
        })
        .collect();
    Ok(Source {
        rows,
        cut_at,
        related,
    })
}

/// The plan's relations, where they stand in what is listed: behind the record's own time.
fn relations(plan: &Plan) -> Vec<PlannedRelation> {
    let relations = plan.relations.iter().zip(1..);
    relations
        .map(|(relation, slot)| PlannedRelation {
            slot,
            ..relation.clone()
        })
        .collect()
}

/// Where Odoo would add the name of each related record, which costs it more than all the
/// rest, it is asked twice instead: then the ids that were searched come as well.
async fn records(
    odoo: &OdooClient,
    plan: &Plan,
    domain: &Domain,
    fields: &[String],
    limit: usize,
) -> Result<(RawRecords, Option<Vec<i64>>)> {
    let model = plan.stream.model;
    let is_named = plan.relations.iter().any(|relation| !relation.is_many);
    if is_named && !odoo.search_read_is_bare().await? {
        let ids = odoo.search(model, domain, Some(limit)).await?;
        let answer = read_visible(odoo, model, &ids, fields).await?;
        return Ok((answer, Some(ids)));
    }
    let answer = odoo.search_read(model, domain, fields, Some(limit)).await?;
    Ok((answer, None))
}

fn seen(record: &Record<'_>, related: Option<Timestamp>, read_from: Option<Timestamp>) -> Seen {
    let changed = record.fields[0].map(|json| cell::parse(Kind::Timestamp, json));
    let (changed, is_odd) = match changed {
        Some(Ok(Cell::Timestamp(changed))) => (Some(changed), false),
        Some(Ok(_)) => (None, false),
        // Reading it makes a finding of it.
        Some(Err(_)) | None => (None, true),
    };
    let newest = changed.max(related);
    let is_recent = read_from.is_some_and(|from| newest.is_some_and(|newest| newest >= from));
    Seen {
        id: record.id,
        changed,
        related,
        must_be_read: is_odd || is_recent,
    }
}
