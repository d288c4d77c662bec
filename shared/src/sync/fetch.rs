//! Pages of rows, read in a task of its own, so that Odoo is kept busy while a page is
//! committed. How the pages follow each other is the business of [`pipeline`].

mod pipeline;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::page::{self, RelatedTimes};
use super::plan::{CHANGED, Plan, PlannedRelation};
use super::record::{self, Record};
use super::window::Range;
use crate::error::{Error, ErrorKind, Result};
use crate::mirror::batch::Batch;
use crate::mirror::findings::Reject;
use crate::odoo::value::parse_datetime;
use crate::odoo::{Domain, OdooClient, RawRecords};

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

/// What comes out of the fetching task, stream after stream.
pub(crate) enum Fetched {
    /// Ids of the stream that remain to be read, known once they are listed to the end.
    ToDo(u64),
    /// The stream's next page.
    Page(Page),
    /// The stream's pages are all out; so many rows the source has.
    End(u64),
}

/// The receiving end of the fetching task; the task ends with it.
pub(crate) struct Fetch {
    pages: mpsc::Receiver<Fetched>,
    task: AbortOnDropHandle<Result<()>>,
}

impl Fetch {
    /// Starts to fetch these streams, one after the other.
    pub(crate) fn start(odoo: OdooClient, listings: Vec<Listing>, limits: Limits) -> Self {
        Self::spawn(|sender| async move { pipeline::run(&odoo, listings, limits, &sender).await })
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
            task: AbortOnDropHandle::new(tokio::spawn(work(sender).in_current_span())),
        }
    }

    /// What comes next. Each stream ends with [`Fetched::End`]; who asks on after the last
    /// one is wrong.
    ///
    /// # Errors
    /// What ended the fetching before its end. Silence alone is never taken for the end:
    /// the watermark would move past rows that nobody has read.
    pub(crate) async fn next(&mut self) -> Result<Fetched> {
        match self.pages.recv().await {
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
}

/// The outcome of a task; one that panicked is a bug, and never a success.
pub(crate) fn joined<T>(outcome: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    outcome.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "reading from Odoo broke off").with_source(error))
    })
}

/// Reads the rows of some ids, with their related records' change times.
///
/// `known` are such times that were read before; else they are read here, before the rows. A
/// record that changes meanwhile gets an older time than it has, so that the next comparison
/// finds it; a time that is read after the rows could hide that they are older.
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
            read = times_leading_to(odoo, &plan.relations, &ids).await?;
            &read
        }
    };
    let answer = read_visible(odoo, plan.stream.model, &ids, &plan.fields).await?;
    let records = record::parse(answer.json(), &plan.fields)?;
    let (batch, rejects) = page::build(plan, &ids, &records, related);
    drop(records);
    Ok(Page {
        ids,
        batch,
        rejects,
        answer,
    })
}

/// The change times of the records that rows with these ids lead to. They are found by the way
/// back, since nobody has asked yet where the rows lead. One that is hidden is left out.
async fn times_leading_to(
    odoo: &OdooClient,
    relations: &[PlannedRelation],
    ids: &[i64],
) -> Result<RelatedTimes> {
    let fields = [CHANGED.to_owned()];
    let mut related = RelatedTimes::with_capacity(relations.len());
    for relation in relations {
        let domain = Domain::leading_to(relation.inverse, ids);
        let found = odoo.search_read(relation.model, &domain, &fields, None);
        related.push(change_times(&found.await?)?);
    }
    Ok(related)
}

/// The change times of the records that these lead to.
pub(crate) async fn related_times(
    odoo: &OdooClient,
    relations: &[PlannedRelation],
    records: &[Record<'_>],
) -> Result<RelatedTimes> {
    let fields = [CHANGED.to_owned()];
    let mut related = RelatedTimes::with_capacity(relations.len());
    for relation in relations {
        let ids: BTreeSet<i64> = records
            .iter()
            .flat_map(|record| relation.ids(record))
            .collect();
        if ids.is_empty() {
            related.push(HashMap::new());
            continue;
        }
        let ids: Vec<i64> = ids.into_iter().collect();
        let found = read_visible(odoo, relation.model, &ids, &fields);
        related.push(change_times(&found.await?)?);
    }
    Ok(related)
}

/// The change times in an answer to a question for nothing else.
fn change_times(answer: &RawRecords) -> Result<HashMap<i64, Timestamp>> {
    let records = record::parse(answer.json(), &[CHANGED.to_owned()])?;
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
