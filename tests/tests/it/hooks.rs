//! Webhooks of Odoo's: who is let in, and how many runs come of how many hooks. `serverless/hooks.rs` has
//! them in a real Odoo.

mod asked;
mod by_hand;
mod caller;
mod door;
mod lost;
mod promptly;
