//! Finding and reading records: domains, orders, and the JSON of a page.

pub(crate) mod domain;
mod order;
pub(crate) mod read;
pub(crate) mod search;
