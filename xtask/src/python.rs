//! Tools that come as Python packages, each in a virtual environment of its own in the
//! cache: nothing of the machine's own Python is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::progress::run_logged;
use crate::{apt, cache};

/// One package that brings programs.
pub(crate) struct Tool {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// Whether what it depends on is needed too.
    pub(crate) with_dependencies: bool,
}

impl Tool {
    /// The folder with its programs, installed if they are not.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        // `moto[server]` is moto with what its server needs.
        let (package, _) = self.package.split_once('[').unwrap_or((self.package, ""));
        let name = format!("{package}-{}", self.version);
        let folder = cache::folder()?.join("python").join(&name);
        let programs = folder.join("bin");
        // Written last: an installation that was interrupted is made again.
        let complete = folder.join("complete");
        if complete.exists() {
            return Ok(programs);
        }
        run_logged(
            &format!("Making a virtual environment for {name}"),
            &cache::log_file("python-venv")?,
            Command::new(python()?)
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
        self.install(&programs.join("pip"))?;
        fs::write(&complete, "").with_context(|| format!("cannot write {}", complete.display()))?;
        Ok(programs)
    }

    fn install(&self, pip: &Path) -> Result<()> {
        let requirement = format!("{}=={}", self.package, self.version);
        let mut command = Command::new(pip);
        command.args(["install", "--disable-pip-version-check"]);
        if !self.with_dependencies {
            command.arg("--no-deps");
        }
        run_logged(
            &format!("Installing {requirement} (PyPI)"),
            &cache::log_file("pip-install")?,
            command.arg(&requirement),
        )
    }
}

/// A Python that can make virtual environments. Debian packs that apart from Python.
fn python() -> Result<&'static str> {
    const FIRST: &str = "python3";
    const DEBIANS: &str = "/usr/bin/python3";
    if let Some(python) = [FIRST, DEBIANS].into_iter().find(|name| has_venv(name)) {
        return Ok(python);
    }
    apt::install(&["python3-venv"])?;
    Ok(DEBIANS)
}

fn has_venv(python: &str) -> bool {
    Command::new(python)
        .args(["-c", "import venv, ensurepip"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
