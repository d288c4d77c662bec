//! What more than one file of tests needs.

pub(crate) mod certificate;
pub(crate) mod function;
pub(crate) mod odoo;
pub(crate) mod postgres;
pub(crate) mod snapshot;
