//! How long an invocation may work: until its Lambda deadline or its caller's patience is
//! nearly over. What is left then is for the commit under way, the hand-over, the event and
//! the answer.

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind, Result};

/// Most that is set aside before Lambda's deadline. A page's commit takes well under a
/// second; ten times that is for a Postgres that is slow just then.
const LAMBDA_MARGIN: Duration = Duration::from_secs(20);
/// Most that is set aside before an HTTP caller is to have its answer.
const CALLER_MARGIN: Duration = Duration::from_secs(2);
/// What an event may take that is sent when a caller's time is up: without it a run would not go on, so
/// the caller waits a little longer.
const EVENT_ROOM: Duration = Duration::from_secs(4);
/// What must be left before Lambda's deadline for anything that may as well be left out.
const ROOM_FOR_MORE: Duration = Duration::from_secs(2);
/// API Gateway waits for 30 s, and then answers in our place.
const GATEWAY_LIMIT: Duration = Duration::from_millis(29_500);
/// Longest that a caller waits for a Postgres that keeps silent.
const SILENCE: Duration = Duration::from_secs(25);
/// Lambda's longest, for a runtime that names no deadline.
const LONGEST: Duration = Duration::from_secs(900);
/// `cargo lambda watch` (1.9.2) names a time on the first day of 1970, which is none.
const NO_DEADLINE_MS: u64 = 86_400_000;

/// The times of one invocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    started: Instant,
    left: Duration,
}

impl Deadline {
    /// From what the runtime says, in milliseconds since 1970.
    pub(super) fn new(deadline_ms: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let left = match deadline_ms {
            0..NO_DEADLINE_MS => LONGEST,
            at => Duration::from_millis(at).saturating_sub(now).min(LONGEST),
        };
        Self {
            started: Instant::now(),
            left,
        }
    }

    /// When to stop so that Lambda does not.
    pub(super) fn of_lambda(self) -> Instant {
        self.started + self.left - margin(self.left, LAMBDA_MARGIN)
    }

    /// When the caller waits no longer.
    pub(super) fn patience(self, budget: Duration) -> Instant {
        self.started + budget
    }

    /// Whether there is time for what nobody waits for.
    pub(super) fn has_room(self) -> bool {
        self.started + self.left > Instant::now() + ROOM_FOR_MORE
    }

    /// When to stop so that the caller has its answer in time.
    pub(super) fn of_caller(self, budget: Duration) -> Instant {
        let margin = (budget / 4).min(CALLER_MARGIN);
        (self.started + budget - margin).min(self.of_lambda())
    }

    /// Until when an event may be sent that a caller's answer waits for.
    pub(super) fn of_event(self, budget: Duration) -> Instant {
        self.started + (budget + EVENT_ROOM).min(GATEWAY_LIMIT)
    }

    /// When a caller is answered although Postgres keeps silent.
    pub(super) fn of_silence(self) -> Instant {
        (self.started + SILENCE).min(self.of_lambda())
    }

    /// Until when an event may be sent that nobody waits for. Lambda ends what takes too long, and tries it again;
    /// to stop before would only lose the event.
    pub(super) fn of_lambda_itself(self) -> Instant {
        self.started + LONGEST
    }
}

/// What `asking` Postgres brings, or that it kept silent for too long. Its connection is of
/// no use to the next one then.
///
/// # Errors
/// `db_unreachable` where the time comes first, and those of `asking`.
pub(super) async fn in_time<T>(
    until: Instant,
    asking: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout_at(until, asking).await.unwrap_or_else(|_| {
        let message = "Postgres did not answer in time";
        Err(Error::new(ErrorKind::DbUnreachable, message))
    })
}

/// A tenth, so that a short time is not all margin.
fn margin(time: Duration, most: Duration) -> Duration {
    (time / 10).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deadline(left: Duration) -> Deadline {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at = now + left;
        Deadline::new(u64::try_from(at.as_millis()).expect("a near time"))
    }

    fn seconds(deadline: Deadline, at: Instant) -> f32 {
        (at - deadline.started).as_secs_f32()
    }

    #[test]
    fn a_long_invocation_keeps_twenty_seconds_and_a_short_one_a_tenth() {
        for (left, work) in [(900, 880.0), (100, 90.0), (10, 9.0)] {
            let deadline = deadline(Duration::from_secs(left));
            let found = seconds(deadline, deadline.of_lambda());
            assert!((found - work).abs() < 0.5, "{left}: {found}");
        }
    }

    #[test]
    fn a_caller_waits_for_its_budget_or_for_lambda_whichever_is_sooner() {
        let long = deadline(Duration::from_secs(900));
        let found = seconds(long, long.of_caller(Duration::from_secs(25)));
        assert!((found - 23.0).abs() < 0.1, "{found}");
        let short = deadline(Duration::from_secs(10));
        assert_eq!(short.of_caller(Duration::from_secs(25)), short.of_lambda());
    }

    #[test]
    fn an_event_has_time_beyond_the_caller_s_budget_but_not_beyond_api_gateway() {
        let long = deadline(Duration::from_secs(900));
        for (budget, at) in [(1, 5.0), (25, 29.0), (29, 29.5)] {
            let found = seconds(long, long.of_event(Duration::from_secs(budget)));
            assert!((found - at).abs() < 0.1, "{budget}: {found}");
        }
    }

    #[test]
    fn a_short_budget_leaves_a_quarter_for_the_commit_and_the_answer() {
        let long = deadline(Duration::from_secs(900));
        let found = seconds(long, long.of_caller(Duration::from_secs(1)));
        assert!((found - 0.75).abs() < 0.01, "{found}");
    }

    #[test]
    fn a_deadline_that_is_past_leaves_no_time_and_none_leaves_lambda_s_longest() {
        let past = Deadline::new(NO_DEADLINE_MS);
        assert_eq!(past.of_lambda(), past.started);
        for none in [0, 600_000] {
            let none = Deadline::new(none);
            assert!((seconds(none, none.of_lambda()) - 880.0).abs() < 0.1);
        }
    }
}
