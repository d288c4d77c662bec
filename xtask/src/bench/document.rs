//! docs/BENCHMARKS.md: a section a case, each with the machine, the versions, the commit and the
//! date that it was measured on. What is not measured anew stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::Bench;
use super::case::Case;
use super::report::Report;
use crate::child;
use crate::workspace::Workspace;

const FILE: &str = "docs/BENCHMARKS.md";
const HEAD: &str = "# Benchmarks

Written by `cargo xtask bench --write`; `cargo xtask bench --help` says what each case is. A figure is
a ratio of one run where it can be, for times differ from machine to machine. A bar that is missed
says so: it is not lowered.
";

/// The file in its parts.
pub(super) struct Document {
    file: PathBuf,
    /// Name and text, in the order of the cases.
    sections: Vec<(String, String)>,
}

impl Document {
    /// What is there; nothing where there is no file yet.
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let file = workspace.root.join(FILE);
        let text = match fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("cannot read {FILE}"))?,
        };
        Ok(Self {
            file,
            sections: sections(&text),
        })
    }

    /// Puts a case's report in the place of its last one.
    pub(super) fn put(&mut self, name: &str, report: &Report, bench: &Bench<'_>) -> Result<()> {
        let text = format!("{}\n{}\n", report.markdown(), origin(bench)?);
        self.sections.retain(|(known, _)| known != name);
        self.sections.push((name.to_owned(), text));
        self.sections.sort_by_key(|(name, _)| place(name));
        Ok(())
    }

    pub(super) fn write(&self) -> Result<()> {
        fs::write(&self.file, self.text()).with_context(|| format!("cannot write {FILE}"))
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (name, section) in &self.sections {
            text.push_str(&format!("\n## {name}\n\n{}\n", section.trim()));
        }
        text
    }

    /// What a figure was when it was written.
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        let sections = self.sections.iter();
        let mut lines = sections.flat_map(|(_, section)| section.lines());
        lines.find_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let is_it = cells.next() == Some(name);
            let value = cells.next()?.split(' ').next()?;
            is_it.then(|| value.parse().ok()).flatten()
        })
    }
}

fn sections(text: &str) -> Vec<(String, String)> {
    let parts = text.split("\n## ").skip(1);
    parts
        .filter_map(|part| {
            let (name, section) = part.split_once('\n')?;
            Some((name.trim().to_owned(), section.trim().to_owned()))
        })
        .collect()
}

/// Where a section stands; what is no case, such as the parts of the short form, comes last.
fn place(name: &str) -> usize {
    let cases = Case::value_variants();
    let found = cases.iter().position(|case| case.name() == name);
    found.unwrap_or(cases.len())
}

/// The commit that is measured, marked where the tree has something else: this file aside, which each
/// case changes before the next one is measured.
fn commit(root: &Path) -> Result<String> {
    let git = |arguments: &[&str]| {
        let mut git = std::process::Command::new("git");
        git.args(arguments).current_dir(root);
        child::read(&git)
    };
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    let others = format!(":(exclude){FILE}");
    let untracked = "--untracked-files=no";
    let status = git(&["status", "--porcelain", untracked, "--", ".", &others])?;
    let mark = if status.is_empty() { "" } else { "-dirty" };
    Ok(format!("{}{mark}", commit.trim()))
}

/// When, of what and where.
fn origin(bench: &Bench<'_>) -> Result<String> {
    let root = &bench.workspace.root;
    let mut rustc = std::process::Command::new("rustc");
    rustc.arg("--version").current_dir(root);
    let commit = commit(root)?;
    let rustc = child::read(&rustc)?;
    let (date, postgres) = bench.mirror.date_and_version()?;
    Ok(format!(
        "Measured {date} at commit {commit} on {machine}; {rustc}, {postgres}; load {load} when it ended.",
        rustc = rustc.split(" (").next().unwrap_or_default().trim(),
        machine = machine(),
        load = load(),
    ))
}

fn machine() -> String {
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|rest| rest.split_once(": "));
    let model = model.map_or("an unnamed processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| {
        let kilobytes = line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?;
        kilobytes.trim().parse::<f64>().ok()
    });
    format!(
        "{cores} cores of {model}, {:.0} GB of memory, {}",
        memory.unwrap_or_default() * 1024.0 / 1e9,
        std::env::consts::ARCH
    )
}

/// The load of the last minute.
fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Case, Document, HEAD, place, sections};
    use clap::ValueEnum;
    use std::path::PathBuf;

    const FIGURES: &str = "| figure | measured | bar |  |\n| --- | ---: | ---: | ---: |\n\
        | it against that | 1.50 | at most 1.10 | NOT OK |\n| size of it | 8.0 MB |  |  |";

    #[test]
    fn what_was_written_is_read_again() {
        let text = format!("{HEAD}\n## start\n\nA\n\n{FIGURES}\n\n## full\n\nB\n");
        let document = Document {
            file: PathBuf::new(),
            sections: sections(&text),
        };
        assert_eq!(document.text(), text);
        assert_eq!(document.figure("it against that"), Some(1.5));
        assert_eq!(document.figure("size of it"), Some(8.0));
        assert_eq!(document.figure("figure"), None);
        assert_eq!(document.figure("another"), None);
    }

    #[test]
    fn the_file_has_every_case_and_what_ci_holds_a_change_to() {
        let text = include_str!("../../../docs/BENCHMARKS.md");
        let written: Vec<String> = sections(text).into_iter().map(|(name, _)| name).collect();
        let cases = Case::value_variants().iter().map(|case| case.name());
        let short = ["start", "nothing", "engine"].map(|name| format!("short {name}"));
        let expected: Vec<String> = cases.chain(short).collect();
        assert_eq!(written, expected);
    }

    #[test]
    fn sections_stand_in_the_order_of_the_cases() {
        assert!(place("start") < place("full"));
        assert!(place("full") < place("what was once measured"));
    }
}
