//! What the simulator can be told to do, as a client meets it. What it does by itself is held
//! against real servers by the conformance tests.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is not as it should be"
)]

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::{Fault, OdooSim, Version, When};

/// A small shop of each version.
pub(super) async fn shops() -> [OdooSim; 2] {
    let start = |version| {
        OdooSim::builder()
            .version(version)
            .products(30)
            .gzip(false)
            .start()
    };
    [start(Version::V14).await, start(Version::V19).await]
}

async fn send(sim: &OdooSim, model: &str, method: &str, args: Json, kwargs: Json) -> Answer {
    let args = json!([
        sim.database(),
        2,
        sim.password(),
        model,
        method,
        args,
        kwargs
    ]);
    let body = json!({"params": {"service": "object", "method": "execute_kw", "args": args}});
    let client = shared::tls::http_client()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let request = client
        .post(format!("{}/jsonrpc", sim.url()))
        .header("content-type", "application/json")
        .body(body.to_string());
    let response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").cloned();
    let text = response.text().await?;
    Ok((
        status,
        retry_after.map(|it| it.to_str().unwrap().to_owned()),
        text,
    ))
}

/// Status, `Retry-After`, text.
pub(super) type Answer = Result<(u16, Option<String>, String), reqwest::Error>;

pub(super) async fn read(sim: &OdooSim, id: i64) -> Answer {
    send(
        sim,
        "product.product",
        "read",
        json!([[id], ["name"]]),
        json!({}),
    )
    .await
}

pub(super) fn result(answer: Answer) -> Json {
    serde_json::from_str::<Json>(&answer.unwrap().2).unwrap()["result"].take()
}

