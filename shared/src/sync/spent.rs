//! What the servers outside cost a run in time, for its account.

use std::time::Duration;

/// Time that something outside took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for Odoo's answers; of requests under way at once each for itself.
    pub odoo: Duration,
    /// In transactions, connecting for them included.
    pub postgres: Duration,
}

impl Spent {
    /// What of it came after `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            odoo: self.odoo.saturating_sub(earlier.odoo),
            postgres: self.postgres.saturating_sub(earlier.postgres),
        }
    }
}
