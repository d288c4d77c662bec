//! Connections that are cut while nobody uses them: between two invocations, while the function
//! is frozen.

use odoo_sim::Version;
use odoo_sim::proxy::{Conduct, Ending};

use super::wired::Wired;
use crate::support::wire::{proxy_before, through};

#[tokio::test]
async fn what_is_cut_while_the_function_is_frozen_is_opened_again_also_where_nobody_tells_it() {
    // As long as it may take to open a connection, one that is open may take to answer.
    let mut wired = Wired::open(Version::V19, None, "&connect_timeout=1").await;
    let odoo = proxy_before(wired.shop.sim.url());
    let odoo_url = through(&odoo, wired.shop.sim.url());
    let variables = [("ODOO_URL", odoo_url.as_str()), ("ODOO_TIMEOUT_MS", "1000")];
    wired.function = wired.shop.function_with(&variables).await;
    wired.shop.sync(&mut wired.function).await;
    for ending in Ending::ALL {
        wired.function.freeze();
        for proxy in [&wired.postgres, &odoo] {
            assert!(proxy.open() > 0, "it keeps its connections");
            proxy.strike(ending);
        }
        wired.function.thaw();
        wired.shop.change_something();
        let report = wired.shop.sync(&mut wired.function).await;
        assert_eq!(report["recordsUpdated"], 1, "{ending:?}: {report}");
        wired.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn a_connection_that_postgres_ends_while_it_is_idle_is_opened_again() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    wired.shop.sync(&mut wired.function).await;
    for _ in 0..3 {
        wired.terminate().await;
        wired.shop.change_something();
        let report = wired.shop.sync(&mut wired.function).await;
        assert_eq!(report["recordsUpdated"], 1, "{report}");
    }
    wired.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_slow_line_is_no_dead_one() {
    let mut wired = Wired::open(Version::V19, None, "&connect_timeout=1").await;
    let slow = || Conduct::delay(std::time::Duration::from_millis(60));
    wired.postgres.rule(move |_| slow());
    let report = wired.sync_from_empty("a slow line").await;
    assert_eq!(report["retries"], 0);
    assert_eq!(wired.postgres.accepted(), 1);
}
