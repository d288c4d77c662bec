//! Ids, then rows: lists the ids of a window in id order and reads them page by page,
//! several requests in flight, in a task of its own, so that Odoo is kept busy while a
//! page is committed. Pages come out in id order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::StreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::page::{self, RelatedTimes};
use super::plan::{CHANGED, Plan};
use super::record;
use super::window::Range;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::batch::Batch;
use crate::mirror::findings::Reject;
use crate::odoo::value::parse_datetime;
use crate::odoo::{Domain, OdooClient, RawRecords};

/// Ids listed at once. 100,000 of them are one answer of about 700 KB, which Odoo gives
/// in a third of a second; a million at once would be a tenth of the memory we may use.
const IDS_AT_ONCE: usize = 100_000;

/// What a run reads of one stream, and how.
#[derive(Clone)]
pub(crate) struct Listing {
    pub(crate) plan: Arc<Plan>,
    pub(crate) range: Range,
    /// Ids up to this one are in the mirror already.
    pub(crate) after_id: i64,
    pub(crate) page_size: usize,
    pub(crate) in_flight: usize,
}

/// A page, ready to be committed.
pub(crate) struct Page {
    /// The ids listed; those deleted meanwhile are in neither batch nor rejects.
    pub(crate) ids: Vec<i64>,
    pub(crate) batch: Batch,
    pub(crate) rejects: Vec<Reject>,
    answer: RawRecords,
}

impl Page {
    /// The record of a row as Odoo sent it, for a finding. Looked up only for a row that
    /// Postgres refuses, so that the others need no copy of theirs.
    pub(crate) fn record(&self, odoo_id: i64) -> String {
        record::parse(self.answer.json(), &[])
            .unwrap_or_default()
            .iter()
            .find(|record| record.id == odoo_id)
            .map(|record| record.json.to_owned())
            .unwrap_or_default()
    }
}

/// What comes out of the fetching task.
pub(crate) enum Fetched {
    /// Ids that remain to be read, known once they are listed to the end.
    ToDo(u64),
    /// The next page.
    Page(Page),
}

/// The receiving end of the fetching task; the task ends with it.
pub(crate) struct Fetch {
    pages: mpsc::Receiver<Fetched>,
    task: AbortOnDropHandle<Result<()>>,
}

impl Fetch {
    /// Starts to fetch.
    pub(crate) fn start(odoo: OdooClient, listing: Listing) -> Self {
        Self::spawn(|sender| async move { drive(&odoo, &listing, &sender).await })
    }

    fn spawn<Work>(work: impl FnOnce(mpsc::Sender<Fetched>) -> Work) -> Self
    where
        Work: Future<Output = Result<()>> + Send + 'static,
    {
        // One finished page may wait: with those in flight and the one being committed
        // that bounds the memory of a run, whatever its size.
        let (sender, pages) = mpsc::channel(1);
        Self {
            pages,
            task: AbortOnDropHandle::new(tokio::spawn(work(sender))),
        }
    }

    /// The next page; `None` once all are out.
    ///
    /// # Errors
    /// What ended the fetching before its end. Silence alone is never taken for the end:
    /// the watermark would move past rows that nobody has read.
    pub(crate) async fn next(&mut self) -> Result<Option<Fetched>> {
        match self.pages.recv().await {
            Some(fetched) => Ok(Some(fetched)),
            None => joined((&mut self.task).await).map(|()| None),
        }
    }
}

/// The outcome of a task; one that panicked is a bug, and never a success.
fn joined<T>(outcome: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    outcome.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "reading from Odoo broke off").with_source(error))
    })
}

