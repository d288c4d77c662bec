//! The folder of a private cluster: one that the user PostgreSQL runs as owns and
//! can reach, with the superuser's password in it.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use uuid::Uuid;

use crate::progress::run_quietly;
use crate::{cache, privilege};

const OS_USER: &str = "postgres";
const FALLBACK: &str = "/var/lib/odoo-supabase-sync";

/// A folder that belongs to the user PostgreSQL runs as, and that it can reach.
pub(super) fn owned(wanted: &Path) -> Result<PathBuf> {
    if !privilege::is_root() {
        fs::create_dir_all(wanted).with_context(|| format!("cannot make {}", wanted.display()))?;
        return Ok(wanted.to_owned());
    }
    for folder in [wanted.to_owned(), fallback(wanted)] {
        run_quietly(
            &cache::log_file("postgres-folder")?,
            Command::new("install")
                .args(["--directory", "--mode=700", "--owner", OS_USER, "--"])
                .arg(&folder),
        )?;
        if can_reach(&folder)? {
            return Ok(folder);
        }
        // Empty, as a rule, since nobody could put anything into it; if not, it stays.
        let _ = fs::remove_dir(&folder);
    }
    bail!(
        "the user {OS_USER} can reach neither {} nor {FALLBACK}",
        wanted.display()
    )
}

fn can_reach(folder: &Path) -> Result<bool> {
    as_os_user("test")
        .arg("-w")
        .arg(folder)
        .current_dir("/")
        .status()
        .map(|status| status.success())
        .context("cannot start runuser")
}

/// `/root/.cache/x` becomes `/var/lib/odoo-supabase-sync/root-.cache-x`.
pub(super) fn fallback(wanted: &Path) -> PathBuf {
    let name = wanted.to_string_lossy().trim_matches('/').replace('/', "-");
    Path::new(FALLBACK).join(name)
}

pub(super) fn password_file(folder: &Path) -> PathBuf {
    folder.join("password")
}

/// The superuser's password: random, since other users of this machine can
/// connect to its loopback ports too.
pub(super) fn password(folder: &Path) -> Result<String> {
    let file = password_file(folder);
    if let Ok(known) = fs::read_to_string(&file) {
        return Ok(known);
    }
    let fresh = Uuid::new_v4().simple().to_string();
    write_for_owner_of(folder, &file, &fresh)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(fresh)
}

/// Writes a file that only the folder's owner may read.
pub(super) fn write_for_owner_of(folder: &Path, file: &Path, text: &str) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    fs::write(file, "")?;
    fs::set_permissions(file, Permissions::from_mode(0o600))?;
    fs::write(file, text)?;
    chown(file, Some(owner.uid()), Some(owner.gid()))
}

/// Run as the user `postgres` where we are root, else as ourselves.
pub(super) fn as_os_user(program: impl AsRef<OsStr>) -> Command {
    if !privilege::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", OS_USER, "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::fallback;
    use std::path::Path;

    #[test]
    fn names_the_fallback_folder_after_the_wanted_one() {
        assert_eq!(
            fallback(Path::new("/root/.cache/x")),
            Path::new("/var/lib/odoo-supabase-sync/root-.cache-x")
        );
    }
}
