//! Who we are, and how to do what only root may do.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{cache, child};

/// Whether this process runs as root. A process owns its own folder in `/proc`.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A command that runs as root: directly where we are, else through `sudo`
/// where that asks for no password.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Result<Command> {
    if is_root() {
        return Ok(Command::new(program));
    }
    if !sudo_without_password() {
        bail!(
            "{} needs root: run this command as root, or allow `sudo` without a password",
            program.as_ref().display()
        );
    }
    let mut command = Command::new("sudo");
    command.arg("-n").arg(program);
    Ok(command)
}

/// Where this process is not root, replaces it by itself run as root. The cache
/// stays that of the person who typed the command.
pub(crate) fn become_root() -> Result<()> {
    if is_root() {
        return Ok(());
    }
    let this = child::this_program();
    let folder = cache::folder()?;
    let base = folder.parent().unwrap_or(&folder);
    let error = as_root("env")?
        .arg(format!("XDG_CACHE_HOME={}", base.display()))
        .arg(this)
        .args(env::args_os().skip(1))
        .exec();
    Err(error).context("cannot start again as root")
}

fn sudo_without_password() -> bool {
    Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
