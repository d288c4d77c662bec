//! Keeps a Postgres mirror true to an Odoo ERP. (Map of the crate to come.)

pub mod config;
pub mod error;
pub mod odoo;
