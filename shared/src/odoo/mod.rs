//! Reads from Odoo, and is the only part that knows how Odoo speaks.
//!
//! The engine asks in terms of models, domains and ids; this module turns that into
//! one of Odoo's two protocols, tries again what may pass, and says of everything
//! else in one sentence what is wrong. Rows leave here as JSON *text*: a price keeps
//! the digits that Odoo sent, because no float is ever made of it.
//!
//! A call's way through the files:
//!
//! - [`client`]: what the engine calls; one function a question.
//! - `session`: which protocol, and who we are there; found out once.
//! - `call`: model, method and arguments; `jsonrpc` and `json2` write it down for the wire
//!   and read the answer's envelope.
//! - `transport`: one HTTP exchange, under `pace`'s ceiling, repeated as `retry` says.
//! - `answer`: from the body's bytes to valid JSON (`non_finite` mends Python's `NaN`).
//! - `fault`: the one place that decides what a failure means and whether it may pass.
//!
//! [`domain`] builds search conditions, [`value`] knows Odoo's way of writing times, and
//! [`field`] its types.

mod answer;
mod call;
pub mod client;
pub mod domain;
#[cfg(test)]
mod domain_properties;
mod fault;
pub mod field;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod json2;
mod jsonrpc;
mod non_finite;
mod pace;
mod retry;
#[cfg(test)]
mod scripted_server;
mod session;
mod transport;
pub mod value;

pub use answer::RawRecords;
pub use client::{NewestChange, OdooClient};
pub use domain::Domain;
pub use field::FieldType;
pub use session::{Connected, Protocol};
pub use transport::Counters;
