//! Which rows there are to read: lists the ids of each stream's window in id order, ahead of the
//! reading. The first ids of a stream are asked for while those of the stream before are: else one
//! of two requests that may be in flight would wait for the other when a run begins. A slice that
//! does not get to that stream has asked in vain, once.

use std::sync::Arc;

use tokio::sync::mpsc::Sender;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::pipeline::{Listed, Question};
use super::{IDS_AT_ONCE, Limits, Listing, NEVER_CLOSED, joined};
use crate::error::Result;
use crate::odoo::{Domain, OdooClient};
use crate::specs::Stream;
use crate::sync::plan::Plan;
use crate::sync::related::{self, RelatedTimes};
use crate::sync::window::Range;
use crate::telemetry;

/// Lists ids, a little ahead of the reading.
pub(super) struct Lister<'a> {
    pub(super) odoo: &'a OdooClient,
    pub(super) permits: &'a Arc<Semaphore>,
    pub(super) limits: Limits,
    pub(super) sender: Sender<Result<Listed>>,
}

/// Nobody listens any more.
struct Unheard;

/// A stream whose first ids have been asked for.
struct Asked<'a> {
    listing: &'a Listing,
    /// None where no id is to be read, by definition.
    first: Option<(Search, AbortOnDropHandle<Result<Found>>)>,
}

/// The next ids of a window, and how many are left with them.
struct Found {
    ids: Vec<i64>,
    to_do: u64,
}

impl Lister<'_> {
    /// Lists nothing but the first ids of the first two streams before `may_read` says so. A failure goes the
    /// way of the pages, so that those before it come out first.
    pub(super) async fn list_all(self, listings: Vec<Listing>, may_read: oneshot::Receiver<()>) {
        let mut listings = listings.iter();
        let mut next = listings.next().map(|listing| self.ask(listing));
        let mut may_read = Some(may_read);
        while let Some(asked) = next {
            next = listings.next().map(|listing| self.ask(listing));
            if let Some(may_read) = may_read.take()
                && may_read.await.is_err()
            {
                return;
            }
            let stream = asked.listing.plan.stream;
            let listing = self.list(asked).instrument(telemetry::of_stream(stream));
            let listed = match listing.await {
                Ok(Ok(())) => self.send(Ok(Listed::Ask(Question::Count(stream)))).await,
                Ok(Err(error)) => self.send(Err(error)).await.and(Err(Unheard)),
                Err(Unheard) => Err(Unheard),
            };
            if listed.is_err() {
                return;
            }
        }
    }

    /// Asks for a stream's first ids, in a task of its own: it goes on while pages of the stream
    /// before wait for their turn.
    fn ask<'a>(&self, listing: &'a Listing) -> Asked<'a> {
        let stream = listing.plan.stream;
        let first = domain(&listing.plan, listing.range).map(|window| {
            let search = Search {
                odoo: self.odoo.clone(),
                permits: Arc::clone(self.permits),
                stream,
                window,
            };
            let asking = search.clone();
            let after = listing.after_id;
            let asking = async move { asking.after(after).await };
            let task = tokio::spawn(asking.instrument(telemetry::of_stream(stream)));
            (search, AbortOnDropHandle::new(task))
        });
        Asked { listing, first }
    }

    async fn list(&self, asked: Asked<'_>) -> Result<Result<()>, Unheard> {
        let Asked { listing, first } = asked;
        let Some((search, first)) = first else {
            return Ok(Ok(()));
        };
        let related = match self.related_times(listing).await {
            Ok(related) => related.map(Arc::new),
            Err(error) => return Ok(Err(error)),
        };
        let mut found = joined(first.await);
        loop {
            let Found { ids, to_do } = match found {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            self.send(Ok(Listed::ToDo(to_do))).await?;
            for page in ids.chunks(self.limits.page_size) {
                let plan = Arc::clone(&listing.plan);
                let page = Question::Page(plan, page.to_vec(), related.clone());
                self.send(Ok(Listed::Ask(page))).await?;
            }
            found = match ids.last() {
                Some(last) if ids.len() == IDS_AT_ONCE => search.after(*last).await,
                _ => return Ok(Ok(())),
            };
        }
    }

    /// All change times of related records, where all rows are to be read. What is left of them in
    /// a later slice may be little, and is not worth it.
    async fn related_times(&self, listing: &Listing) -> Result<Option<RelatedTimes>> {
        let relations = &listing.plan.relations;
        let is_all = listing.range == Range::Everything && listing.after_id == 0;
        if !is_all || relations.is_empty() {
            return Ok(None);
        }
        related::all_times(self.odoo, relations, self.permits, self.limits.in_flight).await
    }

    async fn send(&self, next: Result<Listed>) -> Result<(), Unheard> {
        self.sender.send(next).await.map_err(|_| Unheard)
    }
}

/// How the ids of one stream's window are asked for.
#[derive(Clone)]
struct Search {
    odoo: OdooClient,
    permits: Arc<Semaphore>,
    stream: &'static Stream,
    window: Domain,
}

impl Search {
    async fn after(&self, id: i64) -> Result<Found> {
        let _permit = self.permits.acquire().await.expect(NEVER_CLOSED);
        let (model, domain) = (self.stream.model, self.window.clone().id_after(id));
        let ids = self.odoo.search(model, &domain, Some(IDS_AT_ONCE)).await?;
        let to_do = if ids.len() < IDS_AT_ONCE {
            ids.len() as u64
        } else {
            self.odoo.search_count(model, &domain).await?
        };
        Ok(Found { ids, to_do })
    }
}

/// The ids of a range; `None` where there are none by definition.
fn domain(plan: &Plan, range: Range) -> Option<Domain> {
    match range {
        Range::Everything => Some(Domain::all()),
        // What is compared is listed elsewhere.
        Range::Nothing | Range::Compared(_) => None,
        Range::Changed(low, high) => {
            let paths: Vec<&str> = plan.relations.iter().map(|it| it.field).collect();
            Some(Domain::changed_within(&paths, low, high))
        }
    }
}
