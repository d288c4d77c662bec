//! The life of a reject: when it is tried again, and how it ends.

use odoo_sim::Version;
use serde_json::{Value, json};

use crate::support::function::Function;
use crate::support::shop::{Shop, VERSIONS};

const PRODUCT: &str = "product.product";

/// Notes every statement that records rejects, and its transaction.
const NOTE_STATEMENTS: &str = "create table noted (transaction text);
     create function note() returns trigger language plpgsql as $$ begin
         if current_query() like '%''reject''%' then
             insert into public.noted values (pg_current_xact_id()::text);
         end if;
         return null;
     end $$;
     create trigger note before insert on odoo.sync_findings
         for each statement execute function note()";

/// A shop after its first sync, in which one product became a reject.
struct Rejected {
    shop: Shop,
    function: Function,
    id: i64,
}

impl Rejected {
    async fn in_a(version: Version) -> Self {
        let shop = Shop::open(version).await;
        let id = shop.sim.ids(PRODUCT)[20];
        shop.sim.patch(PRODUCT, id, "weight", "\"heavy\"");
        let mut function = shop.function().await;
        let report = shop.sync(&mut function).await;
        assert_eq!(report["recordsSkipped"], 1);
        Self { shop, function, id }
    }

    async fn sync(&mut self) -> Value {
        self.shop.sync(&mut self.function).await
    }

    /// Lets the pause be over.
    async fn wait(&self) {
        self.shop
            .execute("update odoo.sync_findings set next_try_at = now()")
            .await;
    }

    async fn finding(&self) -> Value {
        let mut rows = self
            .shop
            .rows(
                "select attempts, resolution, resolved_at is not null as is_resolved,
                        round(extract(epoch from next_try_at - last_seen_at)) as pause
                 from odoo.sync_findings",
            )
            .await;
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }
}

#[tokio::test]
async fn a_reject_is_tried_again_only_after_its_pause_which_doubles_up_to_a_day() {
    for version in VERSIONS {
        let mut rejected = Rejected::in_a(version).await;
        let finding = rejected.finding().await;
        assert_eq!(
            (&finding["attempts"], &finding["pause"]),
            (&json!(1), &json!(60))
        );

        let report = rejected.sync().await;
        assert_eq!(report["recordsSkipped"], 0, "its pause is not over");
        assert_eq!(report["errors"], json!([]));
        assert_eq!(rejected.finding().await["attempts"], 1);

        for (attempts, pause) in [(2, 120), (3, 240), (4, 480)] {
            rejected.wait().await;
            let report = rejected.sync().await;
            assert_eq!(report["recordsSkipped"], 1);
            assert_eq!(report["errors"][0]["odooId"], rejected.id);
            let finding = rejected.finding().await;
            assert_eq!(finding["attempts"], attempts);
            assert_eq!(finding["pause"], pause);
            assert_eq!(finding["is_resolved"], false);
        }
        for attempts in [11, 400, 2_000_000] {
            let set = format!("update odoo.sync_findings set attempts = {attempts}");
            rejected.shop.execute(&set).await;
            rejected.wait().await;
            rejected.sync().await;
            assert_eq!(rejected.finding().await["pause"], 86_400);
        }
    }
}

#[tokio::test]
async fn a_reject_that_is_mended_where_no_change_time_moved_is_mirrored_and_resolved() {
    for version in VERSIONS {
        let mut rejected = Rejected::in_a(version).await;
        rejected.shop.sim.clear_faults();
        rejected.sync().await;
        assert_eq!(rejected.finding().await["is_resolved"], false);
        rejected.wait().await;
        let report = rejected.sync().await;
        assert_eq!(report["recordsInserted"], 1);
        assert_eq!(report["recordsSkipped"], 0);
        let finding = rejected.finding().await;
        assert_eq!(finding["is_resolved"], true);
        assert_eq!(finding["resolution"], "mended");
        rejected.shop.assert_mirrored().await;

        let report = rejected.sync().await;
        for count in ["recordsInserted", "recordsUpdated", "recordsSkipped"] {
            assert_eq!(report[count], 0, "nothing is left to do");
        }
    }
}

