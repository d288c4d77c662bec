//! Rules: a row that breaks one is mirrored and has a warning, which a later run resolves
//! once the row is mended. On Odoo's oldest and newest shape.

mod breach;
mod reference;
mod row;
mod shop;
