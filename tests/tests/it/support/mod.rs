//! What more than one file of tests needs.

pub(crate) mod certificate;
pub(crate) mod postgres;
