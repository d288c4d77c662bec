//! One stream of a run: bring its pages in, try its rejects once more, and look at the
//! count at the end.

use uuid::Uuid;

use super::commit::{Commit, commit};
use super::fetch::{Fetch, Fetched, Page, fetch_page};
use super::headway::Headway;
use super::opening::Opened;
use super::plan::Plan;
use super::reconcile;
use super::request::Mode;
use super::window::Range;
use crate::config::Config;
use crate::error::Result;
use crate::metadata::comparison;
use crate::metadata::cursor::{Place, Step};
use crate::metadata::lease::Lease;
use crate::metadata::streams::{self, Phase, SourceCount};
use crate::mirror::database::Database;
use crate::mirror::{findings, rules, upsert};
use crate::odoo::{Domain, OdooClient};
use crate::specs::{Check, DataType, Rule, Stream};

/// Runs in a row whose counts must differ before all is compared. A row made
/// between a run's listing and its count explains one difference, seldom two; then all
/// is compared in vain, which costs a listing and no more.
const MISMATCHES_BEFORE_COMPARISON: i32 = 2;

/// Rejects that are tried again in one transaction. Each that Postgres refuses once more is
/// looked for by statements of its own, one after the other, and a transaction's time is limited: cut
/// off, it would leave all of them to the next run as they were.
const REJECTS_AT_ONCE: usize = 100;

/// What a stream's run works with.
pub(crate) struct StreamRun<'a> {
    pub(crate) spec: &'static DataType,
    pub(crate) stream: &'static Stream,
    pub(crate) lease: &'a Lease,
    pub(crate) config: &'a Config,
    pub(crate) odoo: &'a OdooClient,
    pub(crate) database: &'a mut Database,
    pub(crate) headway: Headway,
}

