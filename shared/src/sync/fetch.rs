//! Pages of rows, read in a task of its own, so that Odoo is kept busy while a page is
//! committed. How the pages follow each other is the business of [`pipeline`].

mod lister;
mod pipeline;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::page;
use super::plan::Plan;
use super::record;
use super::related::{self, RelatedTimes};
use super::window::Range;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::batch::Batch;
use crate::mirror::findings::Reject;
use crate::odoo::{Domain, OdooClient, RawRecords};

/// Ids listed at once. 100,000 of them are one answer of about 700 KB, which Odoo gives
/// in a third of a second; a million at once would be a tenth of the memory we may use.
pub(crate) const IDS_AT_ONCE: usize = 100_000;

/// Records taken apart at once, in about a fifth of a millisecond. In between whoever talks to
/// Postgres has the thread: a transaction is a talk of short questions, and one that waits for
/// the end of a page leaves Postgres idle meanwhile.
const RECORDS_AT_ONCE: usize = 100;

/// Pages that are committed at once, where so many wait for it: a transaction's short questions take about a
/// quarter of a page's time, whatever it brings in. Where Odoo is slower than Postgres, pages wait that
/// it answers at about the same time.
const PAGES_AT_ONCE: usize = 3;
/// Rows that are committed at once, unless one page has more: as many as the largest page may have, which a
/// transaction has the time for.
const ROWS_AT_ONCE: usize = 10_000;

/// Why a permit is always to be had.
pub(crate) const NEVER_CLOSED: &str = "nobody closes the semaphore";

/// What a run reads of one stream.
#[derive(Clone)]
pub(crate) struct Listing {
    pub(crate) plan: Arc<Plan>,
    pub(crate) range: Range,
    /// Ids up to this one are in the mirror already.
    pub(crate) after_id: i64,
}

/// How much is read at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Rows a page.
    pub(crate) page_size: usize,
    /// Requests under way at once.
    pub(crate) in_flight: usize,
}

/// A page, or some that follow each other, ready to be committed.
pub(crate) struct Page {
    /// The ids listed; those deleted meanwhile are in neither batch nor rejects.
    pub(crate) ids: Vec<i64>,
    pub(crate) batch: Batch,
    pub(crate) rejects: Vec<Reject>,
    answers: Vec<RawRecords>,
}

impl Page {
    /// The record of a row as Odoo sent it, for a finding. Looked up only for a row that
    /// Postgres refuses, so that the others need no copy of theirs.
    pub(crate) fn record(&self, odoo_id: i64) -> String {
        self.answers
            .iter()
            .flat_map(|answer| record::parse(answer.json(), &[]).unwrap_or_default())
            .find(|record| record.id == odoo_id)
            .map(|record| record.json.to_owned())
            .unwrap_or_default()
    }

    /// Puts the page that follows after this one.
    fn append(&mut self, page: Self) {
        self.ids.extend(page.ids);
        self.batch.append(&page.batch);
        self.rejects.extend(page.rejects);
        self.answers.extend(page.answers);
    }
}

/// What comes out of the fetching task, stream after stream.
pub(crate) enum Fetched {
    /// Ids of the stream that remain to be read, known once they are listed to the end.
    ToDo(u64),
    /// The stream's next page, or some of them.
    Page(Page),
    /// The stream's pages are all out; so many rows the source has.
    End(u64),
}

/// The receiving end of the fetching task; the task ends with it.
pub(crate) struct Fetch {
    pages: mpsc::Receiver<Fetched>,
    /// What came behind the pages that were handed out last.
    behind: Option<Fetched>,
    task: AbortOnDropHandle<Result<()>>,
}

impl Fetch {
    /// Starts to fetch these streams, one after the other. Only the first ids are asked for before
    /// `may_read` says so.
    pub(crate) fn start(
        odoo: OdooClient,
        listings: Vec<Listing>,
        limits: Limits,
        may_read: oneshot::Receiver<()>,
    ) -> Self {
        Self::spawn(|sender| async move {
            pipeline::run(&odoo, listings, limits, may_read, &sender).await
        })
    }

    fn spawn<Work>(work: impl FnOnce(mpsc::Sender<Fetched>) -> Work) -> Self
    where
        Work: Future<Output = Result<()>> + Send + 'static,
    {
        // So many finished pages may wait: with those in flight and those being committed
        // that bounds the memory of a run, whatever its size.
        let (sender, pages) = mpsc::channel(PAGES_AT_ONCE);
        Self {
            pages,
            behind: None,
            task: AbortOnDropHandle::new(tokio::spawn(work(sender).in_current_span())),
        }
    }

    /// What comes next, all pages that wait already as one. Each stream ends with
    /// [`Fetched::End`]; who asks on after the last one is wrong.
    ///
    /// # Errors
    /// What ended the fetching before its end. Silence alone is never taken for the end:
    /// the watermark would move past rows that nobody has read.
    pub(crate) async fn next(&mut self) -> Result<Fetched> {
        let next = match self.behind.take() {
            Some(behind) => Some(behind),
            None => self.pages.recv().await,
        };
        match next {
            Some(Fetched::Page(page)) => Ok(Fetched::Page(self.with_those_that_wait(page))),
            Some(fetched) => Ok(fetched),
            None => {
                joined((&mut self.task).await)?;
                Err(Error::new(
                    ErrorKind::Internal,
                    "reading from Odoo ended before a stream's end",
                ))
            }
        }
    }

