//! Everything that speaks to Postgres about mirror rows: the connection and its
//! transactions, the set-based upsert, findings and migrations.
//!
//! Between a function and Supabase's Postgres sits a transaction pooler: a statement
//! may run on any backend, so nothing here uses session state, advisory session locks
//! or a prepared statement that outlives its transaction. Statements go unnamed, with their
//! types stated.

pub(crate) mod batch;
pub mod connect;
mod copy;
pub(crate) mod database;
pub mod exposure;
pub(crate) mod findings;
pub(crate) mod glance;
pub mod migrate;
mod numeric;
mod rows;
pub(crate) mod rules;
pub mod sqlstate;
mod sslmode;
mod texts;
pub(crate) mod times;
mod tls;
pub(crate) mod upsert;
