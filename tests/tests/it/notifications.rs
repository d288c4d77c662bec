//! What people and their programs are told, by the rules of `template.yaml` alone: real events of
//! the functions through EventBridge (moto) to an address of the test's.

mod mailbox;
mod transformer;

use odoo_sim::{Fault, Version, When};
use serde_json::{Value, json};

use crate::events::bus::{Bus, Mood};
use crate::openapi::document::DOCUMENT;
use crate::support::shop::{Shop, assert_failed};
use mailbox::Mailbox;
use transformer::{Target, target, transformed};

/// The template's rules, each with the word that the test's address for it ends with.
const RULES: [(&str, &str); 4] = [
    ("NotifyOfFailure", "failed"),
    ("NotifyOfCrash", "crashed"),
    ("NotifyOfRecovery", "recovered"),
    ("NotifyOfCompletion", "completed"),
];

/// What the bus hears of a data type that fails twice, then with another code, and recovers: detail
/// type and detail of each event.
async fn told() -> Vec<(String, Value)> {
    let bus = Bus::start(Mood::Takes).await;
    let mut shop = Shop::open(Version::V19).await;
    let mut function = bus.function(&mut shop).await;
    shop.sync(&mut function).await;
    let when = When::method("search_read").forever();
    shop.sim.inject(when, Fault::AccessDenied);
    for _ in 0..2 {
        assert_failed(&function.call(&json!({})).await, "odoo_auth");
    }
    shop.sim.clear_faults();
    shop.execute("alter table odoo.products rename to \"away \\ <!here>\"")
        .await;
    shop.change_something();
    let missing = function.call(&json!({})).await;
    assert_failed(&missing, "db_schema");
    shop.execute("alter table odoo.\"away \\ <!here>\" rename to products")
        .await;
    for _ in 0..2 {
        shop.sync(&mut function).await;
    }
    let told: Vec<(String, Value)> = bus
        .heard()
        .into_iter()
        .map(|entry| {
            let kind = entry["DetailType"].as_str().expect("a text").to_owned();
            (kind, entry["Detail"].clone())
        })
        .collect();
    let details: Vec<Value> = told.iter().map(|(_, detail)| detail.clone()).collect();
    shop.assert_discreet(&mut function, &details).await;
    told
}

#[tokio::test]
async fn the_first_failure_of_each_kind_and_the_recovery_are_told_and_every_success_to_who_wants_it()
 {
    let told = told().await;
    let kinds: Vec<Value> = told
        .iter()
        .map(|(kind, detail)| {
            let mark = ["again", "recovered"]
                .into_iter()
                .find_map(|name| detail.get(name));
            json!([kind, mark])
        })
        .collect();
    assert_eq!(
        json!(kinds),
        json!([
            ["Sync Completed", false],
            ["Sync Failed", false],
            ["Sync Failed", true],
            ["Sync Failed", false],
            ["Sync Completed", true],
            ["Sync Completed", false],
        ])
    );
    let mailbox = Mailbox::open(&RULES).await;
    let mut expected = Vec::new();
    for ((kind, detail), rules) in told.iter().zip([
        &["completed"][..],
        &["failed"],
        &[],
        &["failed"],
        &["completed", "recovered"],
        &["completed"],
    ]) {
        mailbox.send("odoo.sync", kind, detail).await;
        expected.extend_from_slice(rules);
        mailbox.assert_called(&expected).await;
    }
}

#[tokio::test]
async fn to_be_busy_or_refused_is_not_told_and_a_function_that_died_is_or_a_backup_that_failed() {
    let mailbox = Mailbox::open(&RULES).await;
    for code in ["busy", "bad_request", "cancelled", "paused"] {
        let detail = json!({"dataType": "sales", "again": false, "error": {"code": code}});
        mailbox.send("odoo.sync", "Sync Failed", &detail).await;
    }
    let asked = json!({"dataType": "sales"});
    mailbox.send("odoo.sync", "Sync Requested", &asked).await;
    let given_up = "Lambda Function Invocation Result - Failure";
    for function in [
        "local-sync-sales",
        "local-backup",
        "local-api",
        "another-sync-sales",
        "another-backup",
    ] {
        let detail = json!({"requestContext": {
            "functionArn": format!("arn:aws:lambda:eu-central-1:123456789012:function:{function}:$LATEST"),
            "condition": "RetriesExhausted",
        }});
        mailbox.send("lambda", given_up, &detail).await;
    }
    mailbox.assert_called(&["crashed"; 2]).await;
}

#[tokio::test]
async fn what_slack_gets_is_json_with_one_line_whatever_an_error_says() {
    for (kind, detail) in told().await {
        let rule = match kind.as_str() {
            "Sync Failed" => "NotifyOfFailure",
            _ => "NotifyOfCompletion",
        };
        let event = json!({"source": "odoo.sync", "detail-type": kind, "detail": detail});
        let sent = transformed(&target(rule, Target::Slack), &event);
        let sent: Value = serde_json::from_str(&sent).unwrap_or_else(|error| {
            panic!("{error}: {sent}");
        });
        let summary = detail["summary"].as_str().expect("a text");
        assert_eq!(sent, json!({"text": format!("shop: {summary}")}));
        assert!(summary.starts_with("Products sync "), "{summary}");
        assert!(!summary.contains(['"', '\\', '<', '>', '\n']), "{summary}");
        let described = json!({"$ref": "#/components/schemas/RunEnded"});
        assert_eq!(DOCUMENT.errors(&described, &detail), [""; 0], "{detail}");
        if kind == "Sync Failed" {
            let code = detail["error"]["code"].as_str().expect("a code");
            assert!(summary.contains(&format!("failed ({code}): ")), "{summary}");
            assert!(summary.ends_with(detail["error"]["remedy"].as_str().expect("a remedy")));
        }
    }
}

#[tokio::test]
async fn slack_is_told_which_function_died_and_another_address_gets_the_event_as_it_is() {
    let event = json!({"source": "lambda", "detail": {"requestContext": {
        "functionArn": "arn:aws:lambda:eu-central-1:123456789012:function:shop-sync-sales:$LATEST",
        "condition": "RetriesExhausted",
    }}});
    let sent = transformed(&target("NotifyOfCrash", Target::Slack), &event);
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    let text = sent["text"].as_str().expect("a text");
    assert!(text.contains("function:shop-sync-sales") && text.contains("RetriesExhausted"));
    for (rule, _) in RULES {
        let target = target(rule, Target::Webhook);
        for change in ["Input", "InputPath", "InputTransformer"] {
            assert_eq!(target.get(change), None, "{rule}");
        }
    }
}
