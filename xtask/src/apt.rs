//! Installs what is missing on this machine through Debian's or Ubuntu's own
//! package manager, with the sources and the proxy that it is set up with.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache;
use crate::privilege::as_root;
use crate::progress::run_logged;

/// Where a package manager's tools and servers may be; `/usr/sbin` is not in
/// every user's search path.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Installs `package` unless `program`, which it brings, is there.
pub(crate) fn ensure(program: &str, package: &str) -> Result<()> {
    if has_program(program) {
        return Ok(());
    }
    install(&[package])
}

/// Whether a program of this name is installed.
pub(crate) fn has_program(program: &str) -> bool {
    FOLDERS
        .iter()
        .any(|folder| Path::new(folder).join(program).exists())
}

/// Installs packages, the list of available packages brought up to date first:
/// on a fresh machine or image it is empty or names files that are gone.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(", ");
    run_logged(
        "Updating the package list",
        &cache::log_file("apt-update")?,
        apt_get()?.arg("update"),
    )?;
    run_logged(
        &format!("Installing {names} (apt)"),
        &cache::log_file("apt-install")?,
        apt_get()?
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
    .with_context(|| format!("cannot install {names}"))
}

/// The proxy that this machine's package manager uses, if any, so that what runs
/// outside its configuration (debootstrap, a root folder's own apt) uses it too.
pub(crate) fn proxy() -> Option<String> {
    let output = Command::new("apt-config")
        .args(["shell", "proxy", "Acquire::http::Proxy"])
        .output()
        .ok()?;
    parse_proxy(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `proxy='http://host:3128/'`, which is how `apt-config shell` answers.
fn parse_proxy(answer: &str) -> Option<String> {
    let value = answer.trim().strip_prefix("proxy=")?.trim_matches('\'');
    (!value.is_empty() && value != "DIRECT").then(|| value.to_owned())
}

fn apt_get() -> Result<Command> {
    let mut command = as_root("env")?;
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::parse_proxy;

    #[test]
    fn reads_the_proxy_of_the_package_manager() {
        assert_eq!(
            parse_proxy("proxy='http://10.0.0.1:3128/'\n").as_deref(),
            Some("http://10.0.0.1:3128/")
        );
    }

    #[test]
    fn knows_that_there_is_none() {
        assert_eq!(parse_proxy(""), None);
        assert_eq!(parse_proxy("proxy=''\n"), None);
        assert_eq!(parse_proxy("proxy='DIRECT'\n"), None);
    }
}
