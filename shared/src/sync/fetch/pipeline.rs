//! Ids, then rows: reads page by page what the [lister](super::lister) finds, several requests in
//! flight. Pages come out in order, stream after stream.
//!
//! Odoo is the bottleneck, so it is never left without a question: the first pages of the next
//! stream are read while the last pages of the one before are still on their way.

use std::future::pending;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::lister::Lister;
use super::{Fetched, Limits, Listing, NEVER_CLOSED, fetch_page, joined};
use crate::error::Result;
use crate::odoo::{Domain, OdooClient};
use crate::specs::Stream;
use crate::sync::plan::Plan;
use crate::sync::related::RelatedTimes;
use crate::telemetry;

/// What a listing led to.
pub(super) enum Listed {
    ToDo(u64),
    Ask(Question),
}

/// What is asked of Odoo next.
pub(super) enum Question {
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
    may_read: oneshot::Receiver<()>,
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
        lister.list_all(listings, may_read).await;
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
