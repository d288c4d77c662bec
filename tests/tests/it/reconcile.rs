//! A reconcile: the mirror is true to the whole source afterwards, whatever was wrong with
//! it, and what was right is neither read nor written.

mod deletion;
mod difference;
mod guard;
mod late;
mod real;
mod related;
mod reset;
pub(crate) mod shop;
mod slices;
