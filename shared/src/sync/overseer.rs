//! Somebody who looks after runs from outside of them: knows which one is on, and may ask it to stop.
//!
//! Lambda has a deadline, which a run heeds by itself. A person at a terminal has none, but may
//! have had enough: what is in the works is committed then, and the run handed over as at a deadline.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::request::Mode;
use crate::metadata::lease::Run;

/// Looks after the runs of one [`super::Syncer`]. Clones look after the same.
#[derive(Debug, Clone)]
pub struct Overseer {
    stop: CancellationToken,
    begun: watch::Sender<Option<Begun>>,
}

/// A run that has its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The run.
    pub run_id: Uuid,
    /// How it reads.
    pub mode: Mode,
    /// Whether an earlier holder began it, and left it unfinished.
    pub taken_over: bool,
}

impl Overseer {
    pub(super) fn new() -> Self {
        Self {
            stop: CancellationToken::new(),
            begun: watch::Sender::new(None),
        }
    }

    /// Asks the run that is on, and each one to come, to stop: it is handed over.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// The run that began last; `None` before the first.
    pub fn begun(&self) -> Option<Begun> {
        *self.begun.borrow()
    }

    pub(super) fn begins(&self, run: Run) {
        self.begun.send_replace(Some(Begun {
            run_id: run.id,
            mode: run.mode,
            taken_over: run.taken_over,
        }));
    }

    /// What a lease stops at.
    pub(super) fn token(&self) -> CancellationToken {
        self.stop.clone()
    }
}
