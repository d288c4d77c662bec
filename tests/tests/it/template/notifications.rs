//! The rules that tell people: which events, where to, and what becomes of what cannot be
//! delivered. What they tell is in `crate::notifications`.

use serde_json::{Value, json};

use super::blocks::differences;
use super::{lists, template};

const RULES: [(&str, &str); 4] = [
    ("NotifyOfFailure", "TellsFailed"),
    ("NotifyOfCrash", "TellsFailed"),
    ("NotifyOfRecovery", "TellsRecovered"),
    ("NotifyOfCompletion", "TellsCompleted"),
];

#[test]
fn each_kind_can_be_switched_and_each_target_left_out() {
    let template = template();
    for (id, switch) in RULES {
        let rule = &template["Resources"][id];
        assert_eq!(rule["Condition"], "IsNotified", "{id}");
        let properties = &rule["Properties"];
        assert_eq!(properties["State"], json!([switch, "ENABLED", "DISABLED"]));
        assert_eq!(properties["EventBusName"], "EventBus");
        let name = properties["Name"].as_str().expect("a name");
        // What the queue's policy lets in.
        assert!(name.starts_with("${AWS::StackName}-notify-"), "{name}");
        let targets = properties["Targets"].as_array().expect("targets");
        let conditions: Vec<&Value> = targets.iter().map(|it| &it[0]).collect();
        assert_eq!(conditions, ["HasSlack", "HasWebhook"], "{id}");
        for target in targets {
            assert_eq!(target[2], "AWS::NoValue", "{id}");
        }
    }
    for (switch, parameter, default) in [
        ("TellsFailed", "NotifyFailed", "yes"),
        ("TellsRecovered", "NotifyRecovered", "yes"),
        ("TellsCompleted", "NotifyCompleted", "no"),
    ] {
        assert_eq!(template["Conditions"][switch], json!([parameter, "yes"]));
        assert_eq!(template["Parameters"][parameter]["Default"], default);
    }
}

#[test]
fn what_cannot_be_delivered_is_tried_for_an_hour_and_kept() {
    let template = template();
    for (id, _) in RULES {
        let targets = &template["Resources"][id]["Properties"]["Targets"];
        for target in targets.as_array().expect("targets") {
            let expected = json!({
                "RoleArn": "NotificationsRole.Arn",
                "RetryPolicy": {"MaximumRetryAttempts": 20, "MaximumEventAgeInSeconds": 3600},
                "DeadLetterConfig": {"Arn": "NotificationsDeadLetters.Arn"},
            });
            assert_eq!(
                differences(&expected, &target[1]),
                Vec::<String>::new(),
                "{id}"
            );
        }
    }
    let resources = &template["Resources"];
    let policy = &resources["NotificationsDeadLettersPolicy"]["Properties"];
    assert!(lists(&policy["Queues"], "NotificationsDeadLetters"));
    let alarm = &resources["NotificationsDeadLettersNotEmpty"];
    assert_eq!(alarm["Condition"], "IsNotifiedAndWatched");
    assert_eq!(alarm["Properties"]["TreatMissingData"], "notBreaching");
}

#[test]
fn addresses_and_keys_are_not_shown_and_calls_are_limited() {
    let template = template();
    for parameter in ["SlackWebhookUrl", "WebhookUrl", "WebhookSecret"] {
        assert_eq!(
            template["Parameters"][parameter]["NoEcho"], true,
            "{parameter}"
        );
    }
    for (kind, condition, url) in [
        ("Slack", "HasSlack", "SlackWebhookUrl"),
        ("Webhook", "HasWebhook", "WebhookUrl"),
    ] {
        let expected = json!({
            format!("{kind}Destination"): {
                "Type": "AWS::Events::ApiDestination",
                "Condition": condition,
                "Properties": {
                    "ConnectionArn": format!("{kind}Connection.Arn"),
                    "HttpMethod": "POST",
                    "InvocationEndpoint": url,
                    "InvocationRateLimitPerSecond": "NotificationsPerSecond",
                },
            },
            format!("{kind}Connection"): {
                "Type": "AWS::Events::Connection",
                "Condition": condition,
                "Properties": {"AuthorizationType": "API_KEY"},
            },
        });
        assert_eq!(
            differences(&expected, &template["Resources"]),
            Vec::<String>::new()
        );
    }
}
