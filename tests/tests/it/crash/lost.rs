//! What Postgres had confirmed and has lost, by a crash with `synchronous_commit = off` or a
//! fail-over to a standby that lagged, and no later page of the stream is there to find it. Here
//! the loss is made by hand, while the run waits for Odoo.

use odoo_sim::{Version, When};
use serde_json::{Value, json};

use crate::support::function::Function;
use crate::support::hold::Hold;
use crate::support::shop::Shop;

const PRODUCT: &str = "product.product";

/// Ends a run that has lost something: it fails, nothing counts as read, and the next run makes it good.
async fn assert_found_and_mended(shop: &Shop, function: &mut Function, before: &[Value]) {
    let answer = function.answered().await;
    shop.assert_recorded(&answer, "db_fault").await;
    assert_eq!(shop.watermarks().await, before, "a watermark has moved");

    shop.sync(function).await;
    shop.assert_mirrored().await;
}

#[tokio::test]
async fn the_only_page_of_a_window_that_is_lost_fails_the_run() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    shop.sync(&mut function).await;
    shop.change_something();
    // A reject that is due: after the list of what has changed, Odoo is asked for it between the
    // last page and the window's end.
    shop.execute(
        "insert into odoo.sync_findings
             (data_type, stream, odoo_id, severity, rule, reason, next_try_at)
         values ('products', 'products', 999999, 'reject', 'representation', 'a reason', now())",
    )
    .await;
    let before = shop.watermarks().await;
    let hold = Hold::the_next(&shop.sim, When::method("search").model(PRODUCT).nth(2));
    function.send(&json!({}));
    hold.reached().await;
    let changed = shop.sim.ids(PRODUCT)[7];
    shop.execute(&format!(
        "update odoo.sync_streams set last_id = 0 where stream = 'products';
         update odoo.products set weight = -1 where odoo_id = {changed}"
    ))
    .await;
    hold.release();
    assert_found_and_mended(&shop, &mut function, &before).await;
}

#[tokio::test]
async fn the_end_of_a_stream_that_is_lost_while_the_next_one_is_read_fails_the_run() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    let hold = Hold::the_next(&shop.sim, When::method("read").model(PRODUCT).nth(2));
    function.send(&json!({}));
    hold.reached().await;
    let watermarks = shop.watermarks().await;
    crate::support::wait_until("the units are read", async || {
        let done = "select from odoo.sync_streams where stream = 'uoms' and window_done";
        !shop.rows(done).await.is_empty()
    })
    .await;
    shop.execute(
        "update odoo.sync_streams set window_done = false, last_id = 0 where stream = 'uoms';
         delete from odoo.uoms",
    )
    .await;
    hold.release();
    assert_found_and_mended(&shop, &mut function, &watermarks).await;
}

#[tokio::test]
async fn the_beginning_of_a_comparison_that_is_lost_fails_the_run() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let hold = hold_first_comparison(&shop, &mut function).await;
    let watermarks = shop.watermarks().await;
    // The cursor is again where reading has ended, beyond every id that is to be compared.
    let last = shop.sim.ids(PRODUCT).into_iter().max().expect("a product");
    shop.execute(&format!(
        "update odoo.sync_streams set window_phase = 'read', last_id = {last}
         where stream = 'products';
         delete from odoo.products where odoo_id = {last}"
    ))
    .await;
    hold.release();
    assert_found_and_mended(&shop, &mut function, &watermarks).await;
}

#[tokio::test]
async fn the_end_of_a_comparison_that_is_lost_while_the_next_one_is_on_fails_the_run() {
    let shop = Shop::open(Version::V14).await;
    let mut function = shop.function().await;
    let hold = hold_first_comparison(&shop, &mut function).await;
    let watermarks = shop.watermarks().await;
    let next = Hold::the_next(&shop.sim, When::any().model(PRODUCT));
    hold.release();
    next.reached().await;
    shop.execute(
        "update odoo.sync_streams set window_phase = 'compare', last_id = 0, rows_done = 0
         where stream = 'uoms' and window_phase = 'delete'",
    )
    .await;
    next.release();
    assert_found_and_mended(&shop, &mut function, &watermarks).await;
}

/// Begins a reconcile of an empty mirror, and holds it where all has been read and the first stream
/// is about to be compared.
async fn hold_first_comparison(shop: &Shop, function: &mut Function) -> Hold {
    let last_page = When::method("read").model(PRODUCT).nth(3);
    let reading = Hold::the_next(&shop.sim, last_page);
    function.send(&json!({"mode": "reconcile"}));
    reading.reached().await;
    // The units have been read by then.
    let comparing = Hold::the_next(&shop.sim, When::any().model("uom.uom"));
    reading.release();
    comparing.reached().await;
    comparing
}
