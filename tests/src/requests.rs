//! What arrived: the record of requests that tests count and compare.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// Which way a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `POST /jsonrpc`.
    JsonRpc,
    /// `POST /json/2/…`.
    Json2,
    /// Anything else, such as `GET /web/version`.
    Web,
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    /// Which way it came.
    pub protocol: Protocol,
    /// The model's method; `authenticate`, `version` of the service `common`; for others the path
    /// without its first slash.
    pub method: String,
    /// The model, or empty.
    pub model: String,
    /// The ids that the method was called on.
    pub ids: Vec<i64>,
    /// `limit`, where one was given.
    pub limit: Option<usize>,
    /// The domain, where one was given.
    pub domain: Option<serde_json::Value>,
    /// The context, where one was given.
    pub context: Option<serde_json::Value>,
    /// The request body's size.
    pub request_bytes: usize,
    /// The answer body's size before compression; 0 while it is not answered.
    pub response_bytes: usize,
    /// The answer's status; 0 while it is not answered, or where the connection was cut.
    pub status: u16,
    /// The real time of its arrival.
    pub at: Timestamp,
}

#[derive(Default)]
pub(crate) struct RequestLog {
    seen: Mutex<Vec<SeenRequest>>,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
    /// Raised by `reset`, so that an answer to a forgotten request is not noted down for another.
    epoch: AtomicUsize,
}

/// A request being answered; ends with it, also where its task is cancelled.
pub(crate) struct Ticket<'a> {
    log: &'a RequestLog,
    index: usize,
    epoch: usize,
}

impl RequestLog {
    pub(crate) fn arrived(&self, request: SeenRequest) -> Ticket<'_> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.max_in_flight.fetch_max(now, Ordering::SeqCst);
        let mut seen = self.lock();
        seen.push(request);
        Ticket {
            log: self,
            index: seen.len() - 1,
            epoch: self.epoch.load(Ordering::SeqCst),
        }
    }

    pub(crate) fn all(&self) -> Vec<SeenRequest> {
        self.lock().clone()
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight.load(Ordering::SeqCst)
    }

    pub(crate) fn reset(&self) {
        let mut seen = self.lock();
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.max_in_flight
            .store(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
        seen.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SeenRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket<'_> {
    pub(crate) fn answered(&self, status: u16, bytes: usize) {
        let mut seen = self.log.lock();
        if self.epoch != self.log.epoch.load(Ordering::SeqCst) {
            return;
        }
        if let Some(request) = seen.get_mut(self.index) {
            request.status = status;
            request.response_bytes = bytes;
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.log.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
