//! Processes that go on running when `cargo xtask` has ended.
//!
//! Each is the leader of its own session, so that neither Ctrl-C nor the end of
//! the terminal reaches it, and so that all its children can be stopped with it.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::session;

const PATIENCE: Duration = Duration::from_secs(20);

/// How often, and how far apart, an empty command line is read before it is believed.
const EMPTY_READS: usize = 200;
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

/// Starts the command as the leader of a new session and returns its process id. Its
/// output goes to the log.
pub(crate) fn spawn(command: &Command, log: &Path) -> Result<u32> {
    let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context("cannot share the log file")?;
    let child = session::leading(command)
        .current_dir("/")
        .stdout(out)
        .stderr(err)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(child.id())
}

/// Whether the process lives and its command line contains `mark`. After a
/// restart of the machine the same id may be another program's.
pub(crate) fn is_running(pid: u32, mark: &str) -> bool {
    // A command line is empty for a moment while the process starts another program, and
    // for good once it has ended and was not waited for.
    for _ in 0..EMPTY_READS {
        match fs::read(format!("/proc/{pid}/cmdline")) {
            Ok(line) if line.is_empty() && !has_ended(pid) => sleep(EMPTY_PAUSE),
            Ok(line) => return String::from_utf8_lossy(&line).contains(mark),
            Err(_) if !has_ended(pid) => sleep(EMPTY_PAUSE),
            Err(_) => return false,
        }
    }
    false
}

/// Whether the process has ended, waited for or not. Its state stands behind its name, which
/// is in parentheses and may hold any character (proc(5)).
fn has_ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| {
        stat.rsplit_once(") ")
            .is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    })
}

/// Ends the whole session: politely, and by force when that takes too long.
pub(crate) fn stop(pid: u32, mark: &str) -> Result<()> {
    if !is_running(pid, mark) {
        return Ok(());
    }
    let sessions = session::of_family(pid);
    session::terminate(pid);
    wait_until(PATIENCE, || !is_running(pid, mark));
    session::kill(&sessions);
    ensure!(
        wait_until(PATIENCE, || !is_running(pid, mark)),
        "process {pid} does not end"
    );
    Ok(())
}

/// Asks every fifth of a second until `condition` holds; false when it took too long.
pub(crate) fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    while !condition() {
        if started.elapsed() > limit {
            return false;
        }
        sleep(Duration::from_millis(200));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{PATIENCE, is_running, spawn, stop, wait_until};

    #[test]
    fn knows_a_process_by_its_id_and_command_line() {
        let own = std::process::id();
        assert!(is_running(own, "xtask"));
        assert!(!is_running(own, "some other program"));
    }

    #[test]
    fn stops_what_it_started() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let pid = spawn(Command::new("sleep").arg("3141"), &log).expect("sleep starts");
        assert!(wait_until(PATIENCE, || is_running(pid, "3141")));
        stop(pid, "3141").expect("sleep ends");
        assert!(!is_running(pid, "3141"));
    }
}
