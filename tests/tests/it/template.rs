//! template.yaml against the registry, the workspace and the configuration: whoever adds
//! a data type, a function or a variable and forgets the template learns of it here.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use shared::config::{Config, EventsConfig, HttpConfig};
use shared::specs::{DataType, REGISTRY};

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

/// What the template lacks for a data type.
fn missing(template: &Value, data_type: &DataType) -> Vec<String> {
    let name = data_type.name;
    let function_name = data_type.function_name();
    let Some(function) = functions(template).remove(function_name.as_str()) else {
        return vec![format!("function {function_name}")];
    };
    let events: Vec<&Value> = function["Properties"]["Events"]
        .as_object()
        .map(|events| events.values().collect())
        .unwrap_or_default();
    let has = |kind: &str, wanted: Value| {
        events.iter().any(|event| {
            event["Type"] == kind
                && wanted
                    .as_object()
                    .expect("properties")
                    .iter()
                    .all(|(key, value)| event["Properties"][key] == *value)
        })
    };
    let route = json!({
        "ApiId": "Api",
        "Method": "POST",
        "Path": format!("/api/sync/{name}"),
        "PayloadFormatVersion": "2.0",
    });
    let schedule = json!({"Schedule": "ScheduleExpression", "State": "ScheduleState"});
    let rule = json!({
        "EventBusName": "SyncEventBus",
        "Pattern": {
            "source": ["odoo.sync"],
            "detail-type": ["Sync Requested"],
            "detail": {"dataType": [name]},
        },
    });
    [
        ("route", has("HttpApi", route)),
        ("schedule", has("Schedule", schedule)),
        ("rule for Sync Requested", has("EventBridgeRule", rule)),
    ]
    .into_iter()
    .filter(|(_, is_there)| !is_there)
    .map(|(what, _)| format!("{what} of {function_name}"))
    .collect()
}

#[test]
fn every_data_type_has_its_function_route_schedule_and_rule() {
    let template = template();
    for data_type in REGISTRY {
        assert_eq!(missing(&template, data_type), Vec::<String>::new());
    }
}

#[test]
fn what_a_data_type_lacks_is_noticed() {
    const UNKNOWN: DataType = DataType {
        name: "unknown",
        title: "Unknown",
        streams: &[],
    };
    let mut template = template();
    assert_eq!(missing(&template, &UNKNOWN), ["function sync-unknown"]);

    // A function copied from another one and only half changed.
    let mut copy = template["Resources"]["SyncProducts"].clone();
    copy["Metadata"]["BuildProperties"]["Binary"] = json!("sync-unknown");
    copy["Properties"]["Events"]["Schedule"] = Value::Null;
    template["Resources"]["SyncUnknown"] = copy;
    assert_eq!(
        missing(&template, &UNKNOWN),
        [
            "route of sync-unknown",
            "schedule of sync-unknown",
            "rule for Sync Requested of sync-unknown"
        ]
    );
}

#[test]
fn the_functions_are_those_of_the_workspace() {
    let packages: BTreeSet<String> = fs::read_dir(workspace("functions"))
        .expect("functions/")
        .map(|entry| entry.expect("a folder").file_name())
        .map(|name| name.into_string().expect("a name"))
        .collect();
    let template = template();
    let deployed: BTreeSet<String> = functions(&template)
        .into_keys()
        .map(str::to_owned)
        .collect();
    assert_eq!(deployed, packages);
}

#[test]
fn a_function_may_do_nothing_but_send_to_its_bus_and_logs_into_its_own_group() {
    let template = template();
    for (binary, function) in functions(&template) {
        let properties = &function["Properties"];
        assert_eq!(
            properties["Policies"],
            json!([{"EventBridgePutEventsPolicy": {"EventBusName": "SyncEventBus"}}]),
            "{binary}"
        );
        let group = properties["LoggingConfig"]["LogGroup"]
            .as_str()
            .expect("a log group");
        let group = &template["Resources"][group]["Properties"];
        assert_eq!(
            group["LogGroupName"],
            format!("/aws/lambda/${{AWS::StackName}}-{binary}")
        );
        assert_eq!(group["RetentionInDays"], "LogRetentionDays");
        assert_eq!(
            properties["FunctionName"],
            format!("${{AWS::StackName}}-{binary}")
        );
    }
}

/// The variables that the program asks for, whatever their values.
fn variables_read() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let nothing_set = |name: &str| {
        names.borrow_mut().insert(name.to_owned());
        None
    };
    Config::from_lookup(&nothing_set).expect_err("required variables are missing");
    HttpConfig::from_lookup(&nothing_set);
    EventsConfig::from_lookup(&nothing_set);
    names.into_inner()
}

#[test]
fn every_variable_that_is_read_can_be_set_and_no_other() {
    let template = template();
    let set: BTreeSet<String> = template["Globals"]["Function"]["Environment"]["Variables"]
        .as_object()
        .expect("variables")
        .keys()
        .cloned()
        .collect();
    assert_eq!(set, variables_read());
}

#[test]
fn a_secret_is_a_parameter_that_is_not_shown() {
    let template = template();
    for (variable, parameter) in [
        ("ODOO_PASSWORD", "OdooPassword"),
        ("SUPABASE_DB_URL", "SupabaseDbUrl"),
        ("SUPABASE_SERVICE_ROLE_KEY", "SupabaseServiceRoleKey"),
        ("SYNC_API_KEY", "SyncApiKey"),
    ] {
        let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
        assert_eq!(variables[variable], parameter);
        let parameter = &template["Parameters"][parameter];
        assert_eq!(parameter["NoEcho"], true, "{variable}");
        let default = parameter["Default"].as_str().unwrap_or_default();
        assert_eq!(default, "", "{variable} has a default");
    }
}
