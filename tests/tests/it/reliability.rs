//! docs/RELIABILITY.md names tests by the names that `cargo test` has for them, and those run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The only tests of the page that do not run by themselves: those that `cargo xtask test --odoo`
/// runs.
const NEEDS_A_REAL_ODOO: &str = "reconcile::real::";
/// What names of tests in `shared`, which are in another program than the others, begin with.
const SHARED: &str = "shared::";

#[test]
fn every_test_that_reliability_md_names_exists_and_runs() {
    let page = page();
    let named: Vec<&str> = tests_in(&page).collect();
    assert!(named.len() > 50, "{} names", named.len());
    let tests = Tests::list();
    for name in named {
        tests.assert_runs(name);
    }
}

#[test]
fn every_promise_names_a_test() {
    let page = page();
    let promised = page.split("## Not promised").next().expect("a part");
    let paragraphs: Vec<&str> = promised.split("\n**").skip(1).collect();
    assert!(paragraphs.len() > 15, "{} promises", paragraphs.len());
    for paragraph in paragraphs {
        let is_shown = tests_in(paragraph).next().is_some();
        assert!(is_shown, "no test shows this: {paragraph}");
    }
    // Each line of a table promises something of its own.
    let rows = promised.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !row.starts_with("| what |") && !row.starts_with("| --- |")) {
        let is_shown = tests_in(row).next().is_some();
        assert!(is_shown, "no test shows this: {row}");
    }
}

fn page() -> String {
    std::fs::read_to_string("../docs/RELIABILITY.md").expect("docs/RELIABILITY.md")
}

/// Whatever stands in backquotes and has a path's colons is the name of a test.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.contains("::"))
}

/// Test functions by the names that a test program has for them, and whether each is ignored.
struct Tests {
    ours: BTreeMap<String, bool>,
    shared: BTreeMap<String, bool>,
}

impl Tests {
    fn list() -> Self {
        let ours = std::env::current_exe().expect("a path");
        let folder = ours.parent().expect("a folder");
        Self {
            ours: tests_of(&ours),
            shared: tests_of(&newest_program(folder, "shared-")),
        }
    }

    fn assert_runs(&self, name: &str) {
        let found = match name.strip_prefix(SHARED) {
            Some(name) => self.shared.get(name),
            None => self.ours.get(name),
        };
        let Some(&is_ignored) = found else {
            panic!("there is no test {name}");
        };
        let may_be_ignored = name.starts_with(NEEDS_A_REAL_ODOO);
        assert_eq!(
            is_ignored, may_be_ignored,
            "{name} is ignored, or is not and says that it needs a real Odoo"
        );
    }
}

/// Where cargo has put the tests of a package's library. `cargo xtask test` has just built them;
/// older ones, with another hash in their names, may lie beside.
fn newest_program(folder: &Path, prefix: &str) -> PathBuf {
    let files = std::fs::read_dir(folder).expect("the folder of this program");
    files
        .map(|file| file.expect("a file").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            path.extension().is_none() && name.is_some_and(|name| name.starts_with(prefix))
        })
        .max_by_key(|path| {
            let metadata = path.metadata().expect("a file");
            metadata.modified().expect("the time of a file")
        })
        .unwrap_or_else(|| panic!("{prefix}… is not built: run the tests with `cargo xtask test`"))
}

fn tests_of(program: &Path) -> BTreeMap<String, bool> {
    let ignored = list(program, &["--ignored"]);
    list(program, &[])
        .into_iter()
        .map(|name| {
            let is_ignored = ignored.contains(&name);
            (name, is_ignored)
        })
        .collect()
}

fn list(program: &Path, options: &[&str]) -> BTreeSet<String> {
    let output = Command::new(program)
        .arg("--list")
        .args(options)
        .output()
        .expect("its tests");
    assert!(output.status.success(), "{}", program.display());
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.strip_suffix(": test").map(str::to_owned))
        .collect()
}
