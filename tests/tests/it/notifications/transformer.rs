//! EventBridge's input transformer, read as its guide allows at worst: a value is put in as it is,
//! nothing in it escaped, with quotation marks around a text that stands outside of any.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// Where a rule sends to.
#[derive(Clone, Copy)]
pub(super) enum Target {
    Slack,
    Webhook,
}

/// `template.yaml` without CloudFormation's tags, of the stack `shop`.
pub(super) fn template() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml");
    let text = fs::read_to_string(path).expect("template.yaml");
    let text = text.replace("${AWS::StackName}", "shop");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// A rule's target, which the template has as `!If [Condition, target, nothing]`.
pub(super) fn target(rule: &str, target: Target) -> Value {
    template()["Resources"][rule]["Properties"]["Targets"][target as usize][1].clone()
}

/// What the target is sent of an event.
pub(super) fn transformed(target: &Value, event: &Value) -> String {
    let transformer = &target["InputTransformer"];
    let template = transformer["InputTemplate"].as_str().expect("a template");
    let paths = transformer["InputPathsMap"].as_object().expect("paths");
    let mut sent = String::new();
    let mut rest = template;
    let mut is_quoted = false;
    while let Some(next) = rest.chars().next() {
        let name = rest
            .strip_prefix('<')
            .and_then(|rest| rest.split_once('>'))
            .map(|(name, _)| name);
        if let Some(name) = name {
            let path = paths[name].as_str().expect("a path");
            sent.push_str(&inserted(at(event, path), is_quoted));
            rest = &rest[name.len() + 2..];
        } else {
            is_quoted ^= next == '"';
            sent.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    sent
}

fn inserted(value: &Value, is_quoted: bool) -> String {
    match value {
        Value::String(text) if is_quoted => text.clone(),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

/// `$.detail.summary`; no more of JSON Path is used.
fn at<'a>(event: &'a Value, path: &str) -> &'a Value {
    let names = path.strip_prefix("$.").expect("a path from the root");
    let found = names
        .split('.')
        .try_fold(event, |value, name| value.get(name));
    found.unwrap_or_else(|| panic!("nothing at {path} in {event}"))
}

#[test]
fn a_value_that_would_break_the_json_does_so_here() {
    let target = serde_json::json!({"InputTransformer": {
        "InputPathsMap": {"summary": "$.detail.summary"},
        "InputTemplate": "{\"a\": <summary>, \"b\": \"so: <summary>\"}",
    }});
    let event = |text: &str| serde_json::json!({"detail": {"summary": text}});
    assert_eq!(
        transformed(&target, &event("good")),
        r#"{"a": "good", "b": "so: good"}"#
    );
    let broken = transformed(&target, &event("he said \"no\""));
    assert!(serde_json::from_str::<Value>(&broken).is_err(), "{broken}");
}
