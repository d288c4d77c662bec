//! Keeps a Postgres mirror true to an Odoo ERP: complete, exact, soon, cheap.
//!
//! # Map
//!
//! | module | is for |
//! | --- | --- |
//! | [`specs`] | what is mirrored, as pure data |
//! | [`config`] | the environment, read nowhere else |
//! | [`error`] | one error type whose kind decides retry and answer |
//! | [`tls`] | whom to trust, and why a handshake failed: for all of these |
//! | [`odoo`] | reads from Odoo |
//! | [`mirror`] | writes rows to Postgres |
//! | `metadata` | lease, windows, runs, batches |
//! | [`sync`] | the engine that ties these together |
//! | `fan_out` | all data types in one batch |
//! | `api` | what the routes that start no sync answer |
//! | [`lambda`] | triggers in, answers and events out |
//! | [`telemetry`] | logs |
//!
//! # The way of a row
//!
//! trigger → request → lease → window → ids → page of records → typed columns (or a
//! reject) → one statement → cursor, all of a page in one transaction → next page →
//! watermark → result → event. It goes one way: no module calls back up.

mod api;
pub mod config;
pub mod doctor;
pub mod error;
mod fan_out;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod lambda;
mod metadata;
pub mod mirror;
pub mod odoo;
pub mod specs;
pub mod sync;
pub mod telemetry;
pub mod tls;
