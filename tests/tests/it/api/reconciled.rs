//! How the last reconcile ended, which the status of a data type that is synced every few minutes does not tell.

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use super::caller::Caller;
use crate::support::shop::Shop;

#[tokio::test]
async fn a_reconcile_that_failed_shows_until_one_succeeds() {
    let shop = Shop::open(Version::V19).await;
    let mut function = shop.function().await;
    let mut caller = Caller::of(&shop).await;
    shop.sync(&mut function).await;
    let mut last = async |status: &str| {
        let data = caller.get("/api/sync/status/products").await;
        assert_eq!(data["status"]["products"], status);
        data["metadata"][0]["last_reconcile"].clone()
    };
    assert_eq!(last("success").await, Value::Null);

    let reconcile = json!({"mode": "reconcile"});
    let always = When::any().model("product.product").forever();
    shop.sim.inject(always, Fault::AccessDenied);
    let answer = function.call(&reconcile).await;
    assert_eq!(answer["success"], false);
    let failed = last("failed").await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error_code"], answer["error"]["code"]);
    assert_eq!(failed["error_message"], answer["error"]["message"]);
    shop.sim.clear_faults();
    shop.sync(&mut function).await;
    assert_eq!(last("success").await, failed);

    assert_eq!(function.call(&reconcile).await["success"], true);
    assert_eq!(last("success").await["status"], "success");
}
