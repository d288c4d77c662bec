//! One set of statements about Odoo, held against the simulator and against real servers.
//!
//! The simulator is only worth testing against while it behaves as Odoo does. So each statement is
//! made once and tested four times: `sim_14` and `sim_19` always, `odoo_14` and `odoo_19` where a
//! real server is there (`TEST_ODOO_14_URL`, `_DB`, `_USER`, `_PASSWORD`, `_API_KEY`, and the same
//! for 19). Where they differ, the simulator is wrong.
//!
//! The tests speak HTTP themselves: the client under test elsewhere must not explain Odoo to them.
//! They make the records they need and delete them, so they can run on a database in use.

mod change_times;
mod documents;
mod domains;
mod failures;
mod fields;
mod json2;
mod protocols;
mod reading;
mod relations;
mod server;
mod values;

/// Makes of each named function, which takes a [`server::Server`], a test on every server.
macro_rules! on_every_server {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            use crate::conformance::server::Server;
            use odoo_sim::Version;

            #[tokio::test]
            async fn sim_14() {
                let server = Server::simulated(Version::V14).await;
                super::$name(&server).await;
            }

            #[tokio::test]
            async fn sim_19() {
                let server = Server::simulated(Version::V19).await;
                super::$name(&server).await;
            }

            #[tokio::test]
            #[ignore = "needs a real Odoo 14: cargo xtask test --odoo 14"]
            async fn odoo_14() {
                let server = Server::real(Version::V14);
                super::$name(&server).await;
                server.clean_up().await;
            }

            #[tokio::test]
            #[ignore = "needs a real Odoo 19: cargo xtask test --odoo 19"]
            async fn odoo_19() {
                let server = Server::real(Version::V19);
                super::$name(&server).await;
                server.clean_up().await;
            }
        })+
    };
}
use on_every_server;
