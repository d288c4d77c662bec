//! Which events the patterns of `template.yaml` let through, and to whom.

use std::collections::BTreeMap;

use local_aws::Bus;
use serde_json::{Value, json};
use shared::specs::REGISTRY;

use super::surface::{aws, entry, fresh_name, template};

/// What each function is sent of these events.
async fn routed(events: &[(&str, &str, Value)]) -> BTreeMap<String, Vec<Value>> {
    let (aws, name) = (aws(), fresh_name());
    let bus = Bus::create(&aws, &name, &template()).await.expect("a bus");
    for (source, detail_type, detail) in events {
        let entry = entry(&name, source, detail_type, detail);
        aws.put_events(&[entry]).await.expect("it is taken");
    }
    let mut routed: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for queue in &bus.queues {
        let sent = queue.take(&aws, 0).await.expect("a queue");
        routed
            .entry(queue.function.clone())
            .or_default()
            .extend(sent);
    }
    routed.retain(|_, sent| !sent.is_empty());
    routed
}

#[tokio::test]
async fn a_request_reaches_the_function_of_its_data_type_whole_and_no_other() {
    for spec in REGISTRY {
        let detail = json!({"dataType": spec.name, "mode": "full", "batchId": null});
        let sent = routed(&[("odoo.sync", "Sync Requested", detail.clone())]).await;
        let functions: Vec<&String> = sent.keys().collect();
        assert_eq!(functions, [&spec.function_name()]);
        let [event] = sent[&spec.function_name()].as_slice() else {
            panic!("not one event: {sent:?}");
        };
        assert_eq!(event["detail"], detail);
        assert_eq!(event["detail-type"], "Sync Requested");
        assert_eq!(event["source"], "odoo.sync");
    }
}

#[tokio::test]
async fn a_foreign_source_another_type_and_an_unknown_data_type_reach_no_data_type() {
    let products = json!({"dataType": "products"});
    let mut sent = routed(&[
        ("somebody.else", "Sync Requested", products.clone()),
        ("odoo.sync.copy", "Sync Requested", products.clone()),
        ("odoo.sync", "Sync requested", products.clone()),
        (
            "odoo.sync",
            "Sync Requested",
            json!({"dataType": "partners"}),
        ),
        ("odoo.sync", "Sync Requested", json!({"mode": "full"})),
        ("odoo.sync", "Sync Completed", products.clone()),
        ("odoo.sync", "Sync Failed", products),
    ])
    .await;
    // The fan-out hears how runs have ended.
    sent.remove("sync-all");
    assert!(sent.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn the_fan_out_hears_how_runs_end_and_which_of_our_functions_crash() {
    let crashed = |name: &str| {
        let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{name}:$LATEST");
        json!({"requestContext": {"functionArn": arn}})
    };
    let failure = "Lambda Function Invocation Result - Failure";
    let sent = routed(&[
        (
            "odoo.sync",
            "Sync Completed",
            json!({"dataType": "products"}),
        ),
        ("odoo.sync", "Sync Failed", json!({"dataType": "sales"})),
        ("lambda", failure, crashed("local-sync-sales")),
        ("lambda", failure, crashed("another-stack-s-function")),
        (
            "somebody.else",
            "Sync Completed",
            json!({"dataType": "products"}),
        ),
    ])
    .await;
    let heard: Vec<&Value> = sent["sync-all"]
        .iter()
        .map(|event| &event["detail"])
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert!(heard.contains(&&crashed("local-sync-sales")), "{heard:?}");
}
