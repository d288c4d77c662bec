//! Warehouses, orders and transfers: their fields, what moves their change times, how they are
//! read.
//!
//! Real servers hold demo data of the modules `sale_stock` and `purchase_stock`.

mod change_times;
mod fields;
mod made;
mod quantities;
mod reading;
