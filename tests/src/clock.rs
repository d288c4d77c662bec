//! The simulated Odoo's clock: the time of its transactions and of its `Date` header.
//!
//! It is the real time until a test moves or sets it, so that "an hour later" costs no hour.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// The clock of one simulated server. Shared by reference: see `OdooSim::clock`.
#[derive(Debug, Default)]
pub struct Clock {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where the clock stands still, in microseconds since 1970.
    stopped_at: Option<i64>,
    /// What is added to the real time while it runs.
    offset: i64,
}

impl Clock {
    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.now_micros()).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward, whether it runs or stands.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX / 2);
        let mut state = self.lock();
        match &mut state.stopped_at {
            Some(at) => *at += by,
            None => state.offset += by,
        }
    }

    /// Stops the clock at this time: it moves by [`Clock::advance`] only.
    pub fn set(&self, at: Timestamp) {
        self.lock().stopped_at = Some(at.as_microsecond());
    }

    /// Lets the clock run on in real time from where it stands.
    pub fn resume(&self) {
        let mut state = self.lock();
        if let Some(at) = state.stopped_at.take() {
            state.offset = at - real_micros();
        }
    }

    pub(crate) fn now_micros(&self) -> i64 {
        let state = self.lock();
        state
            .stopped_at
            .unwrap_or_else(|| real_micros() + state.offset)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn real_micros() -> i64 {
    Timestamp::now().as_microsecond()
}
