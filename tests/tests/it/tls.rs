//! TLS as a function lives it, to Odoo and to Postgres: a private CA works, and whoever is not
//! who he should be is refused at once, with the reason.

mod certificates;
mod odoo;
mod postgres;
mod terminator;
