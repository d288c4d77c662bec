//! One stream of a run: resolve its spec, open its window or go on in the one that an
//! earlier holder opened, bring its pages in, and look at the count at the end.

use std::sync::Arc;

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::commit::{Commit, commit};
use super::fetch::{Fetch, Fetched, Listing, Page, fetch_page};
use super::id_pass;
use super::plan::Plan;
use super::request::Mode;
use super::window::Range;
use crate::config::Config;
use crate::error::Result;
use crate::metadata::lease::Lease;
use crate::metadata::streams::{self, Progress, SourceCount, Step, StreamState};
use crate::mirror::database::{Database, Doing};
use crate::mirror::findings::{self, Open};
use crate::mirror::rules;
use crate::odoo::{Domain, OdooClient};
use crate::specs::{DataType, Stream};

/// Runs in a row whose counts must differ before the ids are compared. A row made
/// between a run's listing and its count explains one difference, not two.
const MISMATCHES_BEFORE_ID_PASS: i32 = 2;

/// What a stream's run works with.
pub(crate) struct StreamRun<'a> {
    pub(crate) spec: &'static DataType,
    pub(crate) stream: &'static Stream,
    pub(crate) lease: &'a Lease,
    pub(crate) config: &'a Config,
    pub(crate) odoo: &'a OdooClient,
    pub(crate) database: &'a mut Database,
}

