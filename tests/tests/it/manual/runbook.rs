//! docs/RUNBOOK.md has a section for each error code and each alarm, and each section says what
//! is seen, why, and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use shared::specs::REGISTRY;

use crate::openapi::document::DOCUMENT;

/// Sections by their headings.
fn sections() -> BTreeMap<String, String> {
    let page = fs::read_to_string("../docs/RUNBOOK.md").expect("docs/RUNBOOK.md");
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
    let text = fs::read_to_string("../template.yaml").expect("template.yaml");
    let template: Value = serde_saphyr::from_str(&text).expect("YAML");
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
