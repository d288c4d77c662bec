//! Makes the mirror true to the whole source: compares ids and change times, reads what is
//! missing or differs, and deletes what Odoo no longer has.
//!
//! Source and mirror are gone through side by side in id order, a bounded part at a time. The
//! cursor is on record, so that a comparison of any length is a chain of slices; rows that
//! are equal are neither read nor written. What is not found in Odoo is only put down, and
//! judged as a whole once all has been compared ([`deletion`]).

mod deletion;
mod difference;
mod listing;
mod source;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio_util::task::AbortOnDropHandle;

use super::fetch::{Page, joined};
use super::opening::Opened;
use super::plan::Plan;
use super::stream::StreamRun;
use super::window::Range;
use crate::error::Result;
use crate::metadata::cursor::{self, Step};
use crate::metadata::streams::Phase;
use crate::metadata::{comparison, deletions};
use crate::odoo::Domain;
pub(crate) use deletion::{delete, judge};
use difference::Part;
use listing::{Listing, Portion};

/// Compares the whole source with the mirror, from where an earlier slice has left off.
///
/// # Errors
/// Any kind but `delete_guard`; what has been compared is on record.
pub(crate) async fn compare(run: &mut StreamRun<'_>, opened: &Opened) -> Result<()> {
    let mut comparison = Comparison::begin(run, opened);
    while let Some(portion) = comparison.next().await? {
        comparison.bring_in(portion).await?;
    }
    let is_changed = comparison.has_read || opened.progress.last_id > 0;
    let last_id = comparison.at;
    if is_changed {
        run.check_unique().await?;
    }
    let (stream, reached) = (run.stream, run.place(Phase::Compare, last_id));
    run.lease
        .transaction(run.database, "ending a comparison", async |transaction| {
            comparison::enter(transaction, stream, reached, Phase::Delete).await
        })
        .await
}

/// A comparison under way.
struct Comparison<'a, 'r> {
    run: &'a mut StreamRun<'r>,
    plan: Arc<Plan>,
    listing: Listing,
    /// How many rows the source has beyond the cursor; asked beside the first of them.
    count: Option<AbortOnDropHandle<Result<u64>>>,
    /// The cursor.
    at: i64,
    to_do: u64,
    has_read: bool,
}

impl<'a, 'r> Comparison<'a, 'r> {
    fn begin(run: &'a mut StreamRun<'r>, opened: &Opened) -> Self {
        let at = opened.progress.last_id;
        let read_from = match opened.progress.range {
            Range::Compared(read_from) => read_from,
            Range::Everything | Range::Changed(..) | Range::Nothing => None,
        };
        let plan = Arc::clone(&opened.plan);
        let listing = Listing::new(run.odoo.clone(), &plan, &run.config.sync, at, read_from);
        let domain = Domain::all().id_after(at);
        let count = listing
            .reader()
            .ask(async move |odoo| odoo.search_count(plan.stream.model, &domain).await);
        Self {
            plan: Arc::clone(&opened.plan),
            run,
            listing,
            count: Some(count),
            at,
            to_do: 0,
            has_read: false,
        }
    }

    /// The next part of source and mirror.
    async fn next(&mut self) -> Result<Option<Portion>> {
        let portion = self.listing.next(self.run).await?;
        if let Some(count) = self.count.take() {
            let counted = self.run.lease.hold(self.run.database, count).await?;
            self.to_do = joined(counted)?;
        }
        Ok(portion)
    }

    /// Reads what is missing or differs, and moves the cursor over the portion.
    async fn bring_in(&mut self, portion: Portion) -> Result<()> {
        let parts = difference::parts(&portion, self.run.config.sync.batch_size);
        let pages: Vec<Vec<i64>> = parts.iter().map(|part| part.to_read.clone()).collect();
        let listing = self.listing.reader();
        let related = portion.related.map(Arc::new);
        // Each in a task of its own: Odoo goes on while a page is committed.
        let pages = stream::iter(pages.into_iter().filter(|ids| !ids.is_empty()))
            .map(|ids| listing.read(ids, related.clone()))
            .buffered(self.run.config.sync.fetch_concurrency);
        let mut pages = std::pin::pin!(pages);
        for part in parts {
            if part.to_read.is_empty() {
                self.pass_over(&part).await?;
            } else if let Some(page) = self.run.lease.hold(self.run.database, pages.next()).await? {
                self.commit(&part, joined(page)?).await?;
            }
        }
        Ok(())
    }

    async fn commit(&mut self, part: &Part, page: Page) -> Result<()> {
        let step = self.step(part);
        self.run
            .commit_page(&self.plan, &page, step, false, &part.gone)
            .await?;
        self.has_read = true;
        Ok(())
    }

    /// Moves the cursor over rows of which none is to be read.
    async fn pass_over(&mut self, part: &Part) -> Result<()> {
        if part.to_id == self.at {
            return Ok(());
        }
        let step = self.step(part);
        let (data_type, stream) = (self.run.spec.name, self.run.stream);
        let run_id = self.run.lease.run.id;
        let reached = self.run.headway.step(step, 0);
        self.run
            .lease
            .transaction(self.run.database, "comparing rows", async |transaction| {
                if cursor::advance(transaction, data_type, stream, run_id, step).await? {
                    deletions::stage(transaction, run_id, stream, &part.gone).await?;
                }
                Ok(())
            })
            .await?;
        tracing::info!(
            rows = part.rows,
            to_do = reached.to_do,
            progress = reached.progress,
            rate = reached.rate,
            gone = part.gone.len(),
            "rows compared"
        );
        Ok(())
    }

    fn step(&mut self, part: &Part) -> Step {
        self.to_do = self.to_do.saturating_sub(part.rows);
        let step = Step::Window {
            phase: Phase::Compare,
            from_id: self.at,
            to_id: part.to_id,
            rows: part.rows,
            rows_to_do: self.to_do,
            rows_here: part.rows_here,
        };
        self.at = part.to_id;
        step
    }
}
