//! Keeps a Postgres mirror true to an Odoo ERP: complete, exact, soon, cheap.
//!
//! # Map
//!
//! | module | is for |
//! | --- | --- |
//! | [`specs`] | what is mirrored, as pure data |
//! | [`config`] | the environment, read nowhere else |
//! | [`error`] | one error type whose kind decides retry and answer |
//! | `handshake` | why TLS failed, for both of these |
//! | `sdk_http` | the AWS SDK's exchanges, over the one TLS stack that is there |
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
mod handshake;
pub mod lambda;
mod metadata;
pub mod mirror;
pub mod odoo;
mod sdk_http;
pub mod specs;
pub mod sync;
pub mod telemetry;
