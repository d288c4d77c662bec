//! The fan-out: all data types in one batch, at most so many at a time.
//!
//! It decides what is to be started and remembers it; it sends nothing. Data types are started
//! in the registry's order, master data first. None waits for another one to end: rows arrive in
//! any order anyway, and what they refer to is looked at once the batch is over.

mod references;
pub(crate) mod report;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::FanOutConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::batches::{self, Ending, NewBatch};
use crate::metadata::{crashes, pauses};
use crate::mirror::connect::check_url;
use crate::mirror::database::Database;
use crate::specs::{DataType, REGISTRY};
use crate::sync::request::{SyncRequest, Trigger};
use report::BatchReport;

/// The name by which a request may call all data types.
const ALL: &str = "all";

/// How often somebody who waits for a batch looks at it.
const GLANCE: Duration = Duration::from_millis(200);

/// Starts batches and leads them to their end.
pub(crate) struct FanOut {
    config: FanOutConfig,
    database: Database,
}

/// What came of asking for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Opened {
    /// It is new.
    New {
        id: Uuid,
        /// The data types that an operator has paused: they are left out.
        paused: Vec<String>,
    },
    /// This one is still on.
    Running(Uuid),
}

/// What is to be requested now.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    /// One a data type, which each one names.
    pub(crate) requests: Vec<SyncRequest>,
}

/// A run that has ended, or has not even begun, as an event tells it.
#[derive(Debug, PartialEq)]
pub(crate) struct Ended {
    pub(crate) data_type: &'static DataType,
    /// The batch that asked for it.
    pub(crate) batch_id: Option<Uuid>,
    pub(crate) run_id: Option<Uuid>,
    /// Why it failed.
    pub(crate) error: Option<(ErrorKind, String)>,
    /// When Lambda gave the event up that asked for it, where it did: no run may have that on record.
    pub(crate) given_up_at: Option<Timestamp>,
}

impl FanOut {
    /// Opens no connection.
    ///
    /// # Errors
    /// `config` for a malformed database URL.
    pub(crate) fn new(config: FanOutConfig) -> Result<Self> {
        check_url(&config.postgres)?;
        Ok(Self {
            database: Database::new(config.postgres.clone()),
            config,
        })
    }

    pub(crate) fn config(&self) -> &FanOutConfig {
        &self.config
    }

    /// Puts down a batch of all data types, unless one is on: two at a time would ask for the
    /// same.
    ///
    /// # Errors
    /// `bad_request` where the request is about less than all data types, `paused` where all of them are,
    /// and every `db_*`.
    pub(crate) async fn open(&mut self, request: &SyncRequest, trigger: Trigger) -> Result<Opened> {
        check(request)?;
        // Made once: a second attempt after an unheard commit recognises its own batch.
        let batch = NewBatch {
            id: Uuid::new_v4(),
            mode: request.mode,
            confirm_deletes: request.confirm_deletes,
            trigger,
        };
        self.database
            .transaction("starting a batch", async |transaction| {
                batches::lock(transaction).await?;
                batches::settle(transaction).await?;
                let paused = pauses::data_types(transaction).await?;
                match batches::running(transaction).await? {
                    Some(id) if id == batch.id => {}
                    Some(id) => return Ok(Opened::Running(id)),
                    None => {
                        let specs = without(&paused)?;
                        batches::insert(transaction, &batch, &specs).await?;
                    }
                }
                Ok(Opened::New {
                    id: batch.id,
                    paused,
                })
            })
            .await
    }

