//! A ceiling on requests per second, for an Odoo that must not be kept too busy.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out moments at which a request may be sent, one period apart.
#[derive(Debug)]
pub(crate) struct Pace {
    period: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    /// `None` for a rate that is no ceiling.
    pub(crate) fn per_second(rate: f64) -> Option<Self> {
        let period = Duration::try_from_secs_f64(rate.recip()).ok()?;
        Some(Self {
            period,
            next: Mutex::new(Instant::now()),
        })
    }

    /// Waits for this request's turn.
    pub(crate) async fn wait(&self) {
        sleep_until(self.turn()).await;
    }

    /// Unused turns are not saved up: after a pause there is no burst.
    fn turn(&self) -> Instant {
        let mut next = self
            .next
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let turn = Instant::now().max(*next);
        *next = turn.checked_add(self.period).unwrap_or(turn);
        turn
    }
}
