//! What template.yaml must say of each function, as the template reads without
//! CloudFormation's tags: `!Ref Api` is `"Api"`, `!If [A, b, c]` is `["A", "b", "c"]`.

use serde_json::{Value, json};
use shared::specs::DataType;

use super::alarms;

/// A data type's own function and what belongs to it.
pub(super) fn of_data_type(data_type: &DataType) -> Value {
    let (name, title) = (data_type.name, data_type.title);
    let id = format!("Sync{title}");
    let stack_name = |rest: &str| format!("${{AWS::StackName}}-sync-{name}-{rest}");
    let runs = format!("{title}Run");
    let dead_letters = json!({"Arn": format!("{id}DeadLetters.Arn")});
    let mut block = of_sync(name, &id);
    merge(
        &mut block[&id]["Properties"],
        json!({
            "ReservedConcurrentExecutions":
                ["HasReservedConcurrency", "ReservedConcurrency", "AWS::NoValue"],
            "EventInvokeConfig": {
                "MaximumRetryAttempts": 2,
                "MaximumEventAgeInSeconds": 1200,
                "DestinationConfig": {
                    "OnFailure": {"Type": "EventBridge", "Destination": "EventBus.Arn"},
                },
            },
            "Events": {
                "Incremental": {
                    "Type": "Schedule",
                    "Properties": {
                        "Name": stack_name("incremental"),
                        "Schedule": [runs, format!("{title}Schedule"), "rate(1 day)"],
                        "State": [runs, "ScheduleState", "DISABLED"],
                        "RetryPolicy": {"MaximumEventAgeInSeconds": 300},
                        "DeadLetterConfig": dead_letters,
                    },
                },
                "Reconcile": {
                    "Type": "Schedule",
                    "Properties": {
                        "Name": stack_name("reconcile"),
                        "State": [runs, "ReconcileState", "DISABLED"],
                        "DeadLetterConfig": dead_letters,
                    },
                },
                "Requested": {
                    "Type": "EventBridgeRule",
                    "Properties": {
                        "RuleName": stack_name("requested"),
                        "EventBusName": "EventBus",
                        "Pattern": {
                            "source": ["odoo.sync"],
                            "detail-type": ["Sync Requested"],
                            "detail": {"dataType": [name]},
                        },
                        "DeadLetterConfig": dead_letters,
                    },
                },
            },
        }),
    );
    merge(&mut block, alarms::of_data_type(data_type));
    block
}

/// The fan-out: woken by the end of a sync, also by one that Lambda gave up on.
pub(super) fn of_sync_all() -> Value {
    let mut block = of_sync("all", "SyncAll");
    let function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-sync-";
    let rule = |name: &str, pattern: Value| {
        json!({
            "Type": "EventBridgeRule",
            "Properties": {
                "RuleName": format!("${{AWS::StackName}}-sync-all-{name}"),
                "EventBusName": "EventBus",
                "Pattern": pattern,
                "DeadLetterConfig": {"Arn": "SyncAllDeadLetters.Arn"},
            },
        })
    };
    let ended = json!({
        "source": ["odoo.sync"],
        "detail-type": ["Sync Completed", "Sync Failed"],
    });
    let crashed = json!({
        "source": ["lambda"],
        "detail-type": ["Lambda Function Invocation Result - Failure"],
        "detail": {"requestContext": {"functionArn": [{"prefix": function}]}},
    });
    merge(
        &mut block["SyncAll"]["Properties"],
        json!({
            "EventInvokeConfig": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 1200},
            "Events": {"Ended": rule("ended", ended), "Crashed": rule("crashed", crashed)},
        }),
    );
    block
}

/// What answers every route that is no other function's.
pub(super) fn of_api() -> Value {
    let mut block = of_function("api", "ApiFunction");
    merge(
        &mut block["ApiFunction"]["Properties"],
        json!({
            "Role": "ApiRole.Arn",
            "Events": {
                "Default": {
                    "Type": "HttpApi",
                    "Properties": {"ApiId": "Api", "PayloadFormatVersion": "2.0"},
                },
                "Hook": {
                    "Type": "HttpApi",
                    "Properties": {
                        "ApiId": "Api",
                        "Method": "POST",
                        "Path": "/api/sync/hooks/odoo/{dataType}",
                        "PayloadFormatVersion": "2.0",
                    },
                },
            },
        }),
    );
    block
}