    /// Marks as requested what there is room for, of whichever batch is on.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn claim(&mut self) -> Result<Claimed> {
        let id = Uuid::new_v4();
        let parallel = self.config.parallel;
        let parts = self
            .database
            .transaction("choosing what comes next", async |transaction| {
                batches::lock(transaction).await?;
                batches::settle(transaction).await?;
                batches::claim(transaction, id, parallel).await
            })
            .await?;
        let requests = parts.into_iter().map(|part| SyncRequest {
            mode: part.mode,
            confirm_deletes: part.confirm_deletes,
            data_type: Some(part.data_type),
            batch_id: Some(part.batch_id),
            run_id: None,
            slice: None,
        });
        Ok(Claimed {
            id,
            requests: requests.collect(),
        })
    }

    /// Makes those of a claim wait again that could not be requested.
    ///
    /// # Errors
    /// Every `db_*`; they then count as lost after a while, and are asked again.
    pub(crate) async fn put_back(&mut self, claim_id: Uuid, data_types: &[&str]) -> Result<()> {
        self.database
            .transaction("putting back a claim", async |transaction| {
                batches::lock(transaction).await?;
                batches::put_back(transaction, claim_id, data_types).await
            })
            .await
    }

    /// Fails a batch of which nothing could be requested: nothing would ever call back.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn abandon(&mut self, batch_id: Uuid, error: &Error) -> Result<()> {
        self.database
            .transaction("giving a batch up", async |transaction| {
                batches::lock(transaction).await?;
                batches::abandon(transaction, batch_id, error).await
            })
            .await
    }

    /// Notes how a run ended. Heard twice, or late, it changes nothing.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn note(&mut self, ended: &Ended) -> Result<()> {
        let data_type = ended.data_type.name;
        if let Some(at) = ended.given_up_at {
            self.database
                .transaction("noting a crash", async |transaction| {
                    crashes::note(transaction, data_type, at).await
                })
                .await?;
        }
        let Some(batch_id) = ended.batch_id else {
            // What the run left in `sync_runs` is looked at by the claim that comes next.
            return Ok(());
        };
        let error = ended.error.as_ref();
        let ending = Ending {
            batch_id,
            data_type,
            run_id: ended.run_id,
            error: error.map(|(kind, message)| (*kind, message.as_str())),
        };
        let is_busy = error.is_some_and(|(kind, _)| *kind == ErrorKind::Busy);
        self.database
            .transaction("noting how a run ended", async |transaction| {
                batches::lock(transaction).await?;
                // What is told must not have been given up just before.
                batches::adopt(transaction).await?;
                // Of that run's own end the batch hears.
                if is_busy && batches::is_being_done(transaction, batch_id, data_type).await? {
                    return Ok(());
                }
                batches::end(transaction, &ending).await
            })
            .await
    }

    /// A batch as it stands, once it has been brought up to what its runs have done: the event that would
    /// have said so may be lost.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn report(&mut self, batch_id: Uuid) -> Result<BatchReport> {
        self.database
            .transaction("reading a batch", async |transaction| {
                batches::look_after(transaction).await?;
                report::read(transaction, batch_id).await
            })
            .await
    }

    /// As [`FanOut::report`], once the batch is over or that time has come.
    ///
    /// # Errors
    /// Every `db_*`.
    pub(crate) async fn wait(&mut self, batch_id: Uuid, until: Instant) -> Result<BatchReport> {
        loop {
            let report = self.report(batch_id).await?;
            if report.is_over() || Instant::now() + GLANCE >= until {
                return Ok(report);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Looks at what rows refer to, for every data type that succeeded in a batch that is over.
    ///
    /// # Errors
    /// Every `db_*`; what was not looked at is so at the next occasion.
    pub(crate) async fn check_references(&mut self) -> Result<()> {
        references::check(&mut self.database, self.config.overlap).await
    }
}

/// The registry but for those that are paused.
fn without(paused: &[String]) -> Result<Vec<&'static DataType>> {
    let is_paused = |spec: &DataType| paused.iter().any(|name| name == spec.name);
    let left: Vec<_> = REGISTRY
        .iter()
        .copied()
        .filter(|it| !is_paused(it))
        .collect();
    if left.is_empty() {
        let message = "syncs of all data types are paused";
        return Err(Error::new(ErrorKind::Paused, message));
    }
    Ok(left)
}

/// All data types cannot be one, nor a slice of a run, nor a part of another batch.
fn check(request: &SyncRequest) -> Result<()> {
    let names_another = request.data_type.as_deref().is_some_and(|name| name != ALL);
    let is_of_a_run = request.run_id.is_some() || request.slice.is_some();
    if names_another || is_of_a_run || request.batch_id.is_some() {
        return Err(Error::new(
            ErrorKind::BadRequest,
            "this function syncs all data types: a request to it has \"mode\" and \"confirmDeletes\" at most, and \"dataType\" only as \"all\"",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_all_data_types_is_taken() {
        let named = |name: &str| SyncRequest {
            data_type: Some(name.to_owned()),
            ..SyncRequest::default()
        };
        assert!(check(&SyncRequest::default()).is_ok());
        assert!(check(&named("all")).is_ok());
        let of_a_batch = SyncRequest {
            batch_id: Some(Uuid::from_u128(7)),
            ..SyncRequest::default()
        };
        let slice = SyncRequest {
            slice: Some(2),
            ..SyncRequest::default()
        };
        for bad in [named("products"), of_a_batch, slice] {
            let error = check(&bad).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::BadRequest);
        }
    }
}
