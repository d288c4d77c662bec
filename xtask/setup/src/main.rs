//! The first step of `cargo xtask`: installs what is needed to compile the rest, and
//! starts it.
//!
//! The functions bring their own cryptography (ring), whose build needs a C compiler. `xtask` is
//! built from the same crates, so it cannot install one itself; this program needs nothing but
//! the standard library.

use std::env;
use std::io::{IsTerminal, stdin};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// A tool, how to see that it is there, and the Debian package that brings it.
struct Tool {
    probe: &'static [&'static str],
    package: &'static str,
}

const TOOLS: [Tool; 1] = [Tool {
    probe: &["cc", "--version"],
    package: "gcc",
}];

fn main() -> ExitCode {
    let missing: Vec<&str> = TOOLS
        .iter()
        .filter(|tool| !succeeds(tool.probe))
        .map(|tool| tool.package)
        .collect();
    if !missing.is_empty() && !install(&missing) {
        eprintln!("error: install {} and call this again", missing.join(", "));
        return ExitCode::FAILURE;
    }
    // Only comes back where it could not be started.
    let error = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        // Not quiet: the first time it compiles for minutes, and a person should see that.
        .args(["run", "--package", "xtask", "--"])
        .args(env::args_os().skip(1))
        .exec();
    eprintln!("error: cannot start cargo: {error}");
    ExitCode::FAILURE
}

fn install(packages: &[&str]) -> bool {
    eprintln!("Installing {} (apt)", packages.join(", "));
    let update = ["apt-get", "--quiet", "--quiet", "update"];
    let install = [
        "apt-get",
        "--quiet",
        "--quiet",
        "install",
        "--yes",
        "--no-install-recommends",
    ];
    as_root(&update, &[]) && as_root(&install, packages)
}

/// Runs a command as root: `sudo` asks for the password where somebody is there to type it.
fn as_root(command: &[&str], arguments: &[&str]) -> bool {
    let mut words: Vec<&str> = Vec::new();
    if !is_root() {
        words.push("sudo");
        if !stdin().is_terminal() {
            words.push("-n");
        }
    }
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive"]);
    words.extend(command);
    words.extend(arguments);
    Command::new(words[0])
        .args(&words[1..])
        // Standard output is the task's own.
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A process owns its own folder in /proc.
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn succeeds(command: &[&str]) -> bool {
    Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