/// What backs the mirror up, and where to: whoever may read the bucket reads the mirror.
pub(super) fn of_backup() -> Value {
    let mut block = of_function("backup", "BackupFunction");
    let dead_letters = json!({"Arn": "BackupDeadLetters.Arn"});
    merge(
        &mut block["BackupFunction"]["Properties"],
        json!({
            "Role": "BackupRole.Arn",
            "MemorySize": "BackupMemoryMegabytes",
            "DeadLetterQueue": {"Type": "SQS", "TargetArn": "BackupDeadLetters.Arn"},
            "EventInvokeConfig": {
                "MaximumRetryAttempts": 2,
                "MaximumEventAgeInSeconds": 3600,
                "DestinationConfig": {
                    "OnFailure": {"Type": "EventBridge", "Destination": "EventBus.Arn"},
                },
            },
            "Events": {
                "Nightly": {
                    "Type": "Schedule",
                    "Properties": {
                        "Name": "${AWS::StackName}-backup-nightly",
                        "Schedule": "cron(30 ${BackupHour} * * ? *)",
                        "State": "BackupState",
                        "DeadLetterConfig": dead_letters,
                    },
                },
            },
        }),
    );
    block["BackupDeadLetters"] = of_queue("backup");
    block["BackupDeadLettersPolicy"] = json!({"Properties": {"Queues": ["BackupDeadLetters"]}});
    block["BackupBucket"] = of_backup_bucket();
    block["BackupBucketPolicy"] = json!({
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": "BackupBucket",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": ["BackupBucket.Arn", "${BackupBucket.Arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": false}},
                }],
            },
        },
    });
    block
}

fn of_backup_bucket() -> Value {
    json!({
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [
                {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
            ]},
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": true,
                "BlockPublicPolicy": true,
                "IgnorePublicAcls": true,
                "RestrictPublicBuckets": true,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": [
                {
                    "Id": "retention",
                    "Status": "Enabled",
                    "Prefix": "backups/",
                    "ExpirationInDays": "BackupRetentionDays",
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                },
                {
                    "Id": "delete-markers",
                    "Status": "Enabled",
                    "Prefix": "backups/",
                    "ExpiredObjectDeleteMarker": true,
                },
            ]},
        },
    })
}

/// A function that syncs: its route, its role, its queue.
fn of_sync(name: &str, id: &str) -> Value {
    let mut block = of_function(&format!("sync-{name}"), id);
    let queue = format!("{id}DeadLetters");
    merge(
        &mut block[id]["Properties"],
        json!({
            "Role": "SyncRole.Arn",
            "DeadLetterQueue": {"Type": "SQS", "TargetArn": format!("{queue}.Arn")},
            "Events": {
                "Route": {
                    "Type": "HttpApi",
                    "Properties": {
                        "ApiId": "Api",
                        "Method": "POST",
                        "Path": format!("/api/sync/{name}"),
                        "PayloadFormatVersion": "2.0",
                    },
                },
            },
        }),
    );
    block[queue] = of_queue(&format!("sync-{name}"));
    block
}

/// What a function with this binary failed at for good.
fn of_queue(binary: &str) -> Value {
    json!({
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": format!("${{AWS::StackName}}-{binary}-dead-letters"),
            "MessageRetentionPeriod": 1_209_600,
            "SqsManagedSseEnabled": true,
        },
    })
}

/// Any function: its place, its name, its log.
fn of_function(binary: &str, id: &str) -> Value {
    let (name, log) = (format!("${{AWS::StackName}}-{binary}"), format!("{id}Log"));
    json!({
        id: {
            "Type": "AWS::Serverless::Function",
            "Metadata": {
                "BuildMethod": "rust-cargolambda",
                "BuildProperties": {"Binary": binary},
            },
            "Properties": {
                "FunctionName": name,
                "CodeUri": format!("functions/{binary}"),
                "LoggingConfig": {"LogGroup": log},
            },
        },
        log: {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": format!("/aws/lambda/{name}"),
                "RetentionInDays": "LogRetentionDays",
            },
        },
    })
}

/// Puts what `more` has into `value`, objects into objects.
pub(super) fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(value), Value::Object(more)) => {
            for (key, more) in more {
                merge(value.entry(key).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more,
    }
}

/// Where `actual` lacks something of `expected` or has it otherwise. What else it has is
/// not looked at.
pub(super) fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, actual, String::new(), &mut found);
    found
}

fn compare(expected: &Value, actual: &Value, path: String, found: &mut Vec<String>) {
    let Value::Object(fields) = expected else {
        if expected != actual {
            found.push(path);
        }
        return;
    };
    if !actual.is_object() {
        found.push(path);
        return;
    }
    for (key, expected) in fields {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        compare(expected, &actual[key], path, found);
    }
}
