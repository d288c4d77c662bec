//! An operator who resets the data type, also while it is at work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::world::World;
use crate::api::caller::Caller;
use crate::support::random::Random;

/// Whoever holds the row may be gone; nobody waits for that.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many resets have begun, and how many of those are known to be over.
#[derive(Default)]
pub(super) struct Resets {
    begun: AtomicUsize,
    over: AtomicUsize,
}

impl Resets {
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub(super) fn over(&self) -> usize {
        self.over.load(Ordering::SeqCst)
    }

    /// Resets in some rounds, in most of those by force.
    pub(super) async fn happen(&self, world: &World, mut random: Random, until: Instant) {
        if random.percent(70) {
            return;
        }
        let database = world.database.url.clone();
        let mut caller = Caller::with(&[("SUPABASE_DB_URL", database)].into()).await;
        loop {
            sleep(Duration::from_millis(100) + random.milliseconds(600)).await;
            if Instant::now() >= until {
                return;
            }
            let force = if random.percent(70) {
                "?force=true"
            } else {
                ""
            };
            let target = format!("/api/sync/reset/{}{force}", world.spec.name);
            self.begun.fetch_add(1, Ordering::SeqCst);
            let answer = timeout(PATIENCE, caller.ask("POST", &target)).await;
            let Ok((status, body)) = answer else {
                // It may still come to pass.
                return;
            };
            // Done, busy, or Postgres ended its session twice.
            assert!([200, 409, 503].contains(&status), "{status}: {body}");
            self.over.fetch_add(1, Ordering::SeqCst);
        }
    }
}
