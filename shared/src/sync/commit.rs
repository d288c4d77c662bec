//! One transaction a page: lease, rows, findings, cursor, counts.

use futures_util::future::{try_join, try_join3};

use super::fetch::Page;
use super::plan::Plan;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::cursor::{self, Step};
use crate::metadata::lease::Lease;
use crate::metadata::runs::{self, Counts};
use crate::metadata::{comparison, deletions};
use crate::mirror::database::Database;
use crate::mirror::findings::{self, Reject};
use crate::mirror::rules;
use crate::mirror::upsert::{Refused, Written};

/// A page and where it stands in its window.
pub(crate) struct Commit<'a> {
    pub(crate) data_type: &'static str,
    pub(crate) plan: &'a Plan,
    pub(crate) page: &'a Page,
    pub(crate) step: Step,
    /// Whether this is the first page of all that the source has.
    pub(crate) is_first_of_all: bool,
    /// Rows that the source does not have, to be put down with the page.
    pub(crate) gone: &'a [i64],
}

/// Commits a page. Returns what became of its rows; nothing where an earlier attempt's
/// commit went through unheard.
///
/// # Errors
/// `busy` where the lease is lost, `db_schema` where Postgres refuses every row of the
/// first page, and every other `db_*`.
pub(crate) async fn commit(
    database: &mut Database,
    lease: &Lease,
    commit: &Commit<'_>,
) -> Result<Counts> {
    let stream = commit.plan.stream;
    let page = commit.page;
    let (upsert, rules) = (&commit.plan.upsert, &commit.plan.rules);
    let doing = format!("writing a page of {}", stream.name);
    lease
        .transaction(database, &doing, async |transaction| {
            let (is_new, room) = try_join(
                cursor::advance(
                    transaction,
                    commit.data_type,
                    stream,
                    lease.run.id,
                    commit.step,
                ),
                upsert.copy.room(transaction),
            )
            .await?;
            if !is_new {
                return Ok(Counts::default());
            }
            let outcome = upsert.write(transaction, &page.batch, room).await?;
            check_first_page(commit, &outcome.refused)?;
            let rejects = all_rejects(page, &outcome.refused);
            let accepted = accepted(page, &outcome.refused);
            let counts = counts(outcome.written, rejects.len());
            let new = outcome.written.inserted + outcome.written.revived;
            let run_id = lease.run.id;
            let glance = &rules.glance;
            let (finds_any, (), ()) = try_join3(
                glance.finds_any(transaction, stream.name, &accepted, outcome.rows),
                runs::add_counts(transaction, run_id, counts),
                comparison::add_new(transaction, stream, new),
            )
            .await?;
            if finds_any {
                let context = rules::Context {
                    data_type: commit.data_type,
                    stream: stream.name,
                    run_id,
                };
                findings::resolve(transaction, stream.name, "mended", &accepted).await?;
                rules.check(transaction, context, &accepted).await?;
            }
            findings::record(transaction, commit.data_type, stream.name, run_id, &rejects).await?;
            deletions::stage(transaction, run_id, stream, commit.gone).await?;
            Ok(counts)
        })
        .await
}

/// A first page of which Postgres takes no row says that the table is not the one that
/// the spec means. A single row, or the few that have changed, say only that they are bad
/// themselves.
fn check_first_page(commit: &Commit<'_>, refused: &[Refused]) -> Result<()> {
    let rows = commit.page.batch.len();
    if !commit.is_first_of_all || rows < 2 || refused.len() < rows {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::DbSchema,
        format!(
            "Postgres refuses every row of the first page of {}: {}",
            commit.plan.stream.name, refused[0].reason
        ),
    ))
}

fn all_rejects(page: &Page, refused: &[Refused]) -> Vec<Reject> {
    let refused = refused.iter().map(|row| Reject {
        odoo_id: row.odoo_id,
        reason: row.reason.clone(),
        payload: page.record(row.odoo_id),
    });
    page.rejects.iter().cloned().chain(refused).collect()
}

fn accepted(page: &Page, refused: &[Refused]) -> Vec<i64> {
    let is_refused = |id: &i64| refused.iter().any(|row| row.odoo_id == *id);
    page.batch
        .ids
        .iter()
        .copied()
        .filter(|id| !is_refused(id))
        .collect()
}

fn counts(written: Written, skipped: usize) -> Counts {
    Counts {
        inserted: written.inserted,
        updated: written.updated,
        unchanged: written.unchanged,
        deleted: 0,
        skipped: skipped as u64,
    }
}
