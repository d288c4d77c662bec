//! Connections that are cut in a transaction, at every stage of it: whether the commit went
//! through or not, the run goes on, and no row is missing or counted twice.

use odoo_sim::Version;
use odoo_sim::proxy::{Conduct, Direction, Ending, Point};

use super::wired::Wired;

/// How often a sync may commit before a test gives up to count.
const MANY: usize = 60;

/// Syncs into an empty mirror with one cut, at the first place, the second and so on, until a
/// sync comes to its end before the cut. Returns how many were struck.
async fn cut_everywhere(wired: &mut Wired, cut: impl Fn(usize) -> Conduct) -> usize {
    wired.sync_from_empty("the first").await;
    for nth in 1..MANY {
        wired.empty_the_mirror().await;
        let opened = wired.postgres.accepted();
        wired.postgres.conduct(cut(nth));
        wired.sync_from_empty(&format!("cut {nth}")).await;
        wired.postgres.conduct(Conduct::clean());
        if wired.postgres.accepted() == opened {
            return nth - 1;
        }
    }
    panic!("no end of transactions");
}

#[tokio::test]
async fn a_commit_that_goes_through_unheard_is_done_once() {
    for ending in [Ending::Close, Ending::Reset] {
        let mut wired = Wired::open(Version::V19, None, "").await;
        let struck = cut_everywhere(&mut wired, |nth| {
            Conduct::cut(Direction::ToClient, Point::Before(b"COMMIT\0", nth), ending)
        })
        .await;
        // The lease, the windows, the pages, the end and the reading of the result at least.
        assert!(struck >= 8, "{struck} commits were unheard");
    }
}

#[tokio::test]
async fn a_commit_that_never_arrives_is_done_again() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    let struck = cut_everywhere(&mut wired, |nth| {
        Conduct::cut(
            Direction::ToServer,
            Point::Before(b"COMMIT\0", nth),
            Ending::Close,
        )
    })
    .await;
    assert!(struck >= 8, "{struck} commits did not arrive");
}

#[tokio::test]
async fn a_statement_that_is_cut_off_is_done_again_wherever_that_is() {
    let mut wired = Wired::open(Version::V19, None, "").await;
    wired.sync_from_empty("the first").await;
    // Every place between two messages and within one, in steps that hit no pattern.
    for (direction, last, step) in [
        (Direction::ToServer, 60_000, 1_511),
        (Direction::ToClient, 16_000, 401),
    ] {
        let mut struck = 0;
        for at in (1..last).step_by(step) {
            wired.empty_the_mirror().await;
            let opened = wired.postgres.accepted();
            let cut = Conduct::cut(direction, Point::Byte(at), Ending::Reset);
            wired.postgres.conduct(cut);
            wired.sync_from_empty(&format!("{direction:?} {at}")).await;
            wired.postgres.conduct(Conduct::clean());
            if wired.postgres.accepted() == opened {
                break;
            }
            struck += 1;
        }
        assert!(struck >= 8, "{direction:?}: {struck} cuts struck");
    }
}

/// How many connections the function has given up, by its log.
async fn given_up(wired: &Wired) -> usize {
    let log = wired.function.log().await;
    log.matches("no answer in time").count()
}

#[tokio::test]
async fn a_transaction_that_nobody_answers_any_more_is_given_up_and_done_again() {
    // Three times this is how long a transaction may take.
    let parameters = "&connect_timeout=1&tcp_user_timeout=1";
    let mut wired = Wired::open(Version::V19, None, parameters).await;
    wired.sync_from_empty("the first").await;
    for (direction, point, ending) in [
        // Committed and unheard.
        (
            Direction::ToClient,
            Point::Before(b"COMMIT\0", 4),
            Ending::BlackHole,
        ),
        // Never committed: Postgres is told, the function is not.
        (
            Direction::ToServer,
            Point::Before(b"COMMIT\0", 4),
            Ending::HalfOpen,
        ),
        // While an idle connection is taken up.
        (Direction::ToServer, Point::Byte(0), Ending::BlackHole),
    ] {
        wired.empty_the_mirror().await;
        let before = given_up(&wired).await;
        let what = format!("{direction:?} {point:?}");
        wired
            .postgres
            .conduct(Conduct::cut(direction, point, ending));
        wired.sync_from_empty(&what).await;
        assert!(given_up(&wired).await > before, "{what}");
    }
}

#[tokio::test]
async fn a_way_that_is_cut_again_and_again_is_db_unreachable_and_the_next_sync_goes_on() {
    let mut wired = Wired::open(Version::V14, None, "").await;
    wired.sync_from_empty("the first").await;
    wired.empty_the_mirror().await;
    // The sixth transaction and all after it: nothing can be put on record either.
    let cut = |nth| {
        Conduct::cut(
            Direction::ToServer,
            Point::Before(b"COMMIT\0", nth),
            Ending::Close,
        )
    };
    wired.postgres.conduct(cut(6));
    wired.postgres.rule(move |_| cut(1));
    let answer = wired.function.call(&serde_json::json!({})).await;
    crate::support::shop::assert_failed(&answer, "db_unreachable");
    let metadata = wired.shop.metadata().await;
    assert_eq!(
        metadata["sync_status"], "in_progress",
        "nobody could say else"
    );
    wired.postgres.clear();
    // Stands for the minute after which its lease is over.
    let ended = "update odoo.sync_metadata set lease_expires_at = now() - interval '1 second'";
    wired.shop.execute(ended).await;
    wired.sync_from_empty("after it").await;
}
