//! A ceiling on requests per second, for an Odoo that must not be kept too busy.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Hands out moments at which a request may be sent, one period apart.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_are_a_period_apart_whoever_asks() {
        let pace = Pace::per_second(4.0).expect("a ceiling");
        let start = Instant::now();
        tokio::join!(pace.wait(), pace.wait(), pace.wait());
        assert_eq!(start.elapsed().as_millis() / 10, 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_not_followed_by_a_burst() {
        let pace = Pace::per_second(4.0).expect("a ceiling");
        pace.wait().await;
        tokio::time::advance(Duration::from_secs(60)).await;
        let start = Instant::now();
        pace.wait().await;
        pace.wait().await;
        assert_eq!(start.elapsed().as_millis() / 10, 25);
    }

    #[test]
    fn no_rate_makes_it_panic() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e-18] {
            if let Some(pace) = Pace::per_second(rate) {
                pace.turn();
                pace.turn();
            }
        }
    }
}
