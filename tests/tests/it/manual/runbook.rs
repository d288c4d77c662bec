//! docs/RUNBOOK.md has a section for each error code and each alarm, and each section says what
//! is seen, why, and what to do; what it names is there. Its calls are made in `serverless/runbook.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use shared::specs::REGISTRY;

use crate::openapi::document::DOCUMENT;

fn page() -> String {
    fs::read_to_string("../docs/RUNBOOK.md").expect("docs/RUNBOOK.md")
}

fn template() -> Value {
    let text = fs::read_to_string("../template.yaml").expect("template.yaml");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// Sections by their headings.
fn sections() -> BTreeMap<String, String> {
    let page = page();
    let parts = page.split("\n## ").skip(1);
    parts
        .map(|part| {
            let (heading, text) = part.split_once('\n').expect("a text");
            (heading.to_owned(), text.to_owned())
        })
        .collect()
}

/// What a heading names in backquotes.
fn named(kind: &str) -> BTreeSet<String> {
    let headings = sections().into_keys();
    let of_kind = headings.filter_map(|heading| {
        let (first, rest) = heading.split_once(" `")?;
        (first == kind).then(|| rest.trim_end_matches('`').to_owned())
    });
    of_kind.collect()
}

#[test]
fn every_error_code_has_its_section() {
    let codes = DOCUMENT.at("/components/schemas/Error/properties/code/enum");
    let codes = codes.as_array().expect("a list").iter();
    let expected: BTreeSet<String> = codes
        .map(|code| code.as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(named("Code"), expected);
}

#[test]
fn every_alarm_has_its_section() {
    let template = template();
    let resources = template["Resources"].as_object().expect("resources");
    let names = resources
        .values()
        .filter(|it| it["Type"] == "AWS::CloudWatch::Alarm")
        .map(|it| it["Properties"]["AlarmName"].as_str().expect("a name"));
    let expected: BTreeSet<String> = names.map(without_data_type).collect();
    assert_eq!(named("Alarm"), expected);
}

/// One section speaks for all data types.
fn without_data_type(name: &str) -> String {
    let name = name.trim_start_matches("${AWS::StackName}-");
    let of_all = REGISTRY
        .iter()
        .find_map(|spec| name.strip_prefix(&format!("sync-{}-", spec.name)));
    of_all.map_or_else(|| name.to_owned(), |rest| format!("sync-…-{rest}"))
}

#[test]
fn every_section_says_what_is_seen_why_and_what_to_do() {
    let sections = sections();
    assert!(sections.len() > 25, "{} sections", sections.len());
    for (heading, text) in sections {
        for part in ["**You see**", "**Why**", "**Do**"] {
            assert!(text.contains(part), "{heading} lacks {part}");
        }
    }
}

/// Queues, rules, functions and logs go by names with the stack's as prefix: an `aws` line that names another one finds
/// nothing. Nobody can run these lines without an account.
#[test]
fn whatever_an_aws_line_names_is_in_the_template() {
    let template = template();
    let page = page();
    for (before, properties) in [
        ("--queue-name ", &["QueueName"][..]),
        ("/aws/lambda/", &["LogGroupName"]),
        ("--function-name ", &["FunctionName"]),
        ("--name ", &["RuleName", "Name"]),
        ("--name-prefix ", &["RuleName", "Name"]),
        // In the text.
        ("`", &["QueueName"]),
    ] {
        let mut names = BTreeSet::new();
        collect(&template, properties, &mut names);
        let start = format!("{before}$STACK-");
        let found = page.split(&start).skip(1);
        let found: Vec<&str> = found.map(first_word).collect();
        assert!(!found.is_empty(), "{start}");
        for name in found {
            let is_there = match before {
                "--name-prefix " => names.iter().any(|it| it.starts_with(name)),
                _ => names.contains(name),
            };
            assert!(is_there, "{start}{name}: {names:?}");
        }
    }
}

fn first_word(text: &str) -> &str {
    let is_in_name = |it: char| it.is_ascii_alphanumeric() || it == '-';
    text.split(|it| !is_in_name(it)).next().unwrap_or_default()
}

/// The names behind the stack's that these properties have, wherever they stand.
fn collect(value: &Value, properties: &[&str], names: &mut BTreeSet<String>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .filter(|_| properties.contains(&key.as_str()));
        let name = text.and_then(|text| text.split_once("${AWS::StackName}-"));
        names.extend(name.map(|(_, name)| name.to_owned()));
        collect(value, properties, names);
    }
    for value in value.as_array().into_iter().flatten() {
        collect(value, properties, names);
    }
}

/// Such as *Case: dead letters*.
#[test]
fn every_section_that_is_referred_to_is_there() {
    let sections = sections();
    let page = page();
    let mut count = 0;
    for kind in ["*Case: ", "*Code `", "*Alarm `"] {
        for rest in page.split(kind).skip(1) {
            let (name, _) = rest.split_once('*').expect("its end");
            let heading = format!("{}{name}", &kind[1..]);
            assert!(sections.contains_key(&heading), "{heading}");
            count += 1;
        }
    }
    assert!(count > 10, "{count} references");
}