#[tokio::test]
async fn a_reject_that_is_mended_by_a_change_in_odoo_is_mirrored_at_once() {
    let mut rejected = Rejected::in_a(Version::V14).await;
    rejected.shop.sim.clear_faults();
    let sim = &rejected.shop.sim;
    sim.write(PRODUCT, &[rejected.id], json!({"weight": 1.5}));
    let report = rejected.sync().await;
    assert_eq!(report["recordsInserted"], 1);
    assert_eq!(rejected.finding().await["resolution"], "mended");
    rejected.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_reject_that_odoo_no_longer_has_is_resolved_as_gone() {
    for version in VERSIONS {
        let mut rejected = Rejected::in_a(version).await;
        rejected.shop.sim.unlink(PRODUCT, &[rejected.id]);
        rejected.wait().await;
        let report = rejected.sync().await;
        assert_eq!(report["recordsSkipped"], 0);
        let finding = rejected.finding().await;
        assert_eq!(finding["is_resolved"], true);
        assert_eq!(finding["resolution"], "gone");
        rejected.shop.assert_mirrored().await;
    }
}

/// More of them than fit into a page.
#[tokio::test]
async fn a_reconcile_resolves_every_reject_that_odoo_no_longer_has() {
    for version in VERSIONS {
        let shop = Shop::open(version).await;
        let ids = shop.sim.ids(PRODUCT);
        let (gone, there) = (&ids[20..27], ids[30]);
        for id in gone.iter().chain([&there]) {
            shop.sim.patch(PRODUCT, *id, "weight", "\"heavy\"");
        }
        shop.sync(&mut shop.function().await).await;
        shop.sim.hide(PRODUCT, gone);
        let mut function = shop.function_with(&[("SYNC_BATCH_SIZE", "2")]).await;
        let answer = function.call(&json!({"mode": "reconcile"})).await;
        assert_eq!(answer["success"], true, "{answer}");
        let open = "select odoo_id from odoo.sync_findings where resolved_at is null";
        assert_eq!(shop.rows(open).await, [json!({"odoo_id": there})]);
        let resolved = "select odoo_id from odoo.sync_findings where resolution = 'gone'";
        assert_eq!(shop.rows(resolved).await.len(), gone.len());
    }
}

#[tokio::test]
async fn a_row_that_turns_bad_keeps_its_old_state_and_is_no_deletion() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    let id = shop.sim.ids(PRODUCT)[20];
    let row = format!("select * from odoo.products where odoo_id = {id}");
    let before = shop.rows(&row).await;

    shop.sim.write(PRODUCT, &[id], json!({"weight": 2.5}));
    shop.sim.patch(PRODUCT, id, "weight", "NaN");
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsSkipped"], 1);
    // Twice more, for two counts that differ would start a search for deletions.
    for _ in 0..2 {
        let report = shop.sync(&mut function).await;
        assert_eq!(report["recordsDeleted"], 0);
    }
    assert_eq!(shop.rows(&row).await, before);

    shop.sim.clear_faults();
    shop.execute("update odoo.sync_findings set next_try_at = now()")
        .await;
    let report = shop.sync(&mut function).await;
    assert_eq!(report["recordsUpdated"], 1);
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_full_run_tries_every_reject_again() {
    let mut rejected = Rejected::in_a(Version::V14).await;
    rejected.shop.sim.clear_faults();
    let answer = rejected.function.call(&json!({"mode": "full"})).await;
    assert_eq!(answer["data"]["recordsInserted"], 1, "{answer}");
    assert_eq!(rejected.finding().await["resolution"], "mended");
    rejected.shop.assert_mirrored().await;
}

#[tokio::test]
async fn rejects_do_not_count_as_rows_that_are_missing_here() {
    let mut rejected = Rejected::in_a(Version::V19).await;
    for _ in 0..3 {
        rejected.sync().await;
        let streams = rejected
            .shop
            .rows("select count_mismatches from odoo.sync_streams")
            .await;
        assert!(streams.iter().all(|row| row["count_mismatches"] == 0));
    }
}

/// Postgres may be far away: a round trip for each of a page's rejects outlasts a transaction's time.
#[tokio::test]
async fn many_rejects_cost_few_statements_and_are_tried_again_a_hundred_at_a_time() {
    let shop = Shop::open(Version::V19).await;
    // None of those that have just changed: their window would bring them in as well.
    let ids = &shop.sim.ids(PRODUCT)[10..120];
    for id in ids {
        shop.sim.patch(PRODUCT, *id, "weight", "\"heavy\"");
    }
    shop.execute(NOTE_STATEMENTS).await;
    let mut function = shop.function_with(&[("SYNC_BATCH_SIZE", "1000")]).await;
    assert_eq!(shop.sync(&mut function).await["recordsSkipped"], 110);
    // One of a hundred, one of the rest.
    assert_eq!(shop.rows("select * from noted").await.len(), 2);
    let transactions = "select distinct transaction from noted";
    assert_eq!(shop.rows(transactions).await.len(), 1);

    shop.execute("truncate noted; update odoo.sync_findings set next_try_at = now()")
        .await;
    assert_eq!(shop.sync(&mut function).await["recordsSkipped"], 110);
    assert_eq!(shop.rows("select * from noted").await.len(), 2);
    assert_eq!(shop.rows(transactions).await.len(), 2);
    let tried = shop
        .rows("select attempts, count(*) from odoo.sync_findings group by attempts")
        .await;
    assert_eq!(tried, [json!({"attempts": 2, "count": 110})]);
}

#[tokio::test]
async fn a_record_that_jsonb_refuses_is_kept_as_text_and_those_beside_it_as_they_are() {
    let shop = Shop::open(Version::V19).await;
    let ids = &shop.sim.ids(PRODUCT)[20..26];
    for id in ids {
        shop.sim.patch(PRODUCT, *id, "weight", "\"heavy\"");
    }
    for id in [ids[1], ids[2], ids[5]] {
        shop.sim.patch(PRODUCT, id, "name", "\"\\ud800\"");
    }
    let mut function = shop.function().await;
    // Once as new ones, once as those that are open.
    for attempts in 1..=2 {
        assert_eq!(shop.sync(&mut function).await["recordsSkipped"], 6);
        let found = shop
            .rows(
                "select odoo_id, attempts, jsonb_typeof(payload) as form
                 from odoo.sync_findings order by odoo_id",
            )
            .await;
        let forms = ["object", "string", "string", "object", "object", "string"];
        let expected = ids
            .iter()
            .zip(forms)
            .map(|(id, form)| json!({"odoo_id": id, "attempts": attempts, "form": form}));
        assert_eq!(found, expected.collect::<Vec<_>>());
        shop.execute("update odoo.sync_findings set next_try_at = now()")
            .await;
    }
}
