//! What holds for every function and for the HTTP API as a whole. Where one of these gets lost
//! the template is still right for every linter.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::blocks::differences;
use super::{functions, template, workspace};

/// As the template reads without CloudFormation's tags.
fn expected() -> Value {
    json!({
        "Parameters": {
            "Architecture": {"AllowedValues": ["x86_64", "arm64"]},
            "ReservedConcurrency": {"Default": ""},
            "Tracing": {"AllowedValues": ["Active", "PassThrough"]},
            "ApiBurstLimit": {"MinValue": 1},
            "ApiRateLimit": {"MinValue": 1},
            "HookBurstLimit": {"MinValue": 1},
            "HookRateLimit": {"MinValue": 1},
            "CorsAllowOrigins": {"Type": "CommaDelimitedList", "Default": ""},
        },
        "Conditions": {
            "HasReservedConcurrency": [["ReservedConcurrency", ""]],
            "HasCors": [[["", "CorsAllowOrigins"], ""]],
        },
        "Globals": {"Function": {
            "Runtime": "provided.al2023",
            "Architectures": ["Architecture"],
            "Handler": "bootstrap",
            "MemorySize": "MemoryMegabytes",
            "Timeout": "TimeoutSeconds",
            "Tracing": "Tracing",
            "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE"},
            "Environment": {"Variables": {"RUST_LOG": "LogLevel"}},
        }},
        "Resources": {
            "Api": {
                "Type": "AWS::Serverless::HttpApi",
                "Properties": {
                    "DefinitionBody": {"x-amazon-apigateway-cors": [
                        "HasCors",
                        {
                            "allowOrigins": "CorsAllowOrigins",
                            "allowMethods": ["GET", "POST"],
                            "allowHeaders": ["authorization", "content-type"],
                            "exposeHeaders": ["location"],
                            "maxAge": 600,
                        },
                        "AWS::NoValue",
                    ]},
                    "DefaultRouteSettings": {
                        "ThrottlingBurstLimit": "ApiBurstLimit",
                        "ThrottlingRateLimit": "ApiRateLimit",
                    },
                    "AccessLogSettings": {"DestinationArn": "ApiAccessLog.Arn"},
                },
            },
            "ApiAccessLog": {
                "Type": "AWS::Logs::LogGroup",
                "Properties": {"RetentionInDays": "LogRetentionDays"},
            },
        },
    })
}

#[test]
fn the_api_is_throttled_and_logged_and_every_function_is_traced_and_logs_json() {
    assert_eq!(differences(&expected(), &template()), Vec::<String>::new());
}

#[test]
fn what_gets_lost_is_noticed() {
    for path in [
        "/Globals/Function/Runtime",
        "/Globals/Function/Architectures",
        "/Globals/Function/Tracing",
        "/Globals/Function/LoggingConfig/LogFormat",
        "/Conditions/HasReservedConcurrency",
        "/Resources/Api/Properties/DefinitionBody/x-amazon-apigateway-cors",
        "/Resources/Api/Properties/DefaultRouteSettings/ThrottlingRateLimit",
        "/Resources/Api/Properties/AccessLogSettings",
        "/Resources/ApiAccessLog/Properties/RetentionInDays",
    ] {
        let mut template = template();
        *template.pointer_mut(path).expect("it is there") = Value::Null;
        let noticed = differences(&expected(), &template);
        assert_eq!(noticed, [path.trim_start_matches('/').replace('/', ".")]);
    }
}

#[test]
fn no_function_has_it_otherwise() {
    let template = template();
    let globals = template["Globals"]["Function"].as_object();
    let globals: BTreeSet<&String> = globals.expect("globals").keys().collect();
    for (binary, function) in functions(&template) {
        let properties = function["Properties"].as_object().expect("properties");
        let mut own: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        own.retain(|key| globals.iter().any(|global| global == key));
        // Those that answer within API Gateway's limit end sooner.
        own.remove("Timeout");
        // What one function alone needs; template.rs looks at it.
        own.remove("Environment");
        // Packing a backup takes more of a processor, which comes with memory.
        if binary == "backup" {
            own.remove("MemorySize");
        }
        assert_eq!(own, ["LoggingConfig"].into(), "{binary}");
        let logging = properties["LoggingConfig"].as_object().expect("an object");
        let names: Vec<&String> = logging.keys().collect();
        assert_eq!(names, ["LogGroup"], "{binary}");
    }
}

/// API Gateway refuses a stage that has settings for a route which is not there, and no linter compares them. The route is the
/// one that docs/openapi.yaml tells Odoo's administrator.
#[test]
fn hooks_have_limits_of_their_own() {
    let template = template();
    let api = &template["Resources"]["Api"]["Properties"];
    let hook = &template["Resources"]["ApiFunction"]["Properties"]["Events"]["Hook"]["Properties"];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let (method, path) = (text(&hook["Method"]), text(&hook["Path"]));
    assert_eq!(
        api["RouteSettings"],
        json!({
            format!("{method} {path}"): {
                "ThrottlingBurstLimit": "HookBurstLimit",
                "ThrottlingRateLimit": "HookRateLimit",
            },
        })
    );
    let document = fs::read_to_string(workspace("docs/openapi.yaml")).expect("docs/openapi.yaml");
    let document: Value = serde_saphyr::from_str(&document).expect("YAML");
    let route = |document: &Value| document["paths"][&path][method.to_lowercase()].clone();
    assert!(route(&document).is_object(), "{method} {path}");
    // Else SAM would write a parameter that is no OpenAPI, and a warning fails a deployment here.
    let parameter = &route(&api["DefinitionBody"])["parameters"][0];
    assert_eq!(parameter["name"], "dataType");
    assert_eq!(parameter["schema"], json!({"type": "string"}));
}

/// A second caller must get our 409 and not Lambda's throttle.
#[test]
fn reserved_concurrency_is_none_or_two_and_more() {
    let template = template();
    let pattern = &template["Parameters"]["ReservedConcurrency"]["AllowedPattern"];
    assert!(pattern.is_string());
    let schema = json!({"pattern": pattern});
    for (value, is_allowed) in [
        ("", true),
        ("2", true),
        ("9", true),
        ("10", true),
        ("100", true),
        ("0", false),
        ("1", false),
        ("01", false),
        ("-2", false),
        ("2.5", false),
        ("two", false),
    ] {
        let found = jsonschema::is_valid(&schema, &json!(value));
        assert_eq!(found, is_allowed, "{value:?}");
    }
}

/// A header or a query may hold what is secret.
#[test]
fn the_access_log_says_who_asked_what_and_what_came_of_it_and_no_more() {
    let template = template();
    let format = &template["Resources"]["Api"]["Properties"]["AccessLogSettings"]["Format"];
    let format: Value = serde_json::from_str(format.as_str().expect("a text")).expect("JSON");
    assert_eq!(
        format,
        json!({
            "requestId": "$context.requestId",
            "ip": "$context.identity.sourceIp",
            "method": "$context.httpMethod",
            "path": "$context.path",
            "route": "$context.routeKey",
            "status": "$context.status",
            "latency": "$context.responseLatency",
            "bytes": "$context.responseLength",
            "integrationError": "$context.integrationErrorMessage",
        })
    );
}
