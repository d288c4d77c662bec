//! Faults that tests inject, and which requests they strike.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::sim::SimHandle;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Never answers (until the client gives up).
    Hang,
    /// Answers rightly, but only after this time.
    Delay(Duration),
    /// Resets the connection (TCP RST) before the answer.
    Reset,
    /// Answers with a right head and the body's first bytes, then closes the connection.
    CutBody {
        /// How many bytes of the body are sent.
        after: usize,
    },
    /// Answers completely as HTTP sees it, with JSON that ends in the middle.
    CutJson {
        /// How many bytes the body has.
        after: usize,
    },
    /// A proxy's HTML answer.
    Status {
        /// 429, 502, 503, 504 …
        status: u16,
        /// `Retry-After`: seconds or an HTTP date.
        retry_after: Option<String>,
    },
    /// Odoo's login page with 200, as a wrong URL gets it.
    LoginPage,
    /// This body with 200.
    Body(String),
    /// `psycopg2.errors.SerializationFailure`.
    SerializationFailure,
    /// `psycopg2.OperationalError`: Odoo's Postgres is down.
    DatabaseDown,
    /// The database is not there (any more): `psycopg2.OperationalError` as well.
    NoDatabase,
    /// Wrong password or key; `authenticate` answers false.
    AccessDenied,
    /// No right.
    AccessError,
    /// No such model.
    UnknownModel,
    /// No such field.
    UnknownField,
}

impl Fault {
    /// 429, with `Retry-After` in seconds where one is given.
    pub fn too_many_requests(retry_after: Option<u64>) -> Self {
        Fault::Status {
            status: 429,
            retry_after: retry_after.map(|seconds| seconds.to_string()),
        }
    }

    /// A status with a proxy's HTML page.
    pub fn status(status: u16) -> Self {
        Fault::Status {
            status,
            retry_after: None,
        }
    }
}

/// Which requests: those of a method and a model (any where not said), from the `nth` on that
/// matches after the injection, `times` of them.
#[derive(Clone, Debug)]
pub struct When {
    method: Option<String>,
    model: Option<String>,
    nth: usize,
    times: usize,
}

impl When {
    /// The next request of any kind.
    pub fn any() -> Self {
        When {
            method: None,
            model: None,
            nth: 1,
            times: 1,
        }
    }

    /// The next call of this method (`read`, `search`, `authenticate`, `web/version` …).
    pub fn method(method: impl Into<String>) -> Self {
        When {
            method: Some(method.into()),
            ..When::any()
        }
    }

    /// Only on this model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Not the next one but the n-th, counted from 1.
    pub fn nth(mut self, nth: usize) -> Self {
        self.nth = nth.max(1);
        self
    }

    /// That many in a row.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// That one and all after it.
    pub fn forever(self) -> Self {
        self.times(usize::MAX)
    }

    fn matches(&self, method: &str, model: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.model.as_deref().is_none_or(|wanted| wanted == model)
    }

    /// Counts a request; whether it is struck, if it may be.
    fn strikes(&mut self, method: &str, model: &str, may: bool) -> bool {
        if !self.matches(method, model) {
            return false;
        }
        if self.nth > 1 {
            self.nth -= 1;
            return false;
        }
        let strikes = may && self.times > 0;
        if strikes && self.times != usize::MAX {
            self.times -= 1;
        }
        strikes
    }
}

/// A closure of a test, with the handle it gets.
pub(crate) type Hook = Box<dyn FnOnce() + Send>;

/// What is injected into one server.
pub(crate) struct Faults {
    injected: Mutex<Vec<(When, Fault)>>,
    hooks: Mutex<Vec<(When, Hook)>>,
    struck: AtomicUsize,
    refusing: AtomicBool,
    /// Told when `refusing` changes.
    pub(crate) changed: Notify,
    delay: Duration,
}

impl Faults {
    pub(crate) fn new(delay: Duration) -> Self {
        Faults {
            injected: Mutex::default(),
            hooks: Mutex::default(),
            struck: AtomicUsize::new(0),
            refusing: AtomicBool::new(false),
            changed: Notify::new(),
            delay,
        }
    }

    pub(crate) fn inject(&self, when: When, fault: Fault) {
        lock(&self.injected).push((when, fault));
    }

    pub(crate) fn hook(
        &self,
        when: When,
        sim: SimHandle,
        hook: impl FnOnce(&SimHandle) + Send + 'static,
    ) {
        lock(&self.hooks).push((when.times(1), Box::new(move || hook(&sim))));
    }

    pub(crate) fn clear(&self) {
        lock(&self.injected).clear();
        lock(&self.hooks).clear();
        self.refuse(false);
    }

    pub(crate) fn struck(&self) -> usize {
        self.struck.load(Ordering::SeqCst)
    }

    pub(crate) fn refuse(&self, refuse: bool) {
        self.refusing.store(refuse, Ordering::SeqCst);
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    pub(crate) fn refuses(&self) -> bool {
        self.refusing.load(Ordering::SeqCst)
    }

    /// How long every call waits.
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    /// The fault that strikes this request. All injections count it; the first to strike wins.
    pub(crate) fn for_request(&self, method: &str, model: &str) -> Option<Fault> {
        let mut found = None;
        for (when, fault) in lock(&self.injected).iter_mut() {
            if when.strikes(method, model, found.is_none()) {
                found = Some(fault.clone());
            }
        }
        if found.is_some() {
            self.struck.fetch_add(1, Ordering::SeqCst);
        }
        found
    }

    /// The hooks that this request sets off.
    pub(crate) fn hooks_for(&self, method: &str, model: &str) -> Vec<Hook> {
        let mut hooks = lock(&self.hooks);
        let mut due = Vec::new();
        let mut at = 0;
        while at < hooks.len() {
            if hooks[at].0.strikes(method, model, true) {
                due.push(hooks.remove(at).1);
            } else {
                at += 1;
            }
        }
        due
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
