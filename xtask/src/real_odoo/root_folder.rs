//! The root folder that one version of Odoo is installed in: a small Debian made
//! by `debootstrap`, with the libraries and the Python that this Odoo runs on.
//!
//! Odoo wants `/proc` and `/dev` there. They are mounted for each command in a
//! mount namespace of its own (`unshare`), so they vanish with the command: none
//! is ever left behind, and deleting the cache folder can never reach the
//! machine's own `/dev`.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::release::Release;
use crate::progress::run_logged;
use crate::{apt, cache};

/// The user that Debian's package makes for Odoo.
const ODOO_USER: &str = "odoo:odoo";
const SEARCH_PATH: &str = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
const MIRROR_VARIABLE: &str = "REAL_ODOO_DEBIAN_MIRROR";
const DEFAULT_MIRROR: &str = "http://deb.debian.org/debian";
/// Run in the new mount namespace; `$0` is the root folder, the rest goes to chroot.
const ENTER: &str =
    r#"mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$@""#;

/// An installed Odoo.
pub(super) struct RootFolder(PathBuf);

impl RootFolder {
    /// The root folder of this version, installed if it is not.
    pub(super) fn ensure(release: Release) -> Result<Self> {
        let root = Self(path(release)?);
        ensure_mounts_are_allowed()?;
        if !root.0.exists() {
            install(release, &root.0)?;
        }
        Ok(root)
    }

    pub(super) fn is_installed(release: Release) -> Result<bool> {
        Ok(path(release)?.exists())
    }

    /// A file or folder inside, as seen from outside.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.0.join(inside.trim_start_matches('/'))
    }

    /// A program inside, run as Odoo's user. Its process is the one that this command
    /// starts: everything in between replaces itself.
    pub(super) fn command(&self, program: &str) -> Command {
        inside(&self.0, ODOO_USER, program)
    }
}

fn path(release: Release) -> Result<PathBuf> {
    Ok(super::folder(release)?.join("root"))
}

fn install(release: Release, root: &Path) -> Result<()> {
    apt::ensure("debootstrap", "debootstrap")?;
    // Ubuntu has debootstrap without the keys of Debian's releases.
    if !Path::new("/usr/share/keyrings/debian-archive-keyring.gpg").exists() {
        apt::install(&["debian-archive-keyring"])?;
    }
    // Made under another name: one that was interrupted is not mistaken for an Odoo.
    let unfinished = root.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    make_base_system(release, &unfinished)?;
    write_settings(release, &unfinished)?;
    install_package(release, &unfinished)?;
    fs::rename(&unfinished, root).context("cannot put the root folder in its place")
}

fn make_base_system(release: Release, root: &Path) -> Result<()> {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "debootstrap", "--variant=minbase"])
        .arg(release.suite())
        .arg(root)
        .arg(mirror());
    if let Some(proxy) = proxy() {
        command.env("http_proxy", proxy);
    }
    run_logged(
        &format!("Making a Debian {} for Odoo {release}", release.suite()),
        &cache::log_file(&format!("odoo-{release}-debootstrap"))?,
        &mut command,
    )
}

/// No package may start a server, and only what the suite itself lacks may come
/// from the package's suite.
fn write_settings(release: Release, root: &Path) -> Result<()> {
    let policy = root.join("usr/sbin/policy-rc.d");
    write(&policy, "#!/bin/sh\nexit 101\n")?;
    fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", policy.display()))?;
    let Some(suite) = release.package_suite() else {
        return Ok(());
    };
    // A mirror may lag; the packages are signed all the same.
    write(
        &root.join(format!("etc/apt/sources.list.d/{suite}.list")),
        &format!("deb [check-valid-until=no] {} {suite} main\n", mirror()),
    )?;
    write(
        &root.join(format!("etc/apt/preferences.d/{suite}")),
        &format!("Package: *\nPin: release n={suite}\nPin-Priority: 100\n"),
    )
}

fn install_package(release: Release, root: &Path) -> Result<()> {
    let package = release.package();
    let script = format!(
        "apt-get update && apt-get install --yes --no-install-recommends {package} && apt-get clean"
    );
    run_logged(
        &format!("Installing Odoo {release} (about two minutes)"),
        &cache::log_file(&format!("odoo-{release}-install"))?,
        inside(root, "root:root", "sh").args(["-c", &script]),
    )
}

/// A program inside, in a mount namespace of its own. The machine's environment
/// does not apply there, its proxy does.
fn inside(root: &Path, user: &str, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", ENTER])
        .arg(root)
        .arg(format!("--userspec={user}"))
        .arg(root)
        .args(["env", "-i", SEARCH_PATH, "LC_ALL=C.UTF-8"])
        .arg("DEBIAN_FRONTEND=noninteractive")
        .args(proxy().map(|proxy| format!("http_proxy={proxy}")))
        .arg(program);
    command
}

fn proxy() -> Option<String> {
    env::var("http_proxy").ok().or_else(apt::proxy)
}

fn mirror() -> String {
    env::var(MIRROR_VARIABLE).unwrap_or_else(|_| DEFAULT_MIRROR.to_owned())
}

fn ensure_mounts_are_allowed() -> Result<()> {
    let probe = Command::new("unshare")
        .args(["--mount", "mount", "--bind", "/dev", "/mnt"])
        .output()
        .context("cannot start unshare")?;
    ensure!(
        probe.status.success(),
        "root may not mount here ({}), as in an unprivileged container, and a real Odoo needs \
         /proc and /dev in its root folder: use a virtual machine, or a container started \
         with --privileged",
        String::from_utf8_lossy(&probe.stderr).trim()
    );
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
