//! docs/RELIABILITY.md names tests, and they exist.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[test]
fn every_test_that_reliability_md_names_exists() {
    let page = std::fs::read_to_string("../docs/RELIABILITY.md").expect("docs/RELIABILITY.md");
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::"))
        .collect();
    assert!(named.len() > 30, "{} names", named.len());
    let ours = tests_of_this_program();
    for name in named {
        let exists = match name.strip_prefix("shared::") {
            Some(name) => is_beside_its_code(name),
            None => ours.contains(name),
        };
        assert!(exists, "there is no test {name}");
    }
}

#[test]
fn every_promise_names_a_test() {
    let page = std::fs::read_to_string("../docs/RELIABILITY.md").expect("docs/RELIABILITY.md");
    let promised = page.split("## Not promised").next().expect("a part");
    let paragraphs: Vec<&str> = promised.split("\n**").skip(1).collect();
    assert!(paragraphs.len() > 8, "{} promises", paragraphs.len());
    for paragraph in paragraphs {
        assert!(paragraph.contains("::"), "no test shows this: {paragraph}");
    }
}

fn tests_of_this_program() -> BTreeSet<String> {
    let program = std::env::current_exe().expect("a path");
    let output = Command::new(program)
        .arg("--list")
        .output()
        .expect("its tests");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.strip_suffix(": test").map(str::to_owned))
        .collect()
}

/// `sync::window::name` is a function of shared/src/sync/window.rs.
fn is_beside_its_code(name: &str) -> bool {
    let (module, name) = name.rsplit_once("::").expect("a module");
    let file = format!("../shared/src/{}.rs", module.replace("::", "/"));
    let code = std::fs::read_to_string(Path::new(&file)).unwrap_or_default();
    code.contains(&format!("fn {name}("))
}
