//! What the delete guard has to say of a world at rest, found by means of its own.

use std::collections::BTreeSet;

use serde_json::json;
use shared::specs::Stream;
use tokio_postgres::Client;

use super::world::World;

/// What `SYNC_DELETE_GUARD_PERCENT` is where nobody sets it.
const PERCENT: usize = 20;
/// So many rows may always go.
const ALWAYS_ALLOWED: usize = 10;

/// Whether a reconcile of all streams is stopped.
pub(super) async fn stops(world: &World, client: &Client) -> bool {
    for stream in world.spec.streams {
        let there: BTreeSet<i64> = world
            .odoo
            .search(stream.model, json!([]))
            .await
            .into_iter()
            .collect();
        let here = live(client, stream).await;
        let gone = here.difference(&there).count();
        let is_emptied = there.is_empty() && gone > 0;
        let before = match here.len().saturating_sub(new(client, stream).await) {
            // All are new, those that the reconcile brings in too.
            0 => here.union(&there).count(),
            before => before,
        };
        let is_large = gone > ALWAYS_ALLOWED && gone * 100 > before * PERCENT;
        if is_emptied || is_large {
            return true;
        }
    }
    false
}

/// The rows that came in or came back since source and mirror last agreed. Only the sync knows; that it
/// counts them right is for the tests of the guard.
async fn new(client: &Client, stream: &Stream) -> usize {
    let sql = "select coalesce(sum(rows_new), 0)::bigint from odoo.sync_streams where stream = $1";
    let row = client.query_one(sql, &[&stream.name]).await;
    let rows: i64 = row.expect("the stream's state").get(0);
    usize::try_from(rows).expect("no less than none")
}

/// The rows of a stream that are not marked as deleted.
pub(super) async fn live(client: &Client, stream: &Stream) -> BTreeSet<i64> {
    let sql = format!(
        "select odoo_id from odoo.{} where deleted_at is null",
        stream.name
    );
    let rows = client.query(&sql, &[]).await.expect("the mirror");
    rows.iter().map(|row| row.get(0)).collect()
}
