//! Ids, then rows: lists the ids of each stream's window in id order and reads them page
//! by page, several requests in flight. Pages come out in order, stream after stream.
//!
//! Odoo is the bottleneck, so it is never left without a question: the ids of the next
//! stream are listed, and its first pages read, while the last pages of the one before
//! are still on their way.

use std::future::pending;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::{Fetched, IDS_AT_ONCE, Limits, Listing, NEVER_CLOSED, fetch_page, joined};
use crate::error::Result;
use crate::odoo::{Domain, OdooClient};
use crate::specs::Stream;
use crate::sync::plan::Plan;
use crate::sync::related::{self, RelatedTimes};
use crate::sync::window::Range;
use crate::telemetry;

/// What a listing led to.
enum Listed {
    ToDo(u64),
    Ask(Question),
}

/// What is asked of Odoo next.
enum Question {
    Page(Arc<Plan>, Vec<i64>, Option<Arc<RelatedTimes>>),
    Count(&'static Stream),
}

impl Question {
    fn stream(&self) -> &'static Stream {
        match self {
            Self::Page(plan, ..) => plan.stream,
            Self::Count(stream) => stream,
        }
    }
}

/// Something fetched. A page keeps its permit until it has been handed on, so that no
/// more pages are held than requests may be in flight.
type Done = (Fetched, Option<OwnedSemaphorePermit>);

/// Fetches the listings and sends what comes out, until all is sent or nobody listens.
pub(super) async fn run(
    odoo: &OdooClient,
    listings: Vec<Listing>,
    limits: Limits,
    sender: &Sender<Fetched>,
) -> Result<()> {
    let permits = Arc::new(Semaphore::new(limits.in_flight));
    let (list, listed) = mpsc::channel(limits.in_flight);
    let lister = Lister {
        odoo,
        permits: &permits,
        limits,
        sender: list,
    };
    let reader = async {
        // What needs no request may wait beside the pages.
        let mut done = std::pin::pin!(read(odoo, &permits, listed).buffered(limits.in_flight + 2));
        while let Some(done) = done.next().await {
            let (fetched, _permit) = done?;
            if sender.send(fetched).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let listing = async {
        lister.list_all(listings).await;
        pending().await
    };
    // All is done when the reader is, well or not.
    tokio::select! {
        outcome = reader => outcome,
        never = listing => never,
    }
}

/// Turns what was listed into requests.
fn read<'a>(
    odoo: &'a OdooClient,
    permits: &'a Arc<Semaphore>,
    listed: Receiver<Result<Listed>>,
) -> impl stream::Stream<Item = impl Future<Output = Result<Done>>> + 'a {
    stream::unfold(listed, async |mut listed| {
        let next = listed.recv().await?;
        Some((next, listed))
    })
    .then(move |next| Begun::new(odoo, permits, next))
    .map(Begun::done)
}

/// Something that is on its way, or needed no request.
enum Begun {
    Known(Result<Fetched>),
    Asked(AbortOnDropHandle<Result<Fetched>>, OwnedSemaphorePermit),
}

impl Begun {
    /// Waits for a permit in the order of the listing: pages that overtake others would
    /// keep theirs while they wait for those.
    async fn new(odoo: &OdooClient, permits: &Arc<Semaphore>, next: Result<Listed>) -> Self {
        let question = match next {
            Ok(Listed::Ask(question)) => question,
            Ok(Listed::ToDo(rows)) => return Self::Known(Ok(Fetched::ToDo(rows))),
            Err(error) => return Self::Known(Err(error)),
        };
        let permit = Arc::clone(permits).acquire_owned().await;
        let permit = permit.expect(NEVER_CLOSED);
        let odoo = odoo.clone();
        // A task of its own takes the answer in also while the pages before it wait to be
        // committed, and does not run into the request's timeout meanwhile.
        let span = telemetry::of_stream(question.stream());
        let task = tokio::spawn(async move { ask(&odoo, question).await }.instrument(span));
        Self::Asked(AbortOnDropHandle::new(task), permit)
    }

    async fn done(self) -> Result<Done> {
        match self {
            Self::Known(fetched) => Ok((fetched?, None)),
            Self::Asked(task, permit) => Ok((joined(task.await)?, Some(permit))),
        }
    }
}

async fn ask(odoo: &OdooClient, question: Question) -> Result<Fetched> {
    match question {
        Question::Page(plan, ids, related) => {
            let page = fetch_page(odoo, &plan, ids, related.as_deref());
            page.await.map(Fetched::Page)
        }
        Question::Count(stream) => odoo
            .search_count(stream.model, &Domain::all())
            .await
            .map(Fetched::End),
    }
}

/// Lists ids, a little ahead of the reading.
struct Lister<'a> {
    odoo: &'a OdooClient,
    permits: &'a Semaphore,
    limits: Limits,
    sender: Sender<Result<Listed>>,
}

/// Nobody listens any more.
struct Unheard;

impl Lister<'_> {
    /// A failure goes the way of the pages, so that those before it come out first.
    async fn list_all(self, listings: Vec<Listing>) {
        for listing in &listings {
            let stream = listing.plan.stream;
            let listing = self.list(listing).instrument(telemetry::of_stream(stream));
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

    async fn list(&self, listing: &Listing) -> Result<Result<()>, Unheard> {
        let Some(window) = domain(&listing.plan, listing.range) else {
            return Ok(Ok(()));
        };
        let related = match self.related_times(listing).await {
            Ok(related) => related.map(Arc::new),
            Err(error) => return Ok(Err(error)),
        };
        let mut after = listing.after_id;
        loop {
            let (ids, to_do) = match self.search(listing.plan.stream, &window, after).await {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            self.send(Ok(Listed::ToDo(to_do))).await?;
            for page in ids.chunks(self.limits.page_size) {
                let plan = Arc::clone(&listing.plan);
                let page = Question::Page(plan, page.to_vec(), related.clone());
                self.send(Ok(Listed::Ask(page))).await?;
            }
            match ids.last() {
                Some(last) if ids.len() == IDS_AT_ONCE => after = *last,
                _ => return Ok(Ok(())),
            }
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

    /// The next ids, and how many are left with them.
    async fn search(
        &self,
        stream: &Stream,
        window: &Domain,
        after: i64,
    ) -> Result<(Vec<i64>, u64)> {
        let _permit = self.permits.acquire().await.expect(NEVER_CLOSED);
        let domain = window.clone().id_after(after);
        let ids = self
            .odoo
            .search(stream.model, &domain, Some(IDS_AT_ONCE))
            .await?;
        let to_do = if ids.len() < IDS_AT_ONCE {
            ids.len() as u64
        } else {
            self.odoo.search_count(stream.model, &domain).await?
        };
        Ok((ids, to_do))
    }

    async fn send(&self, next: Result<Listed>) -> Result<(), Unheard> {
        self.sender.send(next).await.map_err(|_| Unheard)
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
