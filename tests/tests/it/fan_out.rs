//! `sync-all`: all data types in one batch, a few at a time.

mod dispatch;
mod ending;
mod http;
mod lost;
mod references;
mod repeats;
mod sending;
mod shop;
mod whole;
pub(crate) mod yard;
