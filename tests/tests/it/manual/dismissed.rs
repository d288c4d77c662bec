//! A finding that was dismissed stays away until its reason or its row changes.

use odoo_sim::Version;
use serde_json::{Value, json};

use super::desk::{Desk, PRODUCT};

/// The open findings.
async fn open(desk: &Desk) -> Vec<Value> {
    let findings = desk.findings().await.into_iter();
    findings.filter(|it| it["resolved_at"].is_null()).collect()
}

/// Rejects a product and dismisses that; returns the product's id.
async fn dismissed_reject(desk: &mut Desk) -> i64 {
    let id = desk.shop.sim.ids(PRODUCT)[20];
    desk.shop.sim.patch(PRODUCT, id, "weight", "\"heavy\"");
    desk.sync("incremental").await;
    let finding = open(desk).await[0]["id"].clone();
    let data = desk.done(&format!("findings/{finding}/dismiss")).await;
    assert_eq!(data["status"], "dismissed");
    assert_eq!(desk.findings().await[0]["resolution"], "dismissed");
    id
}

#[tokio::test]
async fn a_reject_stays_away_however_often_its_row_is_read_and_is_no_missing_row() {
    for version in [Version::V14, Version::V19] {
        let mut desk = Desk::open(version).await;
        dismissed_reject(&mut desk).await;
        for mode in [
            "full",
            "incremental",
            "incremental",
            "incremental",
            "reconcile",
        ] {
            desk.sync(mode).await;
            assert_eq!(open(&desk).await, [""; 0], "{mode}");
            let streams = desk
                .shop
                .rows("select count_mismatches from odoo.sync_streams");
            assert!(
                streams.await.iter().all(|it| it["count_mismatches"] == 0),
                "{mode}"
            );
        }
        let findings = desk.caller.get("/api/sync/findings").await;
        assert_eq!(findings["total"], 0);
    }
}

#[tokio::test]
async fn a_reject_comes_back_when_its_row_or_its_reason_changes_and_ends_when_it_is_mended() {
    let mut desk = Desk::open(Version::V19).await;
    let id = dismissed_reject(&mut desk).await;
    desk.shop.sim.write(PRODUCT, &[id], json!({"volume": 2.5}));
    desk.sync("incremental").await;
    let back = open(&desk).await;
    assert_eq!(back.len(), 1, "its row has changed");
    let finding = back[0]["id"].clone();
    desk.done(&format!("findings/{finding}/dismiss")).await;

    desk.shop.sim.clear_faults();
    desk.shop.sim.patch(PRODUCT, id, "weight", "NaN");
    desk.sync("full").await;
    assert_eq!(open(&desk).await.len(), 1, "its reason is another");

    desk.shop.sim.clear_faults();
    desk.sync("full").await;
    assert_eq!(open(&desk).await, [""; 0]);
    let findings = desk.findings().await;
    assert!(
        findings.iter().all(|it| it["resolution"] == "mended"),
        "{findings:?}"
    );
    desk.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_reject_whose_row_odoo_no_longer_has_is_gone() {
    let mut desk = Desk::open(Version::V14).await;
    let id = dismissed_reject(&mut desk).await;
    desk.shop.sim.unlink(PRODUCT, &[id]);
    desk.sync("reconcile").await;
    assert_eq!(desk.findings().await[0]["resolution"], "gone");
    desk.shop.assert_mirrored().await;
}

#[tokio::test]
async fn a_warning_stays_away_until_its_row_changes() {
    let mut desk = Desk::open(Version::V19).await;
    let ids = desk.shop.sim.ids(PRODUCT);
    let last = ids[ids.len() - 1];
    let may_be_a_twin = |id: &i64| {
        let record = desk.shop.sim.record(PRODUCT, *id);
        record["barcode"].is_string() && record["active"] == true
    };
    let twins: Vec<i64> = ids.into_iter().filter(may_be_a_twin).take(2).collect();
    for id in &twins {
        let barcode = json!({"barcode": "4006381333931"});
        desk.shop.sim.force(PRODUCT, *id, barcode);
    }
    desk.sync("incremental").await;
    let warnings = open(&desk).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    for warning in &warnings {
        let id = &warning["id"];
        desk.done(&format!("findings/{id}/dismiss")).await;
    }
    let volume = json!({"volume": 7.5});
    desk.shop.sim.write(PRODUCT, &[last], volume);
    for mode in ["incremental", "full"] {
        desk.sync(mode).await;
        assert_eq!(open(&desk).await, [""; 0], "{mode}");
    }
    let weight = json!({"weight": 9.25});
    desk.shop.sim.write(PRODUCT, &[twins[0]], weight);
    desk.sync("incremental").await;
    let back = open(&desk).await;
    assert!(back.iter().any(|it| it["odoo_id"] == twins[0]), "{back:?}");
}
