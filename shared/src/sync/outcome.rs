//! What comes of a request for a sync: what the answer, the event and the log are made of.

use uuid::Uuid;

use super::request::SyncRequest;
use crate::error::{Error, ErrorKind};
use crate::metadata::runs::{EndedRun, RunReport};
use crate::specs::DataType;

/// What came of a request that nothing stood against.
#[derive(Debug)]
pub enum Outcome {
    /// The run is over.
    Finished(RunReport),
    /// The time was up: the run has been handed over to its next slice.
    HandedOver {
        /// The run as it stands.
        report: RunReport,
        /// What makes it go on. Until somebody sends it, the run waits.
        next: SyncRequest,
    },
    /// The request was for a slice, or by a batch for a run, that is running or over.
    Repeated {
        /// That run. None where what the batch had asked for was over before any began.
        run_id: Option<Uuid>,
        /// That run, where it is over and a batch asks: who was to tell the batch may have died.
        ended: Option<EndedRun>,
    },
}

/// A run that did not succeed.
#[derive(Debug)]
pub struct RunFailure {
    /// Why.
    pub error: Error,
    /// The run as recorded, where it got as far as being recorded.
    pub report: Option<RunReport>,
    /// With `busy`: the run that holds the lease.
    pub running: Option<Uuid>,
}

impl From<Error> for RunFailure {
    fn from(error: Error) -> Self {
        Self {
            error,
            report: None,
            running: None,
        }
    }
}

impl RunFailure {
    /// Another run, `running`, holds the lease.
    pub(super) fn busy(spec: &DataType, running: Option<Uuid>) -> Self {
        Self {
            error: Error::new(
                ErrorKind::Busy,
                format!("a sync of {} is already running", spec.name),
            ),
            report: None,
            running,
        }
    }

    /// An operator keeps runs from being started. Why stands in the status and in no log.
    pub(crate) fn paused(spec: &DataType) -> Self {
        let message = format!("syncs of {} are paused", spec.name);
        Error::new(ErrorKind::Paused, message).into()
    }
}
