//! How long a backup or a restore waits for Postgres.
//!
//! Both take as long as there are rows, so neither has a limit as a whole, and Postgres is asked for
//! none on its statements. But each single answer has one: what stands between, a pooler or a
//! tunnel, acknowledges what is sent also where nobody is behind it any more, and nobody would ever
//! be told.

use std::time::Duration;

use crate::error::Result;
use crate::mirror::connect::Connection;
use crate::mirror::database::in_time;

/// A migration may go over all rows of the largest table in one statement, so all of them together
/// may take so many times as long as any other answer.
const MIGRATIONS_SHARE: u32 = 10;

/// How long to wait for an answer of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    longest: Duration,
}

impl Silence {
    /// As long as any other transaction may take on it: three times `tcp_user_timeout`, 3 minutes.
    pub(super) fn on(connection: &Connection) -> Self {
        Self {
            longest: connection.patience().transaction,
        }
    }

    /// Waits for one answer, or for a few that come at once.
    ///
    /// # Errors
    /// `db_unreachable` where it does not come; that of `future`.
    pub(super) async fn broken_by<T>(
        self,
        doing: &str,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        in_time(doing, self.longest, future).await
    }

    /// As [`Silence::broken_by`], where migrations are applied.
    pub(super) async fn broken_by_migrations<T>(
        self,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let longest = self.longest.saturating_mul(MIGRATIONS_SHARE);
        in_time("applying migrations", longest, future).await
    }
}