pub(super) fn error_name(answer: Answer) -> String {
    let json: Json = serde_json::from_str(&answer.unwrap().2).unwrap();
    json["error"]["data"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_same_seed_makes_the_same_shop() {
    let shop = async |seed| {
        let sim = OdooSim::builder().products(200).seed(seed).start().await;
        (
            sim.records("product.product"),
            sim.records("product.template"),
        )
    };
    assert_eq!(shop(7).await, shop(7).await);
    assert_ne!(shop(7).await, shop(8).await);
}

#[tokio::test]
async fn the_shop_has_as_many_variants_as_asked_for_and_of_every_kind() {
    for sim in shops().await {
        assert_eq!(sim.count("product.product"), 30);
    }
    let sim = OdooSim::builder().products(2_000).start().await;
    let products = sim.records("product.product");
    assert_eq!(products.len(), 2_000);
    assert!(products.iter().any(|row| row["active"] == json!(false)));
    assert!(
        products
            .iter()
            .any(|row| row["list_price"] == json!(12.345))
    );
    assert!(
        products
            .iter()
            .any(|row| !row["name"].as_str().unwrap().is_ascii())
    );
    let templates = sim.records("product.template");
    assert!(templates.len() < 2_000, "some have several variants");
}

#[tokio::test]
async fn a_late_commit_shows_itself_with_the_time_of_its_begin() {
    for sim in shops().await {
        sim.clock().set(sim.clock().now());
        let [first, second] = sim.ids("product.product")[..2] else {
            panic!("two products")
        };
        let mut late = sim.begin();
        late.write("product.product", &[first], json!({"weight": 7.5}));
        let began = sim.clock().now();
        sim.clock().advance(Duration::from_secs(60));
        sim.write("product.product", &[second], json!({"weight": 8.5}));
        assert_ne!(sim.record("product.product", first)["weight"], json!(7.5));
        late.commit();
        assert_eq!(sim.record("product.product", first)["weight"], json!(7.5));
        assert_eq!(sim.write_date("product.product", first), Some(began));
        assert_eq!(
            sim.write_date("product.product", second),
            Some(sim.clock().now())
        );
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_a_gap_and_nothing_else() {
    let [sim, _] = shops().await;
    let count = sim.count("product.category");
    let lost = sim
        .begin()
        .create("product.category", json!({"name": "Lost"}));
    assert_eq!(sim.count("product.category"), count);
    assert_eq!(
        sim.create("product.category", json!({"name": "Kept"})),
        lost + 1
    );
}

#[tokio::test]
async fn a_tie_shares_one_time() {
    for sim in shops().await {
        let ids = sim.tie("product.product", 5_000);
        let times: Vec<_> = ids
            .iter()
            .map(|id| sim.write_date("product.product", *id))
            .collect();
        assert_eq!(times.len(), 5_000);
        assert!(times.iter().all(|time| *time == times[0]));
    }
}

#[tokio::test]
async fn hidden_and_denied_records_are_refused() {
    for sim in shops().await {
        let ids = sim.ids("product.product");
        sim.hide("product.product", &ids[..1]);
        assert_eq!(
            error_name(read(&sim, ids[0]).await),
            "odoo.exceptions.AccessError"
        );
        let domain = json!([[["id", "in", ids[..2]], ["active", "in", [true, false]]]]);
        let found = send(&sim, "product.product", "search", domain, json!({})).await;
        assert!(!result(found).as_array().unwrap().contains(&json!(ids[0])));
        sim.show_all("product.product");
        assert!(result(read(&sim, ids[0]).await).is_array());
        sim.deny("product.product");
        assert_eq!(
            error_name(read(&sim, ids[0]).await),
            "odoo.exceptions.AccessError"
        );
        sim.allow("product.product");
        assert!(result(read(&sim, ids[0]).await).is_array());
    }
}

#[tokio::test]
async fn a_fault_strikes_the_request_it_is_meant_for_and_no_other() {
    for sim in shops().await {
        let id = sim.ids("product.product")[0];
        sim.inject(
            When::method("read")
                .model("product.product")
                .nth(2)
                .times(2),
            Fault::status(503),
        );
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(read(&sim, id).await.unwrap().0);
        }
        assert_eq!(statuses, [200, 503, 503, 200]);
        assert_eq!(sim.faults_struck(), 2);
        assert_eq!(sim.count_requests("read"), 4);
        let seen: Vec<u16> = sim
            .requests()
            .iter()
            .map(|request| request.status)
            .collect();
        assert_eq!(seen, statuses);
    }
}

#[tokio::test]
async fn each_fault_is_met_as_the_real_thing() {
    for sim in shops().await {
        let id = sim.ids("product.product")[0];
        let meet = async |fault: Fault| {
            sim.inject(When::any(), fault);
            read(&sim, id).await
        };
        assert!(meet(Fault::Hang).await.unwrap_err().is_timeout());
        assert!(!meet(Fault::Reset).await.unwrap_err().is_timeout());
        assert!(
            !meet(Fault::CutBody { after: 20 })
                .await
                .unwrap_err()
                .is_timeout()
        );
        let cut = meet(Fault::CutJson { after: 20 }).await.unwrap();
        assert_eq!((cut.0, cut.2.len()), (200, 20));
        let (status, retry_after, html) = meet(Fault::too_many_requests(Some(7))).await.unwrap();
        assert_eq!((status, retry_after.as_deref()), (429, Some("7")));
        assert!(html.contains("<html>"));
        let page = meet(Fault::LoginPage).await.unwrap();
        assert!(page.0 == 200 && page.2.contains("oe_login_form"));
        for (fault, name) in [
            (
                Fault::SerializationFailure,
                "psycopg2.errors.SerializationFailure",
            ),
            (Fault::DatabaseDown, "psycopg2.OperationalError"),
            (Fault::NoDatabase, "psycopg2.OperationalError"),
            (Fault::AccessDenied, "odoo.exceptions.AccessDenied"),
            (Fault::AccessError, "odoo.exceptions.AccessError"),
            (Fault::UnknownModel, "odoo.exceptions.UserError"),
            (Fault::UnknownField, "builtins.ValueError"),
        ] {
            assert_eq!(error_name(meet(fault).await), name);
        }
        let began = Instant::now();
        assert!(meet(Fault::Delay(Duration::from_millis(300))).await.is_ok());
        assert!(began.elapsed() >= Duration::from_millis(300));
        assert!(read(&sim, id).await.is_ok());
    }
}

#[tokio::test]
async fn refused_connections_are_refused_until_they_are_accepted_again() {
    let [sim, _] = shops().await;
    let id = sim.ids("product.product")[0];
    sim.refuse_connections();
    // The port closes a moment later, on the server's own thread.
    let began = Instant::now();
    while !read(&sim, id).await.is_err_and(|error| error.is_connect()) {
        assert!(began.elapsed() < Duration::from_secs(10), "never refused");
    }
    sim.accept_connections();
    while read(&sim, id).await.is_err() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "never accepted again"
        );
    }
}

#[tokio::test]
async fn a_hook_changes_records_before_the_kth_read_is_answered() {
    for sim in shops().await {
        let id = sim.create("product.product", json!({"name": "Here"}));
        sim.during_read(2, move |sim| sim.unlink("product.product", &[id]));
        assert_eq!(result(read(&sim, id).await)[0]["name"], "Here");
        assert_eq!(result(read(&sim, id).await), json!([]));
    }
}

#[tokio::test]
async fn a_patch_is_sent_as_it_is() {
    for sim in shops().await {
        let id = sim.ids("product.product")[0];
        for raw in ["NaN", "1e400", "[1, 2, 3]", "\"a\\u0000b\"", "{\"not\": "] {
            sim.patch("product.product", id, "name", raw);
            let text = read(&sim, id).await.unwrap().2;
            assert!(text.contains(&format!("\"name\": {raw}}}")), "{text}");
        }
        sim.clear_faults();
        let name = sim.record("product.product", id)["name"].clone();
        assert_eq!(result(read(&sim, id).await)[0]["name"], name);
    }
}

#[tokio::test]
async fn raw_values_are_set_behind_odoos_back() {
    let [sim, _] = shops().await;
    let id = sim.ids("product.product")[0];
    sim.set_raw("product.product", id, "write_date", Json::Null);
    assert_eq!(sim.write_date("product.product", id), None);
    let kwargs = json!({
        "order": "write_date desc", "limit": 1, "context": {"active_test": false},
    });
    let first = send(&sim, "product.product", "search", json!([[]]), kwargs).await;
    assert_eq!(result(first), json!([id]), "going down, null comes first");
}

#[tokio::test]
async fn requests_in_flight_are_counted() {
    let sim = OdooSim::builder()
        .products(5)
        .delay(Duration::from_millis(100))
        .start()
        .await;
    let id = sim.ids("product.product")[0];
    let _ = tokio::join!(read(&sim, id), read(&sim, id), read(&sim, id));
    assert_eq!(sim.max_in_flight(), 3);
    sim.reset_requests();
    assert_eq!((sim.max_in_flight(), sim.requests().len()), (0, 0));
}
