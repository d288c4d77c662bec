//! The function `api`: what it answers on each of its routes, and what it refuses.

pub(crate) mod caller;
mod door;
mod health;
mod lists;
mod progress;
mod reconciled;
mod reset;
mod status;
