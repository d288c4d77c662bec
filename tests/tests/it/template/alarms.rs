//! The alarms and the dashboard: they must ask for the metrics that the functions write, and say on
//! purpose what no data means.

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

fn throttled(id: &str, function: &str) -> Value {
    let properties = json!({
        "Namespace": "AWS/Lambda",
        "MetricName": "Throttles",
        "Dimensions": dimensions(&[("FunctionName", id)]),
        "Statistic": "Sum",
        "Period": 900,
        "EvaluationPeriods": 1,
        // Lambda tries one that it turned away again, for 20 minutes.
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    });
    alarm(&format!("{function}-throttled"), properties)
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
fn the_fan_out_has_its_alarms_and_all_go_to_one_topic() {
    let found = differences(&of_sync_all(), &template()["Resources"]);
    assert_eq!(found, Vec::<String>::new());
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
    // Six a data type, two of the fan-out, one of the notifications, three of the backups.
    assert_eq!(alarms.len(), 6 * REGISTRY.len() + 6);
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

#[test]
fn the_dashboard_shows_every_metric_and_every_queue() {
    let template = template();
    let dashboard = &template["Resources"]["Dashboard"];
    assert_eq!(dashboard["Condition"], "IsWatched");
    let body = dashboard["Properties"]["DashboardBody"].as_str();
    let body = body.expect("a text");
    // What `!Sub` puts in place of a parameter is a number there.
    let filled = body.replace("${StaleAfterSeconds}", "1800");
    let shown: Value = serde_json::from_str(&filled).expect("JSON");
    let widgets = shown["widgets"].as_array().expect("widgets");
    let expressions: Vec<&str> = widgets
        .iter()
        .filter_map(|widget| widget.pointer("/properties/metrics/0/0/expression"))
        .map(|expression| expression.as_str().expect("a text"))
        .collect();
    let by_type = format!(
        "{{{},{},{}}}",
        metrics::NAMESPACE,
        metrics::STACK,
        metrics::DATA_TYPE
    );
    let stack = format!("{}=\"${{AWS::StackName}}\"", metrics::STACK);
    for name in metrics::NAMES {
        let schema = match name {
            metrics::RUNS_FAILED => by_type.replace('}', &format!(",{}}}", metrics::CODE)),
            _ => by_type.clone(),
        };
        let asked = format!("SEARCH('{schema} {stack} MetricName=\"{name}\"'");
        assert!(
            expressions.iter().any(|it| it.starts_with(&asked)),
            "{asked}"
        );
    }
    assert_eq!(expressions.len(), metrics::NAMES.len());
    for queue in REGISTRY.iter().map(|spec| spec.title).chain(["All"]) {
        let named = format!("\"QueueName\", \"${{Sync{queue}DeadLetters.QueueName}}\"");
        assert!(body.contains(&named), "{named}");
    }
}
