//! The simulator as tests hold it: [`OdooSim`] runs a server, [`SimHandle`] is what can be done
//! to it, also from inside a hook.

mod builder;
#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod document_tests;
mod force;
mod records;
#[cfg(test)]
mod tests;
mod transaction;
mod trouble;

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use builder::Builder;
pub use transaction::Transaction;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::requests::{RequestLog, SeenRequest};
use crate::rpc::User;
use crate::server::Server;
use crate::store::{Env, World};
use crate::version::Version;

/// What server and handles share.
pub(crate) struct State {
    pub(crate) version: Version,
    pub(crate) database: String,
    pub(crate) users: Vec<User>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) gzip: bool,
    world: RwLock<World>,
}

impl State {
    pub(crate) fn read_world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_world(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The administrator, past every rule, with a transaction that begins at `now`.
    pub(crate) fn admin_env(&self, now: i64) -> Env {
        Env {
            uid: self.users[0].id,
            lang: None,
            companies: self.users[0].companies.clone(),
            active_test: false,
            now,
            sudo: true,
        }
    }
}

/// Everything that can be done to a simulated Odoo. Cheap to clone; does not keep the server
/// running.
#[derive(Clone)]
pub struct SimHandle {
    pub(crate) state: Arc<State>,
    url: Arc<str>,
}

/// A running simulated Odoo on a port of its own on 127.0.0.1. It runs on threads of its own and
/// stops when this is dropped.
///
/// All of [`SimHandle`]'s methods can be called on it.
pub struct OdooSim {
    handle: SimHandle,
    _server: Server,
}

impl OdooSim {
    /// Starts describing a simulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A handle for closures and other threads.
    pub fn handle(&self) -> SimHandle {
        self.handle.clone()
    }
}

impl Deref for OdooSim {
    type Target = SimHandle;

    fn deref(&self) -> &SimHandle {
        &self.handle
    }
}

impl SimHandle {
    pub(crate) fn new(state: Arc<State>, url: &str) -> Self {
        SimHandle {
            state,
            url: url.into(),
        }
    }

    /// `http://127.0.0.1:<port>`, for `ODOO_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The one database, for `ODOO_DB`.
    pub fn database(&self) -> &str {
        &self.state.database
    }

    /// The administrator's login, for `ODOO_USER`.
    pub fn user(&self) -> &str {
        &self.state.users[0].login
    }

    /// The administrator's password, for `ODOO_PASSWORD`.
    pub fn password(&self) -> &str {
        &self.state.users[0].password
    }

    /// The administrator's API key: also good for `ODOO_PASSWORD`, and the only one for JSON-2.
    pub fn api_key(&self) -> &str {
        &self.state.users[0].api_key
    }

    /// Login, password and API key of a user who may read and change nothing.
    pub fn read_only_user(&self) -> (&str, &str, &str) {
        let user = &self.state.users[1];
        (&user.login, &user.password, &user.api_key)
    }

    /// Which Odoo this is.
    pub fn version(&self) -> Version {
        self.state.version
    }

    /// The clock of its transactions and of its `Date` header.
    pub fn clock(&self) -> &Clock {
        &self.state.clock
    }

    /// The requests that arrived since the start or [`SimHandle::reset_requests`], in order of
    /// their arrival.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.state.log.all()
    }

    /// How many requests called this method (`read`, `search`, `authenticate`, `web/version` …).
    pub fn count_requests(&self, method: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.method == method)
            .count()
    }

    /// The most requests that were being answered at one time.
    pub fn max_in_flight(&self) -> usize {
        self.state.log.max_in_flight()
    }

    /// Forgets the requests seen so far, and the maximum in flight.
    pub fn reset_requests(&self) {
        self.state.log.reset();
    }
}
