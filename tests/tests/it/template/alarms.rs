//! The alarms: they must ask for the metrics that the functions write, leave nothing unwatched that can
//! fail, and say on purpose what no data means.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};
use shared::telemetry::metrics;

use super::blocks::{differences, merge};
use super::template;

/// The alarms of a data type.
pub(super) fn of_data_type(data_type: &DataType) -> Value {
    let (name, title) = (data_type.name, data_type.title);
    let id = format!("Sync{title}");
    let ours = dimensions(&[
        (metrics::STACK, "AWS::StackName"),
        (metrics::DATA_TYPE, name),
    ]);
    let guarded = dimensions(&[
        (metrics::STACK, "AWS::StackName"),
        (metrics::DATA_TYPE, name),
        (metrics::CODE, "delete_guard"),
    ]);
    let function = dimensions(&[("FunctionName", &id)]);
    let failed = json!({
        "Metrics": [
            {"Id": "failures", "Expression": "FILL(failed, 0) + FILL(crashed, 0) + FILL(guarded, 0)"},
            metric("failed", metrics::NAMESPACE, metrics::RUNS_FAILED, &ours, 900, "Sum"),
            metric("guarded", metrics::NAMESPACE, metrics::RUNS_FAILED, &guarded, 900, "Sum"),
            metric("crashed", "AWS/Lambda", "Errors", &function, 900, "Sum"),
        ],
        "EvaluationPeriods": 1,
        "Threshold": 2,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let scheduled = json!(["IsScheduled", "breaching", "notBreaching"]);
    let stale = json!({
        "Namespace": metrics::NAMESPACE,
        "MetricName": metrics::FRESHNESS,
        "Dimensions": ours,
        // The smallest: one success within the time is enough.
        "Statistic": "Minimum",
        "Period": "StaleAfterSeconds",
        "EvaluationPeriods": 1,
        "Threshold": "StaleAfterSeconds",
        "ComparisonOperator": "GreaterThanThreshold",
        // What has to run and says nothing is stale.
        "TreatMissingData": [format!("{title}Run"), scheduled, "notBreaching"],
    });
    let unverified = json!({
        "Namespace": metrics::NAMESPACE,
        "MetricName": metrics::UNVERIFIED,
        "Dimensions": ours,
        "Statistic": "Minimum",
        "Period": 3600,
        "EvaluationPeriods": 1,
        "Threshold": "UnverifiedAfterSeconds",
        "ComparisonOperator": "GreaterThanThreshold",
        // Of a slow schedule most hours say nothing, which is no reason to begin or to end.
        "TreatMissingData": "ignore",
    });
    let mut unverified = alarm(&format!("sync-{name}-unverified"), unverified);
    unverified["Condition"] = json!(format!("{title}Verified"));
    let growing = json!({
        "Metrics": [
            {"Id": "growth", "Expression": "DIFF(findings)"},
            metric("findings", metrics::NAMESPACE, metrics::FINDINGS_OPEN, &ours, 3600, "Maximum"),
        ],
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 1,
        "Threshold": "FindingsGrowth",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let near_limit = json!({
        "Metrics": [
            {"Id": "percent", "Expression": "duration / (10 * ${TimeoutSeconds})"},
            metric("duration", "AWS/Lambda", "Duration", &function, 300, "Maximum"),
        ],
        "EvaluationPeriods": 1,
        "Threshold": 99,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let function = format!("sync-{name}");
    let queue = format!("{id}DeadLetters");
    json!({
        format!("{id}Failed"): alarm(&format!("{function}-failed"), failed),
        format!("{id}Stale"): alarm(&format!("{function}-stale"), stale),
        format!("{id}Unverified"): unverified,
        format!("{id}FindingsGrowing"): alarm(&format!("{function}-findings"), growing),
        format!("{id}NearLimit"): alarm(&format!("{function}-near-limit"), near_limit),
        format!("{id}Throttled"): throttled(&id, &function),
        format!("{queue}NotEmpty"): not_empty(&queue, &function),
    })
}

/// Those of the fan-out, which has no data of its own to be stale.
fn of_sync_all() -> Value {
    json!({
        "SyncAllThrottled": throttled("SyncAll", "sync-all"),
        "SyncAllDeadLettersNotEmpty": not_empty("SyncAllDeadLetters", "sync-all"),
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Condition": "IsWatched"},
        "AlarmMail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasAlarmMail",
            "Properties": {"TopicArn": "AlarmTopic", "Protocol": "email", "Endpoint": "AlarmEmail"},
        },
    })
}

/// All that is asked for over HTTP. What is answered with an error there is one to Lambda only where
/// the function died.
fn of_api() -> Value {
    let failed = three_in_a_quarter("AWS/ApiGateway", "5xx", ("ApiId", "Api"));
    json!({
        "ApiFailed": alarm("api-failed", failed),
        "ApiThrottled": throttled("ApiFunction", "api"),
    })
}

/// Lambda tries one that it turned away again, for 20 minutes.
fn throttled(id: &str, function: &str) -> Value {
    let properties = three_in_a_quarter("AWS/Lambda", "Throttles", ("FunctionName", id));
    alarm(&format!("{function}-throttled"), properties)
}

/// Three within a quarter of an hour; who counts nothing tells of nothing.
fn three_in_a_quarter(namespace: &str, metric: &str, dimension: (&str, &str)) -> Value {
    json!({
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": dimensions(&[dimension]),
        "Statistic": "Sum",
        "Period": 900,
        "EvaluationPeriods": 1,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    })
}

fn not_empty(queue: &str, function: &str) -> Value {
    let properties = json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": dimensions(&[("QueueName", &format!("{queue}.QueueName"))]),
        "Statistic": "Maximum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        // A queue that nothing has touched for hours tells of nothing.
        "TreatMissingData": "notBreaching",
    });
    alarm(&format!("{function}-dead-letters"), properties)
}

fn alarm(name: &str, properties: Value) -> Value {
    let mut alarm = json!({
        "Type": "AWS::CloudWatch::Alarm",
        "Condition": "IsWatched",
        "Properties": {
            "AlarmName": format!("${{AWS::StackName}}-{name}"),
            "AlarmActions": ["AlarmTopic"],
            "OKActions": ["AlarmTopic"],
        },
    });
    merge(&mut alarm["Properties"], properties);
    alarm
}

fn dimensions(named: &[(&str, &str)]) -> Value {
    named
        .iter()
        .map(|(name, value)| json!({"Name": name, "Value": value}))
        .collect()
}

fn metric(
    id: &str,
    namespace: &str,
    name: &str,
    dimensions: &Value,
    period: u32,
    statistic: &str,
) -> Value {
    json!({
        "Id": id,
        "ReturnData": false,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions},
            "Period": period,
            "Stat": statistic,
        },
    })
}

#[test]
fn the_fan_out_and_http_have_their_alarms_and_all_go_to_one_topic() {
    for block in [of_sync_all(), of_api()] {
        let found = differences(&block, &template()["Resources"]);
        assert_eq!(found, Vec::<String>::new());
    }
}

/// A backup that fails is on record nowhere else.
fn of_backup() -> Value {
    let function = dimensions(&[("FunctionName", "BackupFunction")]);
    let failed = json!({
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": function,
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let near_limit = json!({
        "Namespace": "AWS/Lambda",
        "MetricName": "Duration",
        "Dimensions": function,
        "Statistic": "Maximum",
        "Period": 3600,
        "EvaluationPeriods": 1,
        // Four fifths of it, in milliseconds.
        "Threshold": 720_000,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    let missing = json!({
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": function,
        "Statistic": "Sum",
        // Every one of 26 hours.
        "Period": 3600,
        "EvaluationPeriods": 26,
        "DatapointsToAlarm": 26,
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": ["IsBackedUp", "breaching", "notBreaching"],
    });
    json!({
        "BackupFailed": alarm("backup-failed", failed),
        "BackupNearLimit": alarm("backup-near-limit", near_limit),
        "BackupMissing": alarm("backup-missing", missing),
        "BackupDeadLettersNotEmpty": not_empty("BackupDeadLetters", "backup"),
    })
}

#[test]
fn a_backup_that_fails_or_is_not_begun_is_an_alarm_where_backups_are_on() {
    let template = template();
    let found = differences(&of_backup(), &template["Resources"]);
    assert_eq!(found, Vec::<String>::new());
    assert_eq!(
        template["Resources"]["BackupFunction"]["Properties"]["Timeout"],
        900
    );
    assert_eq!(
        template["Conditions"]["IsBackedUp"],
        json!(["BackupState", "ENABLED"])
    );
}

#[test]
fn every_alarm_says_on_purpose_what_no_data_means_and_tells_of_its_end_too() {
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    let alarms: Vec<_> = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm")
        .collect();
    // Seven a data type, two of the fan-out, two of HTTP, one of the notifications, four of the backups.
    assert_eq!(alarms.len(), 7 * REGISTRY.len() + 9);
    for (id, alarm) in alarms {
        let properties = &alarm["Properties"];
        assert!(!properties["TreatMissingData"].is_null(), "{id}");
        assert!(properties["AlarmDescription"].is_string(), "{id}");
        assert_eq!(properties["AlarmActions"], json!(["AlarmTopic"]), "{id}");
        assert_eq!(properties["OKActions"], json!(["AlarmTopic"]), "{id}");
    }
}

/// CloudWatch looks at a day at most, in whole minutes.
#[test]
fn a_mirror_may_be_stale_for_as_long_as_cloudwatch_can_look_back_and_for_six_schedules() {
    let template = template();
    let stale = &template["Parameters"]["StaleAfterSeconds"];
    let allowed = stale["AllowedValues"].as_array().expect("a list");
    for seconds in allowed.iter().map(|it| it.as_u64().expect("seconds")) {
        assert!(seconds % 60 == 0 && seconds <= 86_400, "{seconds}");
    }
    assert_eq!(stale["Default"], 6 * 5 * 60);
}

/// What the alarms look at under this name: queues, functions.
fn watched(template: &Value, dimension: &str) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().expect("resources");
    let alarms = resources
        .values()
        .filter(|it| it["Type"] == "AWS::CloudWatch::Alarm")
        .map(|alarm| &alarm["Properties"]);
    let of_metrics = alarms.flat_map(|alarm| {
        let of_an_expression = alarm["Metrics"].as_array().into_iter().flatten();
        let of_an_expression = of_an_expression.map(|it| &it["MetricStat"]["Metric"]["Dimensions"]);
        of_an_expression.chain([&alarm["Dimensions"]])
    });
    of_metrics
        .filter_map(Value::as_array)
        .flatten()
        .filter(|it| it["Name"] == dimension)
        .map(|it| it["Value"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn every_queue_and_every_function_is_under_an_alarm() {
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    for (kind, dimension, attribute) in [
        ("AWS::SQS::Queue", "QueueName", ".QueueName"),
        ("AWS::Serverless::Function", "FunctionName", ""),
    ] {
        let there = resources.iter().filter(|(_, it)| it["Type"] == kind);
        let there = there.map(|(id, _)| format!("{id}{attribute}"));
        assert_eq!(watched(&template, dimension), there.collect(), "{kind}");
    }
}

/// Where nothing reconciles, nothing is verified, and nobody is to be woken for it.
#[test]
fn a_mirror_is_to_be_verified_each_night_where_reconciles_are_on() {
    let template = template();
    let conditions = &template["Conditions"];
    assert_eq!(
        conditions["IsVerified"],
        json!(["IsWatched", ["ReconcileState", "ENABLED"]])
    );
    let limit = template["Parameters"]["UnverifiedAfterSeconds"]["Default"].as_u64();
    // Longer than from one night to the next but one, shorter than to the one after.
    let days = limit.expect("seconds") as f64 / 86_400.0;
    assert!(days > 2.0 && days < 3.0, "{days}");
}
