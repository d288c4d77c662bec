//! docs/OPERATIONS.md says how old history is taken away.

use std::fs;

use odoo_sim::Version;
use serde_json::json;

use super::desk::{Desk, PRODUCT};

/// The statements of the section *What grows*.
fn statements() -> String {
    let page = fs::read_to_string("../docs/OPERATIONS.md").expect("a page");
    let (_, section) = page.split_once("\n## What grows\n").expect("the section");
    let (_, block) = section.split_once("```sql\n").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.to_owned()
}

#[tokio::test]
async fn old_history_goes_and_the_mirror_goes_on_from_where_it_was() {
    let mut desk = Desk::open(Version::V19).await;
    let ids = desk.shop.sim.ids(PRODUCT);
    // One is mended, one dismissed, one open.
    for id in &ids[20..23] {
        desk.shop.sim.patch(PRODUCT, *id, "weight", "\"heavy\"");
    }
    desk.sync("full").await;
    let sql = format!(
        "select id from odoo.sync_findings where odoo_id = {}",
        ids[21]
    );
    let finding = desk.shop.rows(&sql).await[0]["id"].clone();
    desk.done(&format!("findings/{finding}/dismiss")).await;
    desk.shop
        .execute(&format!(
            "update odoo.sync_findings set resolved_at = now(), resolution = 'mended'
             where odoo_id = {};
             update odoo.sync_findings set resolved_at = resolved_at - interval '91 days';
             update odoo.sync_runs set finished_at = finished_at - interval '91 days'",
            ids[20]
        ))
        .await;
    let watermarks = desk.shop.watermarks().await;

    desk.shop.execute(&statements()).await;
    assert_eq!(desk.shop.runs().await, [json!(null); 0]);
    assert_eq!(desk.shop.watermarks().await, watermarks);
    let left = desk
        .shop
        .rows("select odoo_id from odoo.sync_findings order by odoo_id")
        .await;
    assert_eq!(
        left,
        [json!({"odoo_id": ids[21]}), json!({"odoo_id": ids[22]})]
    );

    let status = desk.caller.get("/api/sync/status/products").await;
    assert_eq!(status["status"]["products"], "success", "{status}");
    desk.shop.change_something();
    let run = desk.sync("incremental").await;
    assert_eq!(run["status"], "success", "{run}");
    assert_eq!(run["recordsDeleted"], 0, "{run}");
}
