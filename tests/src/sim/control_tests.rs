//! `/_sim/…`, as whoever plays with a running simulator by hand meets it.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use reqwest::{Client, RequestBuilder};
use serde_json::{Value as Json, json};

use super::tests::{error_name, read, result, shops};
use crate::OdooSim;

const PRODUCT: &str = "product.product";
const REFUSED: &str = "odoo.exceptions.AccessError";

/// Sends a command, and says what it is answered.
async fn tell(sim: &OdooSim, command: &str, body: Json) -> (u16, Json) {
    let url = format!("{}/_sim/{command}", sim.url());
    answer(client().post(url).body(body.to_string())).await
}

fn client() -> Client {
    shared::tls::http_client().build().unwrap()
}

async fn answer(request: RequestBuilder) -> (u16, Json) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

/// A command that is carried out and has nothing to say.
async fn does(sim: &OdooSim, command: &str, body: Json) {
    assert_eq!(tell(sim, command, body).await, (200, json!({})));
}

#[tokio::test]
async fn records_come_change_and_go() {
    for sim in shops().await {
        let new = json!({"model": PRODUCT, "values": {"name": "New"}});
        let (status, answer) = tell(&sim, "create", new).await;
        let id = answer["id"].as_i64().unwrap();
        assert_eq!(status, 200);
        assert_eq!(result(read(&sim, id).await)[0]["name"], "New");
        let renamed = json!({"model": PRODUCT, "ids": [id], "values": {"name": "Newer"}});
        does(&sim, "write", renamed).await;
        assert_eq!(result(read(&sim, id).await)[0]["name"], "Newer");
        does(&sim, "unlink", json!({"model": PRODUCT, "ids": [id]})).await;
        assert!(!sim.ids(PRODUCT).contains(&id));
    }
}

#[tokio::test]
async fn what_is_hidden_or_denied_can_be_had_back() {
    for sim in shops().await {
        let id = sim.ids(PRODUCT)[0];
        for (there, back) in [("hide", "show"), ("deny", "allow")] {
            does(&sim, there, json!({"model": PRODUCT, "ids": [id]})).await;
            assert_eq!(error_name(read(&sim, id).await), REFUSED, "{there}");
            does(&sim, back, json!({"model": PRODUCT})).await;
            assert!(result(read(&sim, id).await).is_array(), "{back}");
        }
    }
}

#[tokio::test]
async fn a_fault_and_a_patch_last_until_they_are_cleared() {
    for sim in shops().await {
        let id = sim.ids(PRODUCT)[0];
        let patch = json!({"model": PRODUCT, "id": id, "field": "name", "value": 7});
        does(&sim, "patch", patch).await;
        assert_eq!(result(read(&sim, id).await)[0]["name"], 7);
        let fault = json!({"fault": 503, "method": "read", "nth": 2, "times": 9});
        does(&sim, "fault", fault).await;
        assert_eq!(read(&sim, id).await.unwrap().0, 200);
        assert_eq!(read(&sim, id).await.unwrap().0, 503);
        does(&sim, "clear", json!({})).await;
        let name = sim.record(PRODUCT, id)["name"].clone();
        assert_eq!(result(read(&sim, id).await)[0]["name"], name);
    }
}

#[tokio::test]
async fn what_was_asked_is_counted_by_model_and_method() {
    for sim in shops().await {
        let id = sim.ids(PRODUCT)[0];
        let url = format!("{}/_sim/requests", sim.url());
        assert_eq!(answer(client().get(&url)).await, (200, json!({})));
        for _ in 0..2 {
            read(&sim, id).await.unwrap();
        }
        let counts = json!({"product.product read": 2});
        assert_eq!(answer(client().get(&url)).await, (200, counts));
    }
}

#[tokio::test]
async fn a_mistake_is_answered_and_says_what_is_wrong() {
    let [sim, _] = shops().await;
    for (command, body, says) in [
        ("write", json!({}), "\"model\" is missing"),
        ("write", json!({"model": PRODUCT}), "\"values\" is missing"),
        ("patch", json!({"model": PRODUCT}), "\"id\" is missing"),
        ("fault", json!({"fault": "rain"}), "unknown fault rain"),
        (
            "fault",
            json!({"fault": "delay"}),
            "\"milliseconds\" is missing",
        ),
        ("fly", json!({}), "unknown command \"fly\""),
        (
            "write",
            json!({"model": PRODUCT, "ids": [1], "values": {"wings": 2}}),
            "Odoo would refuse that; see the log",
        ),
    ] {
        let (status, answer) = tell(&sim, command, body).await;
        assert_eq!((status, &answer["error"]), (400, &json!(says)), "{command}");
    } // What panicked inside harms nobody who comes later.
    assert!(result(read(&sim, sim.ids(PRODUCT)[0]).await).is_array());
}
