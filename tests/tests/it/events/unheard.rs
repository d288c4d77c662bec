//! A hand-over of which the function hears nothing, although it is on record.

use odoo_sim::Version;
use odoo_sim::proxy::{Conduct, Direction, Ending, Point};
use serde_json::json;

use super::bus::Mood;
use super::chain::{Chain, SHORT};
use crate::support::shop::assert_failed;
use crate::support::wait_until;
use crate::support::wire::{proxy_before, through};

#[tokio::test]
async fn a_hand_over_that_is_committed_unheard_is_followed_by_its_next_slice() {
    // The commit's own answer is lost, or what is read after it.
    for lost in [1, 2] {
        let mut chain = Chain::in_a_shop(Version::V19, Mood::Takes).await;
        let proxy = proxy_before(&chain.shop.database.url);
        let variables = [
            ("SUPABASE_DB_URL", through(&proxy, &chain.shop.database.url)),
            ("SYNC_MAX_RETRIES", "0".to_owned()),
        ];
        chain.shop.environment.extend(variables);
        chain.function = chain.shop.function().await;
        chain.let_one_page_through();
        chain.function.send_with_deadline(&json!({}), SHORT);
        let holder = chain.hold_the_hand_over_up().await;
        wait_until("the run is about to be handed over", async || {
            let waits = "select pid from pg_stat_activity
                         where datname = current_database() and wait_event_type = 'Lock'";
            !chain.shop.rows(waits).await.is_empty()
        })
        .await;
        let point = Point::Before(b"COMMIT\0", lost);
        proxy.conduct(Conduct::cut(Direction::ToClient, point, Ending::Close));
        holder.batch_execute("commit").await.expect("a commit");

        assert_failed(&chain.function.answered().await, "db_unreachable");
        let next = chain.next();
        assert_eq!(next["detail"]["slice"], 2, "{next}");
        assert_eq!(chain.bus.heard().len(), 1, "it is told as a failure");

        proxy.clear();
        chain.let_all_through();
        let answer = chain.function.call(&next).await;
        assert_eq!(answer["data"]["status"], "success", "{answer}");
        assert_eq!(answer["data"]["slices"], 2);
        chain.shop.assert_mirrored().await;
    }
}
