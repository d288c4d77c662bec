//! template.yaml against the registry, the workspace and the configuration: whoever adds
//! a data type, a function or a variable and forgets the template learns of it here.

mod alarms;
mod blocks;
mod dashboard;
mod globals;
mod notifications;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::specs::{DataType, REGISTRY};

use blocks::differences;

/// Functions of no data type.
const SHARED_FUNCTIONS: [&str; 3] = ["api", "backup", "sync-all"];

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The template without CloudFormation's tags: `!Ref Api` reads `"Api"`.
fn template() -> Value {
    let text = fs::read_to_string(workspace("template.yaml")).expect("template.yaml");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Name and properties of every function, by the name of its binary.
fn functions(template: &Value) -> BTreeMap<&str, &Value> {
    template["Resources"]
        .as_object()
        .expect("resources")
        .values()
        .filter(|resource| resource["Type"] == "AWS::Serverless::Function")
        .map(|function| {
            let binary = &function["Metadata"]["BuildProperties"]["Binary"];
            (binary.as_str().expect("a binary"), function)
        })
        .collect()
}

/// What the template lacks for a data type or has otherwise.
fn missing(template: &Value, data_type: &DataType) -> Vec<String> {
    let title = data_type.title;
    let mut missing = differences(&blocks::of_data_type(data_type), &template["Resources"]);
    if !lists(
        &policed_queues(template),
        &format!("Sync{title}DeadLetters"),
    ) {
        missing.push(format!("Sync{title}DeadLetters in DeadLettersPolicy"));
    }
    if template["Conditions"][format!("{title}Run")] != json!([[format!("{title}Schedule"), "off"]])
    {
        missing.push(format!("condition {title}Run"));
    }
    if template["Conditions"][format!("{title}Verified")]
        != json!([format!("{title}Run"), "IsVerified"])
    {
        missing.push(format!("condition {title}Verified"));
    }
    let schedule = &template["Parameters"][format!("{title}Schedule")]["Default"];
    let is_every_five_minutes = schedule
        .as_str()
        .and_then(|text| text.strip_prefix("cron(")?.strip_suffix("/5 * * * ? *)"))
        .is_some_and(|minute| matches!(minute, "0" | "1" | "2" | "3" | "4"));
    if !is_every_five_minutes {
        missing.push(format!("parameter {title}Schedule"));
    }
    missing
}

fn policed_queues(template: &Value) -> Value {
    template["Resources"]["DeadLettersPolicy"]["Properties"]["Queues"].clone()
}

fn lists(list: &Value, item: &str) -> bool {
    list.as_array()
        .is_some_and(|items| items.iter().any(|known| known == item))
}

#[test]
fn every_data_type_has_its_function_route_schedules_rule_queue_and_log() {
    let template = template();
    for data_type in REGISTRY {
        assert_eq!(missing(&template, data_type), Vec::<String>::new());
    }
}

#[test]
fn the_fan_out_hears_of_every_end_and_the_rest_goes_to_api() {
    let template = template();
    for block in [blocks::of_sync_all(), blocks::of_api()] {
        assert_eq!(
            differences(&block, &template["Resources"]),
            Vec::<String>::new()
        );
    }
    assert!(lists(&policed_queues(&template), "SyncAllDeadLetters"));
    // Its own crash on the bus would wake it again, for ever.
    let invoked = &template["Resources"]["SyncAll"]["Properties"]["EventInvokeConfig"];
    assert_eq!(invoked.get("DestinationConfig"), None);
    // With a path or a method it would no longer take every other route.
    let default = &template["Resources"]["ApiFunction"]["Properties"]["Events"]["Default"];
    for key in ["Path", "Method"] {
        assert_eq!(default["Properties"].get(key), None);
    }
}

#[test]
fn backups_are_taken_each_night_kept_for_a_time_and_shown_to_nobody() {
    let template = template();
    let found = differences(&blocks::of_backup(), &template["Resources"]);
    assert_eq!(found, Vec::<String>::new());
    for path in [
        "/Resources/BackupBucket/DeletionPolicy",
        "/Resources/BackupBucket/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy",
        "/Resources/BackupBucket/Properties/LifecycleConfiguration/Rules/0/ExpirationInDays",
        "/Resources/BackupBucketPolicy/Properties/PolicyDocument/Statement/0/Condition",
        "/Resources/BackupFunction/Properties/Events/Nightly/Properties/State",
    ] {
        let mut template = template.clone();
        *template.pointer_mut(path).expect("it is there") = json!("something else");
        let found = differences(&blocks::of_backup(), &template["Resources"]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
    }
}

#[test]
fn what_a_data_type_lacks_is_noticed() {
    const UNKNOWN: DataType = DataType {
        name: "unknown",
        title: "Unknown",
        streams: &[],
    };
    let template = template();
    assert_eq!(
        missing(&template, &UNKNOWN),
        [
            "SyncUnknown",
            "SyncUnknownDeadLetters",
            "SyncUnknownDeadLettersNotEmpty",
            "SyncUnknownFailed",
            "SyncUnknownFindingsGrowing",
            "SyncUnknownLog",
            "SyncUnknownNearLimit",
            "SyncUnknownStale",
            "SyncUnknownThrottled",
            "SyncUnknownUnverified",
            "SyncUnknownDeadLetters in DeadLettersPolicy",
            "condition UnknownRun",
            "condition UnknownVerified",
            "parameter UnknownSchedule",
        ]
    );

    for path in [
        "/Resources/SyncSales/Properties/Events/Route/Properties/Path",
        "/Resources/SyncSales/Properties/Events/Incremental",
        "/Resources/SyncSales/Properties/Events/Reconcile/Properties/State",
        "/Resources/SyncSales/Properties/Events/Requested/Properties/Pattern/source",
        "/Resources/SyncSales/Properties/Events/Requested/Properties/DeadLetterConfig",
        "/Resources/SyncSales/Properties/DeadLetterQueue/TargetArn",
        "/Resources/SyncSales/Properties/EventInvokeConfig/DestinationConfig/OnFailure",
        "/Resources/SyncSalesLog/Properties/RetentionInDays",
        "/Resources/SyncSalesDeadLetters/Properties/SqsManagedSseEnabled",
        "/Resources/SyncSalesFailed/Properties/Metrics/1/MetricStat/Metric/MetricName",
        "/Resources/SyncSalesStale/Properties/TreatMissingData",
        "/Resources/SyncSalesStale/Properties/Dimensions/1/Value",
        "/Resources/SyncSalesUnverified/Properties/MetricName",
        "/Resources/SyncSalesUnverified/Condition",
        "/Resources/SyncSalesDeadLettersNotEmpty/Properties/Dimensions/0/Value",
        "/Resources/SyncSalesNearLimit/Properties/AlarmActions",
        "/Resources/DeadLettersPolicy/Properties/Queues",
        "/Conditions/SalesRun",
        "/Conditions/SalesVerified",
        "/Parameters/SalesSchedule/Default",
    ] {
        let mut template = template.clone();
        *template.pointer_mut(path).expect("it is there") = json!("something else");
        let sales = REGISTRY.iter().find(|spec| spec.name == "sales");
        let missing = missing(&template, sales.expect("registered"));
        assert_eq!(missing.len(), 1, "{path}: {missing:?}");
    }
}

#[test]
fn a_reconcile_comes_as_a_schedule_and_at_a_time_of_its_own() {
    let template = template();
    let mut times = BTreeSet::new();
    for data_type in REGISTRY {
        let function = &template["Resources"][format!("Sync{}", data_type.title)];
        let reconcile = &function["Properties"]["Events"]["Reconcile"]["Properties"];
        let input = reconcile["Input"].as_str().expect("an input");
        let input: Value = serde_json::from_str(input).expect("JSON");
        assert_eq!(
            input,
            json!({
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "detail": {"mode": "reconcile"},
            })
        );
        let time = reconcile["Schedule"].as_str().expect("an expression");
        assert!(time.starts_with("cron(") && time.ends_with(" ${ReconcileHour} * * ? *)"));
        assert!(times.insert(time), "{time} is another's, too");
    }
}

/// Every function that there has to be, from what is not the template.
fn functions_to_deploy() -> BTreeSet<String> {
    let of_data_types = REGISTRY.iter().map(|spec| spec.function_name());
    of_data_types
        .chain(SHARED_FUNCTIONS.map(str::to_owned))
        .collect()
}

#[test]
fn the_functions_are_those_of_the_registry_and_the_shared_ones() {
    let folders: BTreeSet<String> = fs::read_dir(workspace("functions"))
        .expect("functions/")
        .map(|entry| entry.expect("a folder").file_name())
        .map(|name| name.into_string().expect("a name"))
        .collect();
    assert_eq!(folders, functions_to_deploy());
    let template = template();
    let deployed: BTreeSet<String> = functions(&template)
        .into_keys()
        .map(str::to_owned)
        .collect();
    assert_eq!(deployed, functions_to_deploy());
}

/// The actions that a role or policy allows, each with its resource.
fn allowed(policy: &Value) -> BTreeSet<(String, String)> {
    let documents = match policy.get("Policies") {
        Some(policies) => policies.as_array().expect("a list").clone(),
        None => vec![policy.clone()],
    };
    let mut allowed = BTreeSet::new();
    for document in documents {
        let statements = &document["PolicyDocument"]["Statement"];
        for statement in statements.as_array().expect("a list") {
            // `!If [Condition, statement, nothing]`
            let statement = statement.get(1).unwrap_or(statement);
            assert_eq!(statement["Effect"], "Allow");
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.clone(),
                action => vec![action.clone()],
            };
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let resource = text(&statement["Resource"]);
            allowed.extend(
                actions
                    .iter()
                    .map(|action| (text(action), resource.clone())),
            );
        }
    }
    allowed
}

#[test]
fn a_function_may_write_its_log_read_its_secret_and_use_its_bus_and_queues() {
    const LOGS: &str = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/${AWS::StackName}-*:*";
    const QUEUES: &str =
        "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-sync-*";
    const DEAD_LETTERS: &str = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-sync-*-dead-letters";
    let template = template();
    for (role, expected) in [
        (
            "RunPolicy",
            vec![
                ("logs:CreateLogStream", LOGS),
                ("logs:PutLogEvents", LOGS),
                ("secretsmanager:GetSecretValue", "SyncSecretId"),
                // AWS knows no resource for these two.
                ("xray:PutTelemetryRecords", "*"),
                ("xray:PutTraceSegments", "*"),
            ],
        ),
        (
            "SyncRole",
            vec![
                ("events:PutEvents", "EventBus.Arn"),
                ("sqs:SendMessage", QUEUES),
            ],
        ),
        (
            "ApiRole",
            vec![
                ("events:DescribeEventBus", "EventBus.Arn"),
                ("events:PutEvents", "EventBus.Arn"),
                ("sqs:DeleteMessage", DEAD_LETTERS),
                ("sqs:GetQueueAttributes", DEAD_LETTERS),
                ("sqs:ReceiveMessage", DEAD_LETTERS),
            ],
        ),
        // It may add backups, and neither read nor delete one.
        (
            "BackupRole",
            vec![
                ("s3:AbortMultipartUpload", "${BackupBucket.Arn}/backups/*"),
                ("s3:PutObject", "${BackupBucket.Arn}/backups/*"),
                ("sqs:SendMessage", "BackupDeadLetters.Arn"),
                // What Lambda says of a backup that failed for good.
                ("events:PutEvents", "EventBus.Arn"),
            ],
        ),
    ] {
        let expected = expected
            .into_iter()
            .map(|(action, resource)| (action.to_owned(), resource.to_owned()))
            .collect();
        let properties = &template["Resources"][role]["Properties"];
        assert_eq!(allowed(properties), expected, "{role}");
        if role != "RunPolicy" {
            assert_eq!(
                properties["ManagedPolicyArns"],
                json!(["RunPolicy"]),
                "{role}"
            );
        }
    }
    for (binary, function) in functions(&template) {
        let more = function["Properties"].get("Policies");
        assert_eq!(more, None, "{binary} may do more than its role says");
    }
}

#[test]
fn a_caller_is_answered_before_api_gateway_gives_up() {
    let template = template();
    let budget = &template["Parameters"]["SyncApiBudgetMs"];
    assert!(budget["MaxValue"].as_u64().expect("a number") < 30_000);
}