    fn with_those_that_wait(&mut self, mut page: Page) -> Page {
        for _ in 1..PAGES_AT_ONCE {
            match self.pages.try_recv() {
                Ok(Fetched::Page(next)) if page.ids.len() + next.ids.len() <= ROWS_AT_ONCE => {
                    page.append(next);
                }
                // A page too many, or the end of a stream's pages, say, or of all: for whoever asks next.
                Ok(other) => {
                    self.behind = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        page
    }
}

/// The outcome of a task; one that panicked is a bug, and never a success.
pub(crate) fn joined<T>(outcome: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    outcome.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "asking Odoo broke off").with_source(error))
    })
}

/// Reads the rows of some ids, with their related records' change times: `known`, or else such
/// as are read here, before the rows.
pub(crate) async fn fetch_page(
    odoo: &OdooClient,
    plan: &Plan,
    ids: Vec<i64>,
    known: Option<&RelatedTimes>,
) -> Result<Page> {
    let read;
    let related = match known {
        Some(known) => known,
        None => {
            read = related::times_leading_to(odoo, &plan.relations, &ids).await?;
            &read
        }
    };
    let answer = read_visible(odoo, plan.stream.model, &ids, &plan.fields).await?;
    yield_now().await;
    let records = record::parse(answer.json(), &plan.fields)?;
    let mut page = page::Builder::new(plan, &ids, related);
    for records in records.chunks(RECORDS_AT_ONCE) {
        yield_now().await;
        page.add(records);
    }
    let (batch, rejects) = page.finish();
    drop(records);
    Ok(Page {
        ids,
        batch,
        rejects,
        answers: vec![answer],
    })
}

/// Reads what the user may see of some ids. Odoo refuses a whole read for one id that a
/// record rule hides, and `search` leaves such an id out; so a refused page is searched
/// once and what remains is read.
pub(crate) async fn read_visible(
    odoo: &OdooClient,
    model: &str,
    ids: &[i64],
    fields: &[String],
) -> Result<RawRecords> {
    match odoo.read(model, ids, fields).await {
        Err(error) if error.kind() == ErrorKind::OdooAccess => {
            let visible = odoo.search(model, &Domain::ids_in(ids), None).await?;
            odoo.read(model, &visible, fields).await
        }
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(id: i64) -> Fetched {
        page_of(vec![id], id)
    }

    /// A page that is about these ids, of which one row came.
    fn page_of(ids: Vec<i64>, id: i64) -> Fetched {
        Fetched::Page(Page {
            ids,
            batch: Batch {
                ids: vec![id],
                columns: Vec::new(),
            },
            rejects: Vec::new(),
            answers: Vec::new(),
        })
    }

    async fn told(fetch: &mut Fetch) -> String {
        match fetch.next().await {
            Ok(Fetched::ToDo(rows)) => format!("{rows} to do"),
            Ok(Fetched::Page(page)) => format!("{:?} of {:?}", page.batch.ids, page.ids),
            Ok(Fetched::End(rows)) => format!("end, {rows}"),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn pages_that_wait_are_one_up_to_a_limit_and_none_passes_the_end_of_its_stream() {
        let mut fetch = Fetch::spawn(|sender| async move {
            let what = [1, 2, 3, 4, 5].map(page);
            let then = [Fetched::End(5), page(1), Fetched::End(1)];
            for fetched in what.into_iter().chain(then) {
                let _ = sender.send(fetched).await;
            }
            Ok(())
        });
        let mut all = Vec::new();
        for _ in 0..5 {
            // Whoever fetches is ahead, as far as there is room.
            yield_now().await;
            all.push(told(&mut fetch).await);
        }
        let expected = [
            "[1, 2, 3] of [1, 2, 3]",
            "[4, 5] of [4, 5]",
            "end, 5",
            "[1] of [1]",
            "end, 1",
        ];
        assert_eq!(all, expected);
    }

    #[tokio::test]
    async fn large_pages_that_wait_are_no_transaction_larger_than_the_largest_page() {
        let mut fetch = Fetch::spawn(|sender| async move {
            for (rows, id) in [(4_000, 1), (6_000, 2), (1, 3), (10_000, 4)] {
                let _ = sender.send(page_of(vec![0; rows], id)).await;
            }
            Ok(())
        });
        let mut all = Vec::new();
        for _ in 0..3 {
            yield_now().await;
            let Ok(Fetched::Page(page)) = fetch.next().await else {
                panic!("no page");
            };
            all.push((page.batch.ids, page.ids.len()));
        }
        let expected = [(vec![1, 2], 10_000), (vec![3], 1), (vec![4], 10_000)];
        assert_eq!(all, expected);
    }

    #[tokio::test]
    async fn a_task_that_panics_is_not_the_end_of_the_pages() {
        let mut fetch = Fetch::spawn(|sender| async move {
            let _ = sender.send(Fetched::ToDo(1)).await;
            panic!("a bug");
        });
        assert!(fetch.next().await.is_ok());
        let Err(error) = fetch.next().await else {
            panic!("taken for the end");
        };
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[tokio::test]
    async fn a_task_that_ends_without_a_word_is_not_the_end_of_a_stream() {
        let mut fetch = Fetch::spawn(|_| async { Ok(()) });
        let Err(error) = fetch.next().await else {
            panic!("taken for the end");
        };
        assert_eq!(error.kind(), ErrorKind::Internal);
    }

    #[tokio::test]
    async fn a_task_that_fails_hands_its_error_on_after_its_pages() {
        let mut fetch = Fetch::spawn(|sender| async move {
            let _ = sender.send(Fetched::ToDo(1)).await;
            Err(Error::new(ErrorKind::OdooFault, "no more"))
        });
        assert!(fetch.next().await.is_ok());
        let Err(error) = fetch.next().await else {
            panic!("taken for the end");
        };
        assert_eq!(error.kind(), ErrorKind::OdooFault);
    }
}
