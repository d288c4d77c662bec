//! Every test that needs a server. One binary, because each would link the whole
//! workspace again; a file a subject.

mod api;
mod bad_input;
mod chaos;
mod conformance;
mod connections;
mod crash;
mod doctor;
mod events;
mod extra_fields;
mod fan_out;
mod findings;
mod first_fill;
mod http;
mod lease;
mod migrations;
mod odoo_client;
mod openapi;
mod postgres;
mod reconcile;
mod registry;
mod reliability;
mod row_level;
mod rules;
mod serverless;
mod shapes;
mod silence;
mod stock_movements;
mod stock_on_hand;
mod streams;
mod support;
mod template;
mod tls;
mod views;
mod window;
mod working_day;
