//! A simulated Odoo: a server that speaks Odoo's two remote protocols with the semantics of
//! version 14, 16, 17, 18 or 19, over a made up shop's data, and that misbehaves on request.
//!
//! Tests need an Odoo that starts in milliseconds, commits late, changes between two requests and
//! fails in a chosen way. It is honest: the conformance tests (`tests/it/conformance`) hold it and
//! real Odoo servers to the same statements, and where they differ it is the simulator that is
//! wrong.
//!
//! ```no_run
//! use odoo_sim::{Fault, OdooSim, Version, When};
//! use serde_json::json;
//!
//! # async fn example() {
//! let sim = OdooSim::builder().version(Version::V14).products(1_000).seed(7).start().await;
//! // Point the program under test to sim.url(), sim.database(), sim.user(), sim.password().
//!
//! let id = sim.create("product.product", json!({"name": "Cup", "list_price": 4.5}));
//! sim.write("product.template", &[1], json!({"list_price": 12.5}));
//!
//! // Past every check and computation: no name, a total that is no sum.
//! sim.force("product.product", id, json!({"name": null}));
//! sim.force("sale.order", 1, json!({"amount_total": 1.0}));
//!
//! let mut late = sim.begin();
//! late.write("product.product", &[id], json!({"weight": 0.3}));
//! // … other changes are made and read …
//! late.commit(); // seen only now, with the change time of `begin`
//!
//! sim.inject(When::method("read").nth(2), Fault::Reset);
//! sim.during_read(1, move |sim| sim.unlink("product.product", &[id]));
//!
//! assert_eq!(sim.count_requests("read"), 0);
//! let truth = sim.records("product.product");
//! # }
//! ```
//!
//! The way of a request: [`server`] takes it and applies faults, [`rpc`] makes a call of it,
//! [`query`] and [`store`] carry it out on models that [`schema`] defines as data, over the
//! records that [`seed`] made. What fails below HTTP, before Odoo or before Postgres, is done by
//! the [`proxy`].

mod clock;
mod error;
mod faults;
pub mod proxy;
mod pyjson;
mod query;
mod requests;
mod rpc;
mod schema;
mod seed;
mod server;
mod sim;
mod store;
mod time;
mod value;
mod version;

pub use clock::Clock;
pub use faults::{Fault, When};
pub use requests::{Protocol, SeenRequest};
pub use sim::{Builder, OdooSim, SimHandle, Transaction};
pub use version::Version;
