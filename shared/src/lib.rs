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
//! | `sdk`, `sdk_http` | what the AWS SDK's clients are built with, and their exchanges |
//! | [`odoo`] | reads from Odoo |
//! | [`mirror`] | writes rows to Postgres |
//! | `metadata` | lease, windows, runs, batches |
//! | [`sync`] | the engine that ties these together |
//! | `fan_out` | all data types in one batch |
//! | `api` | what the routes that start no sync answer |
//! | `backup` | a copy of the mirror in S3, and the way back; only with the feature `backup` |
//! | [`lambda`] | triggers in, answers and events out |
//! | [`telemetry`] | logs and metrics |
//!
//! # The way of a row
//!
//! trigger → request → lease → window → ids → page of records → typed columns (or a
//! reject) → one statement → cursor, all of a page in one transaction → next page →
//! watermark → result → event. It goes one way: no module calls back up.

mod api;
#[cfg(feature = "backup")]
pub mod backup;
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
mod sdk;
mod sdk_http;
pub mod specs;
pub mod sync;
pub mod telemetry;
pub mod tls;
