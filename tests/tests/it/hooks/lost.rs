//! What would lose the run of a hook that was told of one: a bus that does not take the request, a commit that goes
//! through unheard, and a Postgres that is slow at the end of the run before.

use std::time::Duration;

use odoo_sim::proxy::{Conduct, Direction, Ending, Point};

use super::caller::{Hooked, call};
use crate::events::bus::Mood;
use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::postgres::open;
use crate::support::wait_until;

/// The transactions of a hook that finds no mark: whether there is one, its own, and the claim.
const TRANSACTIONS: usize = 3;

/// A run that is on, while which a hook has come.
async fn hooked_while_on(hooked: &Hooked) -> (Function, Hold) {
    let (products, hold) = hooked.run_that_is_on().await;
    call(&mut hooked.api().await).await;
    assert_eq!(hooked.requests(), 0, "the end of the run asks");
    (products, hold)
}

#[tokio::test]
async fn a_bus_that_does_not_take_what_the_end_of_a_run_asks_leaves_it_to_the_next_hook() {
    let hooked = Hooked::open().await;
    let (mut products, hold) = hooked_while_on(&hooked).await;
    hooked.bus.set_mood(Mood::RefusesEntries);
    hold.release();
    assert_eq!(products.answered().await["success"], true);
    assert_eq!(hooked.requests(), 0);
    hooked.bus.set_mood(Mood::Takes);
    call(&mut hooked.api().await).await;
    assert_eq!(hooked.requests(), 1);
}

#[tokio::test]
async fn a_commit_that_goes_through_unheard_does_not_keep_the_bus_from_being_asked() {
    let (hooked, postgres) = Hooked::through_proxy().await;
    let mut api = hooked.api().await;
    call(&mut api).await;
    // One that is told and one that is not: then the second try is a call of its own.
    for ending in [Ending::Close, Ending::BlackHole] {
        for nth in 1..=TRANSACTIONS {
            hooked.shop.execute("delete from odoo.sync_hooks").await;
            let (asked, opened) = (hooked.requests(), postgres.accepted());
            postgres.conduct(Conduct::cut(
                Direction::ToClient,
                Point::Before(b"COMMIT\0", nth),
                ending,
            ));
            call(&mut api).await;
            assert!(postgres.accepted() > opened, "{ending:?} {nth}: not struck");
            assert_eq!(hooked.requests(), asked + 1, "{ending:?} {nth}");
        }
    }
}

#[tokio::test]
async fn a_hook_that_waits_is_asked_for_although_nobody_knows_how_fresh_the_mirror_is() {
    let hooked = Hooked::open().await;
    let (mut products, hold) = hooked_while_on(&hooked).await;
    let another = open(&hooked.shop.database.url).await;
    // Between the end of the run and the question for its metrics, which alone looks at the streams then.
    hooked.bus.answer_after(Duration::from_secs(4));
    hold.release();
    wait_until("the run is over", async || {
        hooked.shop.runs().await[1]["status"] == "success"
    })
    .await;
    another
        .batch_execute("begin; lock table odoo.sync_streams in access exclusive mode")
        .await
        .expect("a lock");
    hooked.bus.answer_after(Duration::ZERO);
    assert_eq!(products.answered().await["success"], true);
    let log = products.log().await;
    assert!(log.contains("the last known freshness is told"), "{log}");
    assert_eq!(hooked.requests(), 1);
    another.batch_execute("commit").await.expect("unlocked");
}
