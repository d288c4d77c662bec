//! The function behind API Gateway (HTTP API, payload 2.0): who is let in, what is
//! answered, and with which status.

mod answer;
mod door;
pub(crate) mod event;
