//! Chromium and what drives it: Debian's own packages for the browser and Node.js, and the
//! packages from npm that the tests of the dashboard name in their lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::progress::run_logged;
use crate::workspace::Workspace;
use crate::{apt, cache};

/// Where the packages are named.
const TESTS: &str = "tests/tests/it/serverless/dashboard";
/// What npm reads.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];
/// The oldest Node.js that they run on.
const OLDEST_NODE: u32 = 18;

/// A browser and its driver, installed.
pub(crate) struct Browser {
    chromium: PathBuf,
    node: PathBuf,
    packages: PathBuf,
}

impl Browser {
    /// Installs what is missing.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        apt::ensure("chromium", "chromium")?;
        if program("node").is_none() {
            apt::install(&["nodejs"])?;
        }
        let node = program("node").context("Node.js is installed and not found")?;
        check_version(&node)?;
        Ok(Self {
            chromium: program("chromium").context("chromium is installed and not found")?,
            node,
            packages: packages(&workspace.root.join(TESTS))?,
        })
    }

    /// The variables that the tests read.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 3] {
        [
            ("TEST_CHROMIUM", &self.chromium),
            ("TEST_NODE", &self.node),
            ("TEST_NODE_PACKAGES", &self.packages),
        ]
    }
}

/// The folder with the packages that the lock file names, made anew when that changes.
fn packages(lists: &Path) -> Result<PathBuf> {
    let base = cache::folder()?.join("node");
    let folder = base.join("dashboard");
    if is_same(lists, &folder) {
        return Ok(folder);
    }
    if program("npm").is_none() {
        apt::install(&["npm"])?;
    }
    let new = base.join("dashboard.new");
    let _ = fs::remove_dir_all(&new);
    fs::create_dir_all(&new).with_context(|| format!("cannot make {}", new.display()))?;
    for name in LISTS {
        fs::copy(lists.join(name), new.join(name))
            .with_context(|| format!("cannot copy {name} to {}", new.display()))?;
    }
    run_logged(
        "Installing playwright-core and axe-core (npm)",
        &cache::log_file("npm-ci")?,
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&new),
    )?;
    // What was interrupted never gets the name that counts.
    let _ = fs::remove_dir_all(&folder);
    fs::rename(&new, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Whether the folder was made from these very lists.
fn is_same(lists: &Path, folder: &Path) -> bool {
    LISTS.iter().all(|name| {
        let read = |folder: &Path| fs::read(folder.join(name)).ok();
        let ours = read(lists);
        ours.is_some() && ours == read(folder)
    })
}

/// A program in the search path.
fn program(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn check_version(node: &Path) -> Result<()> {
    let output = Command::new(node)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", node.display()))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(
        major(&version).is_some_and(|major| major >= OLDEST_NODE),
        "{} is {version}; the tests of the dashboard need Node.js {OLDEST_NODE} or later",
        node.display()
    );
    Ok(())
}

/// The first number of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{LISTS, is_same, major};

    #[test]
    fn reads_the_version_that_node_tells() {
        assert_eq!(major("v20.11.1"), Some(20));
        assert_eq!(major("v18.0.0-nightly"), Some(18));
        assert_eq!(major("nonsense"), None);
    }

    #[test]
    fn packages_are_those_of_the_lists_that_they_were_made_from() {
        let [ours, made] = [(), ()].map(|()| tempfile::tempdir().expect("a folder"));
        assert!(!is_same(ours.path(), made.path()), "there is nothing");
        for name in LISTS {
            for folder in [&ours, &made] {
                std::fs::write(folder.path().join(name), name).expect("a file");
            }
        }
        assert!(is_same(ours.path(), made.path()));
        std::fs::write(ours.path().join(LISTS[1]), "newer").expect("a file");
        assert!(!is_same(ours.path(), made.path()));
    }
}
