//! A reject that somebody has mended in Odoo need not wait for its pause.

use odoo_sim::{Version, When};
use serde_json::{Value, json};

use super::desk::{Desk, PRODUCT};
use crate::events::bus::requested;
use crate::support::hold::Hold;
use crate::support::shop::assert_failed;

/// Rejects a product and lets it wait for a day.
async fn rejected(desk: &mut Desk) -> i64 {
    let id = desk.shop.sim.ids(PRODUCT)[20];
    desk.shop.sim.patch(PRODUCT, id, "weight", "\"heavy\"");
    assert_eq!(desk.sync("incremental").await["recordsSkipped"], 1);
    desk.shop
        .execute("update odoo.sync_findings set next_try_at = now() + interval '1 day'")
        .await;
    desk.findings().await[0]["id"].as_i64().expect("an id")
}

#[tokio::test]
async fn its_row_is_tried_by_a_sync_that_is_asked_for_at_once() {
    for version in [Version::V14, Version::V19] {
        let mut desk = Desk::open(version).await;
        let id = rejected(&mut desk).await;
        assert_eq!(
            desk.sync("incremental").await["recordsSkipped"],
            0,
            "its pause"
        );

        let data = desk.done(&format!("findings/{id}/retry")).await;
        assert_eq!(
            (&data["status"], &data["isRequested"]),
            (&json!("open"), &json!(true))
        );
        let request = desk.bus.last_request();
        assert_eq!(request["detail"]["dataType"], "products");
        assert_eq!(request["detail"]["mode"], "incremental");
        let answer = desk.function.call(&request).await;
        assert_eq!(answer["data"]["recordsSkipped"], 1, "{answer}");
        let finding = desk.findings().await.remove(0);
        assert_eq!(finding["attempts"], 2);
        assert_eq!(finding["retry_requested_at"], Value::Null, "once");

        desk.shop.sim.clear_faults();
        desk.done(&format!("findings/{id}/retry")).await;
        let answer = desk.function.call(&desk.bus.last_request()).await;
        assert_eq!(answer["data"]["recordsInserted"], 1, "{answer}");
        assert_eq!(desk.findings().await[0]["resolution"], "mended");
        desk.shop.assert_mirrored().await;
    }
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused() {
    let mut desk = Desk::open(Version::V14).await;
    let id = rejected(&mut desk).await;
    for (unknown, status) in [
        ("4711", 404),
        ("99999999999999999999", 404),
        ("x", 400),
        ("-1", 400),
    ] {
        for what in ["retry", "dismiss"] {
            let (found, body) = desk.post(&format!("findings/{unknown}/{what}")).await;
            assert_eq!(found, status, "{unknown}: {body}");
            assert_failed(&body, "bad_request");
        }
    }
    desk.shop
        .execute("update odoo.sync_findings set severity = 'warning'")
        .await;
    assert_eq!(desk.post(&format!("findings/{id}/retry")).await.0, 409);
    desk.shop
        .execute("update odoo.sync_findings set severity = 'reject', resolved_at = now()")
        .await;
    for what in ["retry", "dismiss"] {
        assert_eq!(desk.post(&format!("findings/{id}/{what}")).await.0, 409);
    }
    assert_eq!(desk.told("Sync Requested"), [""; 0]);
}

#[tokio::test]
async fn while_its_data_type_is_paused_nothing_is_asked_for() {
    let mut desk = Desk::open(Version::V19).await;
    let id = rejected(&mut desk).await;
    desk.done("pause/products").await;
    let data = desk.done(&format!("findings/{id}/retry")).await;
    assert_eq!(data["isRequested"], false);
    assert_eq!(desk.told("Sync Requested"), [""; 0]);
    desk.done("resume/products").await;
    let event = requested(&json!({"dataType": "products"}));
    let answer = desk.function.call(&event).await;
    assert_eq!(answer["data"]["recordsSkipped"], 1, "{answer}");
}

/// The request finds the data type busy, and whoever asked was not told that this sync would do it.
#[tokio::test]
async fn while_a_run_is_on_its_row_is_left_to_the_next_one() {
    let mut desk = Desk::open(Version::V19).await;
    let id = rejected(&mut desk).await;
    desk.shop.change_something();
    let hold = Hold::the_next(&desk.shop.sim, When::method("read"));
    desk.function.send(&json!({}));
    hold.reached().await;
    let (status, body) = desk.post(&format!("findings/{id}/retry")).await;
    assert_eq!(status, 200, "{body}");
    let message = body["message"].as_str().expect("a text");
    assert!(
        message.contains("the next incremental sync that begins")
            && message.contains("does nothing where a sync of the data type is on"),
        "{message}"
    );
    let mut second = desk.shop.function().await;
    assert_failed(&second.call(&desk.bus.last_request()).await, "busy");
    hold.release();
    assert_eq!(desk.function.answered().await["success"], true);
    desk.sync("incremental").await;
    let finding = desk.findings().await.remove(0);
    assert_eq!(finding["attempts"], 2, "{finding}");
    assert_eq!(finding["retry_requested_at"], Value::Null);
}
