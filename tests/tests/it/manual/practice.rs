//! docs/PRACTICE.md goes through docs/RUNBOOK.md: each section there is practised here, or said to be out of a
//! demo's reach. Its lines are typed in `serverless/practice.rs`.

use std::collections::BTreeSet;
use std::fs;

/// The section that says what a demo cannot do.
const OUT_OF_REACH: &str = "Not on the demo";

/// The sections of a page, with their headings.
fn sections(name: &str) -> Vec<(String, String)> {
    let page = fs::read_to_string(format!("../docs/{name}")).expect("a page");
    let parts = page.split("\n## ").skip(1);
    let parts = parts.map(|part| part.split_once('\n').expect("a text"));
    parts
        .map(|(heading, text)| (heading.to_owned(), text.to_owned()))
        .collect()
}

fn headings(name: &str) -> BTreeSet<String> {
    sections(name)
        .into_iter()
        .map(|(heading, _)| heading)
        .collect()
}

/// The sections that a text refers to, such as *Case: dead letters*.
fn references(text: &str) -> Vec<String> {
    let starts = ["*Code `", "*Alarm `", "*Case: "];
    let found = starts.iter().flat_map(|start| {
        let rests = text.split(start).skip(1);
        rests.map(|rest| {
            let (name, _) = rest.split_once('*').expect("its end");
            format!("{}{name}", &start[1..])
        })
    });
    found.collect()
}

/// What stands first in each line of the list: what is out of reach, not what is practised in its place.
fn out_of_reach() -> BTreeSet<String> {
    let sections = sections("PRACTICE.md");
    let found = sections.iter().find(|(heading, _)| heading == OUT_OF_REACH);
    let (_, list) = found.expect("the section");
    let lines = list.lines().filter_map(|line| line.strip_prefix("- "));
    let firsts = lines.map(|line| line.split_once("*: ").expect("a reason").0);
    firsts
        .flat_map(|names| references(&format!("{names}*")))
        .collect()
}

#[test]
fn every_section_of_the_runbook_is_practised_or_out_of_reach() {
    let mut practised = headings("PRACTICE.md");
    assert!(practised.remove(OUT_OF_REACH));
    let out_of_reach = out_of_reach();
    let both: Vec<&String> = practised.intersection(&out_of_reach).collect();
    assert!(both.is_empty(), "{both:?}");
    practised.extend(out_of_reach);
    assert_eq!(practised, headings("RUNBOOK.md"));
}

#[test]
fn whoever_has_no_lines_of_its_own_names_a_section_that_has() {
    let sections = sections("PRACTICE.md");
    let has_lines = |wanted: &str| {
        let mut of_that_name = sections.iter().filter(|(heading, _)| heading == wanted);
        of_that_name.any(|(_, text)| text.contains("```sh\n"))
    };
    for (heading, text) in &sections {
        let references = references(text);
        let practised = headings("PRACTICE.md");
        for reference in references.iter().filter(|_| heading != OUT_OF_REACH) {
            assert!(practised.contains(reference), "{heading}: {reference}");
        }
        let is_practised = has_lines(heading) || references.iter().any(|it| has_lines(it));
        assert!(is_practised, "{heading}");
    }
}

/// An arrow without lines before it, or lines without an arrow, would say nothing of what is to be seen.
#[test]
fn whatever_is_typed_shows_something() {
    for (heading, text) in sections("PRACTICE.md") {
        for block in text.split("```sh\n").skip(1) {
            let (lines, _) = block.split_once("```").expect("its end");
            let arrows = lines.lines().filter(|line| line.contains(" # → "));
            assert!(arrows.count() > 0, "{heading}");
        }
    }
}
