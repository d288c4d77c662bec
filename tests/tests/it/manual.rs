//! What an operator does by hand, and the page that says when.

mod cancel;
mod desk;
mod dismissed;
mod history;
mod pause;
mod pause_of_all;
mod practice;
pub(crate) mod queue;
mod replay;
mod retry;
mod runbook;