impl StreamRun<'_> {
    /// Goes through a phase to its end and on to the next one.
    ///
    /// # Errors
    /// Any kind; the window stays open for the next holder, or is dropped with the run.
    pub(crate) async fn go_through(
        &mut self,
        phase: Phase,
        opened: &mut Opened,
        fetch: &mut Fetch,
    ) -> Result<()> {
        self.headway = Headway::after(opened.progress.rows_done);
        let next = match phase {
            Phase::Read => self.read(opened, fetch).await?,
            Phase::Compare => {
                reconcile::compare(self, opened).await?;
                Some(Phase::Delete)
            }
            Phase::Delete => {
                reconcile::delete(self, &opened.plan).await?;
                None
            }
        };
        opened.progress.go_on(next);
        Ok(())
    }

    /// Judges what this stream is to lose. Returns why it may not, if it may not.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn judge(&mut self) -> Result<Option<String>> {
        reconcile::judge(self).await
    }

    /// Brings in what is fetched of this stream, to the end of its window. Returns the phase
    /// that comes then, if any.
    async fn read(&mut self, opened: &Opened, fetch: &mut Fetch) -> Result<Option<Phase>> {
        let mut read_any = opened.progress.last_id > 0;
        let (source_rows, last_id) = self.bring_in(opened, fetch, &mut read_any).await?;
        if opened.progress.mode == Mode::Incremental && opened.has_rejects {
            read_any |= self.retry_rejects(&opened.plan).await?;
        }
        if read_any {
            self.check_unique().await?;
        }
        self.close(source_rows, last_id, opened).await
    }

    /// Whose findings this run's are.
    pub(crate) fn rules_context(&self) -> rules::Context {
        rules::Context {
            data_type: self.spec.name,
            stream: self.stream.name,
            run_id: self.lease.run.id,
        }
    }

    /// Commits the stream's pages. Returns how many rows the source has, and the last id.
    async fn bring_in(
        &mut self,
        opened: &Opened,
        fetch: &mut Fetch,
        read_any: &mut bool,
    ) -> Result<(u64, i64)> {
        let is_all = opened.progress.range == Range::Everything;
        let mut at = opened.progress.last_id;
        let mut to_do = 0;
        loop {
            match self.lease.hold(self.database, fetch.next()).await?? {
                Fetched::End(rows) => return Ok((rows, at)),
                Fetched::ToDo(rows) => to_do = rows,
                Fetched::Page(page) => {
                    to_do = to_do.saturating_sub(page.ids.len() as u64);
                    let step = Step::Window {
                        phase: Phase::Read,
                        from_id: at,
                        to_id: page.ids.last().copied().unwrap_or(at),
                        rows: page.ids.len() as u64,
                        rows_to_do: to_do,
                        rows_here: 0,
                    };
                    self.commit_page(&opened.plan, &page, step, is_all && at == 0, &[])
                        .await?;
                    at = page.ids.last().copied().unwrap_or(at);
                    *read_any = true;
                }
            }
        }
    }

    /// Looks for values that no two rows of the stream may share.
    ///
    /// # Errors
    /// Any `db_*` kind.
    pub(crate) async fn check_unique(&mut self) -> Result<()> {
        let (stream, context) = (self.stream, self.rules_context());
        let has_any = |rule: &Rule| matches!(rule.check, Check::Unique { .. });
        if !stream.rules.iter().any(has_any) {
            return Ok(());
        }
        let doing = "looking for values that two rows share";
        let checked = self
            .lease
            .transaction(self.database, doing, async |transaction| {
                rules::check_unique(transaction, context, stream).await
            })
            .await;
        rules::or_warn(checked, ())
    }

    /// Commits a page, and puts down the rows before its end that the source does not have.
    pub(crate) async fn commit_page(
        &mut self,
        plan: &Plan,
        page: &Page,
        step: Step,
        is_first_of_all: bool,
        gone: &[i64],
    ) -> Result<()> {
        let page = Commit {
            data_type: self.spec.name,
            plan,
            page,
            step,
            is_first_of_all,
            gone,
        };
        let counts = commit(self.database, self.lease, &page).await?;
        let rows = page.page.ids.len();
        let reached = self.headway.step(step, rows);
        tracing::info!(
            rows,
            to_do = reached.to_do,
            progress = reached.progress,
            rate = reached.rate,
            inserted = counts.inserted,
            updated = counts.updated,
            unchanged = counts.unchanged,
            skipped = counts.skipped,
            "page committed"
        );
        Ok(())
    }

    /// Tries the rejects whose pause is over once more: one page at most.
    /// Returns whether there were any.
    async fn retry_rejects(&mut self, plan: &Plan) -> Result<bool> {
        let (stream, limit) = (self.stream, self.config.sync.batch_size);
        let due = self
            .lease
            .transaction(self.database, "reading findings", async |transaction| {
                findings::due(transaction, stream.name, limit).await
            })
            .await?;
        let found = self.rejects_still_there(due).await?;
        for some in found.chunks(REJECTS_AT_ONCE) {
            self.read_and_commit(plan, some).await?;
        }
        Ok(!found.is_empty())
    }

    /// Resolves all open rejects that Odoo has no longer, however many there are.
    ///
    /// # Errors
    /// Any `odoo_*` or `db_*`.
    pub(crate) async fn resolve_rejects_that_are_gone(&mut self) -> Result<()> {
        let (stream, limit) = (self.stream, self.config.sync.batch_size);
        let mut after = i64::MIN;
        loop {
            let open = self
                .lease
                .transaction(self.database, "reading findings", async |transaction| {
                    findings::open_after(transaction, stream.name, after, limit).await
                })
                .await?;
            let Some(last) = open.last() else {
                return Ok(());
            };
            after = *last;
            self.rejects_still_there(open).await?;
        }
    }

    /// Which of these open rejects Odoo still has; those that it has no longer are resolved.
    async fn rejects_still_there(&mut self, open: Vec<i64>) -> Result<Vec<i64>> {
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let stream = self.stream;
        let domain = Domain::ids_in(&open);
        let found = self
            .lease
            .hold(self.database, self.odoo.search(stream.model, &domain, None))
            .await??;
        let gone: Vec<i64> = open
            .into_iter()
            .filter(|id| found.binary_search(id).is_err())
            .collect();
        self.lease
            .transaction(self.database, "resolving findings", async |transaction| {
                findings::resolve(transaction, stream.name, "gone", &gone).await
            })
            .await?;
        Ok(found)
    }

    /// Reads rows outside the window's order and commits them, the cursor unmoved.
    pub(crate) async fn read_and_commit(&mut self, plan: &Plan, ids: &[i64]) -> Result<()> {
        for ids in ids.chunks(self.config.sync.batch_size) {
            let page = self
                .lease
                .hold(
                    self.database,
                    fetch_page(self.odoo, plan, ids.to_vec(), None),
                )
                .await??;
            let step = Step::Beside {
                page: Uuid::new_v4(),
            };
            self.commit_page(plan, &page, step, false, &[]).await?;
        }
        Ok(())
    }

    /// Where the run knows the cursor of the stream to be.
    pub(crate) fn place(&self, phase: Phase, last_id: i64) -> Place {
        Place {
            run_id: self.lease.run.id,
            phase,
            last_id,
        }
    }

    /// Marks the window as read to its end, which is `last_id`. Compares the count of the source with the live
    /// rows here: a difference in two runs running means that something was deleted, or
    /// was never seen. Then all is compared, as a reconcile does in any case; but not again and
    /// again where the delete guard has said what it has to say.
    async fn close(
        &mut self,
        source_rows: u64,
        last_id: i64,
        opened: &Opened,
    ) -> Result<Option<Phase>> {
        let (stream, data_type) = (self.stream, self.spec.name);
        let reached = self.place(Phase::Read, last_id);
        let is_reconcile = opened.progress.mode == Mode::Reconcile;
        let is_confirmed = self.lease.run.confirm_deletes;
        self.lease
            .transaction(self.database, "closing a window", async |transaction| {
                let known = upsert::count_known(transaction, stream.name).await?;
                let mismatches = if source_rows == known.live + known.rejects {
                    comparison::guarded(transaction, stream, None).await?;
                    0
                } else {
                    opened.count_mismatches.saturating_add(1)
                };
                let is_due = if comparison::is_guarded(transaction, data_type).await? {
                    is_confirmed
                } else {
                    mismatches >= MISMATCHES_BEFORE_COMPARISON
                };
                let next = (is_reconcile || is_due).then_some(Phase::Compare);
                let count = SourceCount {
                    rows: source_rows,
                    rows_here: known.live,
                    mismatches,
                };
                streams::close(transaction, stream, reached, count, next).await?;
                Ok(next)
            })
            .await
    }
}