async fn drive(odoo: &OdooClient, listing: &Listing, sender: &mpsc::Sender<Fetched>) -> Result<()> {
    let stream = listing.plan.stream;
    let Some(window) = domain(&listing.plan, listing.range) else {
        return Ok(());
    };
    let mut after = listing.after_id;
    loop {
        let domain = window.clone().id_after(after);
        let ids = odoo
            .search(stream.model, &domain, Some(IDS_AT_ONCE))
            .await?;
        let is_last = ids.len() < IDS_AT_ONCE;
        let to_do = if is_last {
            ids.len() as u64
        } else {
            odoo.search_count(stream.model, &domain).await?
        };
        if sender.send(Fetched::ToDo(to_do)).await.is_err() {
            return Ok(());
        }
        let pages: Vec<Vec<i64>> = ids.chunks(listing.page_size).map(<[i64]>::to_vec).collect();
        let mut pages = futures_util::stream::iter(pages)
            .map(|ids| spawn_page(odoo, &listing.plan, ids))
            .buffered(listing.in_flight);
        while let Some(page) = pages.next().await {
            let page = joined(page)?;
            if sender.send(Fetched::Page(page)).await.is_err() {
                return Ok(());
            }
        }
        match ids.last() {
            Some(last) if !is_last => after = *last,
            _ => return Ok(()),
        }
    }
}

/// A page in a task of its own: its answer is taken in also while the pages before it wait
/// to be committed, and does not run into the request's timeout meanwhile.
fn spawn_page(
    odoo: &OdooClient,
    plan: &Arc<Plan>,
    ids: Vec<i64>,
) -> AbortOnDropHandle<Result<Page>> {
    let (odoo, plan) = (odoo.clone(), Arc::clone(plan));
    AbortOnDropHandle::new(tokio::spawn(
        async move { fetch_page(&odoo, &plan, ids).await },
    ))
}

/// The ids of a range; `None` where there are none by definition.
fn domain(plan: &Plan, range: Range) -> Option<Domain> {
    match range {
        Range::Everything => Some(Domain::all()),
        Range::Nothing => None,
        Range::Changed(low, high) => {
            let paths: Vec<&str> = plan.relations.iter().map(|it| it.field).collect();
            Some(Domain::changed_within(&paths, low, high))
        }
    }
}

/// Reads the rows of some ids, with their related records' change times.
pub(crate) async fn fetch_page(odoo: &OdooClient, plan: &Plan, ids: Vec<i64>) -> Result<Page> {
    let answer = read_visible(odoo, plan.stream.model, &ids, &plan.fields).await?;
    let records = record::parse(answer.json(), &plan.fields)?;
    let mut related = RelatedTimes::with_capacity(plan.relations.len());
    for relation in &plan.relations {
        let ids: BTreeSet<i64> = records
            .iter()
            .flat_map(|record| relation.ids(record))
            .collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        related.push(change_times(odoo, relation.model, &ids).await?);
    }
    let (batch, rejects) = page::build(plan, &ids, &records, &related);
    drop(records);
    Ok(Page {
        ids,
        batch,
        rejects,
        answer,
    })
}

async fn change_times(
    odoo: &OdooClient,
    model: &str,
    ids: &[i64],
) -> Result<HashMap<i64, Timestamp>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let fields = [CHANGED.to_owned()];
    let answer = read_visible(odoo, model, ids, &fields).await?;
    let records = record::parse(answer.json(), &fields)?;
    Ok(records
        .iter()
        .filter_map(|record| {
            let text = record.fields[0]?.strip_prefix('"')?.strip_suffix('"')?;
            Some((record.id, parse_datetime(text)?))
        })
        .collect())
}

/// Reads what the user may see of some ids. Odoo refuses a whole read for one id that a
/// record rule hides, and `search` leaves such an id out; so a refused page is searched
/// once and what remains is read.
async fn read_visible(
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

    #[tokio::test]
    async fn a_task_that_panics_is_not_the_end_of_the_pages() {
        let mut fetch = Fetch::spawn(|sender| async move {
            let _ = sender.send(Fetched::ToDo(1)).await;
            panic!("a bug");
        });
        assert!(fetch.next().await.expect("a page").is_some());
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
        assert!(fetch.next().await.expect("a page").is_some());
        let Err(error) = fetch.next().await else {
            panic!("taken for the end");
        };
        assert_eq!(error.kind(), ErrorKind::OdooFault);
    }
}
