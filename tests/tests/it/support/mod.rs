//! What more than one file of tests needs.

pub(crate) mod certificate;
pub(crate) mod cluster;
pub(crate) mod day;
pub(crate) mod function;
pub(crate) mod hold;
pub(crate) mod odoo;
pub(crate) mod postgres;
pub(crate) mod random;
pub(crate) mod shop;
pub(crate) mod snapshot;
pub(crate) mod wire;

use std::time::Duration;

/// Waits for a condition, for a minute at most.
pub(crate) async fn wait_until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