impl StreamRun<'_> {
    /// Reads the stream's window to its end. Returns whether the ids of the whole source
    /// are to be compared as well.
    ///
    /// # Errors
    /// Any kind; the window stays open for the next holder, or is dropped with the run.
    pub(crate) async fn run(&mut self) -> Result<bool> {
        let state = self.load().await?;
        let mismatches = match &state.progress {
            Some(progress) if progress.done => state.count_mismatches,
            _ => self.read_window(&state).await?,
        };
        let is_due = mismatches >= MISMATCHES_BEFORE_ID_PASS;
        Ok(is_due || self.lease.run.mode == Mode::Reconcile)
    }

    /// Compares the ids of the whole source with the mirror. Comes after all streams have
    /// been read: a guard that stops it must not keep the others from being read.
    ///
    /// # Errors
    /// Any kind, `delete_guard` among them.
    pub(crate) async fn compare_ids(&mut self) -> Result<()> {
        let plan = self.plan().await?;
        id_pass::run(self, &plan).await
    }

    /// Checks which rows refer to rows that are not mirrored. Comes after all streams of
    /// the data type have been read and compared.
    ///
    /// # Errors
    /// Any `db_*` kind.
    pub(crate) async fn check_references(&mut self) -> Result<()> {
        let (stream, context) = (self.stream, self.rules_context());
        self.lease
            .transaction(self.database, "checking references", async |transaction| {
                rules::check_references(transaction, context, stream).await
            })
            .await
    }

    /// Whose findings this run's are.
    pub(crate) fn rules_context(&self) -> rules::Context {
        rules::Context {
            data_type: self.spec.name,
            stream: self.stream.name,
            run_id: self.lease.run.id,
        }
    }

    /// Returns the runs in a row whose counts differed, this one included.
    async fn read_window(&mut self, state: &StreamState) -> Result<i32> {
        let plan = Arc::new(self.plan().await?);
        let fingerprints = self.fingerprints(&plan);
        let progress = self.progress(&plan, state, &fingerprints).await?;
        let mode = progress.mode;
        self.bring_in(&plan, progress).await?;
        if mode == Mode::Incremental {
            self.retry_rejects(&plan).await?;
        }
        let count = self.compare_count(state).await?;
        self.close(count).await?;
        Ok(count.mismatches)
    }

    async fn load(&mut self) -> Result<StreamState> {
        let (stream, run_id) = (self.stream, self.lease.run.id);
        self.lease
            .transaction(
                self.database,
                "reading a stream's state",
                async |transaction| streams::load(transaction, stream, run_id).await,
            )
            .await
    }

    async fn plan(&mut self) -> Result<Plan> {
        let fields = self
            .lease
            .hold(self.database, self.odoo.fields_get(self.stream.model))
            .await??;
        let extra = self.config.sync.extra_fields.get(self.stream.name);
        Plan::new(self.stream, extra.map_or(&[][..], Vec::as_slice), &fields)
    }

    async fn bring_in(&mut self, plan: &Arc<Plan>, progress: Progress) -> Result<()> {
        let mut fetch = Fetch::start(
            self.odoo.clone(),
            Listing {
                plan: Arc::clone(plan),
                range: progress.range,
                after_id: progress.last_id,
                page_size: self.config.sync.batch_size,
                in_flight: self.config.sync.fetch_concurrency,
            },
        );
        let is_all = progress.range == Range::Everything;
        let mut at = progress.last_id;
        let mut to_do = 0;
        loop {
            match self.lease.hold(self.database, fetch.next()).await?? {
                None => return Ok(()),
                Some(Fetched::ToDo(rows)) => to_do = rows,
                Some(Fetched::Page(page)) => {
                    to_do = to_do.saturating_sub(page.ids.len() as u64);
                    let step = Step::Window {
                        from_id: at,
                        to_id: page.ids.last().copied().unwrap_or(at),
                        rows: page.ids.len() as u64,
                        rows_to_do: to_do,
                    };
                    self.commit_page(plan, &page, step, is_all && at == 0)
                        .await?;
                    at = page.ids.last().copied().unwrap_or(at);
                }
            }
        }
    }

    async fn commit_page(
        &mut self,
        plan: &Plan,
        page: &Page,
        step: Step,
        is_first_of_all: bool,
    ) -> Result<()> {
        let page = Commit {
            data_type: self.spec.name,
            plan,
            page,
            step,
            is_first_of_all,
        };
        let counts = commit(self.database, self.lease, &page).await?;
        let to_do = match step {
            Step::Window { rows_to_do, .. } => rows_to_do,
            Step::Beside { .. } => 0,
        };
        tracing::info!(
            data_type = self.spec.name,
            run_id = %self.lease.run.id,
            stream = self.stream.name,
            rows = page.page.ids.len(),
            to_do,
            inserted = counts.inserted,
            updated = counts.updated,
            unchanged = counts.unchanged,
            skipped = counts.skipped,
            "page committed"
        );
        Ok(())
    }

    /// Tries the rejects whose pause is over once more: one page at most.
    async fn retry_rejects(&mut self, plan: &Plan) -> Result<()> {
        let found = self.rejects_still_there(Open::Due).await?;
        self.read_and_commit(plan, &found).await
    }

    /// Open rejects, a page of them at most, that Odoo still has; those that it has no
    /// longer are resolved.
    pub(crate) async fn rejects_still_there(&mut self, which: Open) -> Result<Vec<i64>> {
        let stream = self.stream;
        let limit = self.config.sync.batch_size;
        let open = self
            .lease
            .transaction(self.database, "reading findings", async |transaction| {
                findings::open(transaction, stream.name, which, limit).await
            })
            .await?;
        if open.is_empty() {
            return Ok(Vec::new());
        }
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
                .hold(self.database, fetch_page(self.odoo, plan, ids.to_vec()))
                .await??;
            let step = Step::Beside {
                page: Uuid::new_v4(),
            };
            self.commit_page(plan, &page, step, false).await?;
        }
        Ok(())
    }

    /// Counts the source and the live rows here. A difference in two runs running means
    /// that something was deleted, or was never seen.
    async fn compare_count(&mut self, state: &StreamState) -> Result<SourceCount> {
        let stream = self.stream;
        let rows = self
            .lease
            .hold(
                self.database,
                self.odoo.search_count(stream.model, &Domain::all()),
            )
            .await??;
        let doing = "counting the mirror";
        let here = self
            .lease
            .transaction(self.database, doing, async |transaction| {
                // An open reject is a row that the source has and the mirror cannot have.
                let row = transaction
                    .query_typed_one(
                        &format!(
                            "select (select count(*) from odoo.{} where deleted_at is null)
                                + (select count(*) from odoo.sync_findings finding
                                   where stream = $1 and severity = 'reject'
                                     and resolved_at is null
                                     and not exists (select from odoo.{} mirror
                                         where mirror.odoo_id = finding.odoo_id
                                           and mirror.deleted_at is null))",
                            stream.name, stream.name
                        ),
                        &[(&stream.name, Type::TEXT)],
                    )
                    .await
                    .doing(doing)?;
                row.try_get::<_, i64>(0).doing(doing)
            })
            .await?
            .unsigned_abs();
        let mismatches = if rows == here {
            0
        } else {
            state.count_mismatches.saturating_add(1)
        };
        Ok(SourceCount { rows, mismatches })
    }

    async fn close(&mut self, count: SourceCount) -> Result<()> {
        let stream = self.stream;
        self.lease
            .transaction(self.database, "closing a window", async |transaction| {
                streams::close(transaction, stream, count).await
            })
            .await
    }
}
