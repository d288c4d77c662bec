//! What bad input gets: a clear error with its code and remedy, on record, without a
//! panic, a retry of what cannot succeed, or a secret in a log. Once it is mended, the
//! next run succeeds and nothing is lost.

mod configuration;
mod every_function;
mod odoo;
mod passing;
mod postgres;
mod request;
