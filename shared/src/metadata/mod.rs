//! What the sync remembers about itself: the lease of a data type, the windows of its
//! streams, its runs and crashes, batches of all data types, and what Odoo's hooks ask for. All times are Postgres's.

pub(crate) mod batches;
pub(crate) mod claim;
pub(crate) mod comparison;
pub(crate) mod crashes;
pub(crate) mod cursor;
pub(crate) mod deletions;
pub(crate) mod hooks;
pub(crate) mod lease;
pub(crate) mod pauses;
pub(crate) mod runs;
pub(crate) mod stale;
pub(crate) mod streams;
pub(crate) mod vitals;
