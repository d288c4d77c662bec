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
use serde::{Deserialize, Serialize};

use crate::session;

const PATIENCE: Duration = Duration::from_secs(20);
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A process that was started once, told from every later one with the same id by when
/// it started. Its command line would not do: that is another one, or none, while the
/// process goes from one program to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Daemon {
    pub(crate) pid: u32,
    /// In clock ticks since the machine came up.
    started: u64,
    /// Which time the machine came up.
    boot: String,
}

impl Daemon {
    /// Starts the command as the leader of a new session. Its output goes to the log.
    pub(crate) fn spawn(command: &Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let err = out.try_clone().context("cannot share the log file")?;
        let child = session::leading(command)
            .current_dir("/")
            .stdout(out)
            .stderr(err)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        // Nobody has waited for it, so that even one that ended at once is still listed.
        let pid = child.id();
        let stat = Stat::of(pid).with_context(|| format!("process {pid} is not in /proc"))?;
        Ok(Self {
            pid,
            started: stat.started,
            boot: boot()?,
        })
    }

    /// Whether it lives. A process that ended and was not waited for does not.
    pub(crate) fn is_running(&self) -> bool {
        let is_the_same = |stat: Stat| !stat.has_ended() && stat.started == self.started;
        Stat::of(self.pid).is_some_and(is_the_same) && boot().is_ok_and(|boot| boot == self.boot)
    }

    /// Ends its whole session: politely, and by force when that takes too long.
    pub(crate) fn stop(&self) -> Result<()> {
        if !self.is_running() {
            return Ok(());
        }
        let sessions = session::of_family(self.pid);
        session::terminate(self.pid);
        wait_until(PATIENCE, || !self.is_running());
        session::kill(&sessions);
        ensure!(
            wait_until(PATIENCE, || !self.is_running()),
            "process {} does not end",
            self.pid
        );
        Ok(())
    }
}

/// What `/proc/PID/stat` says (proc(5)).
struct Stat {
    state: char,
    started: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The fields stand behind the program's name, which is in parentheses and may hold
    /// any character: the state is the third of all, the start the twenty-second.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split_ascii_whitespace();
        Some(Self {
            state: fields.next()?.chars().next()?,
            started: fields.nth(18)?.parse().ok()?,
        })
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

fn boot() -> Result<String> {
    let boot = fs::read_to_string(BOOT_ID).with_context(|| format!("cannot read {BOOT_ID}"))?;
    Ok(boot.trim().to_owned())
}

/// Whether any process with this id lives.
#[cfg(test)]
pub(crate) fn lives(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| !stat.has_ended())
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

    use super::{Daemon, PATIENCE, Stat, wait_until};

    fn start(command: &mut Command) -> Daemon {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Daemon::spawn(command, &folder.path().join("log")).expect("it starts")
    }

    #[test]
    fn reads_state_and_start_behind_any_program_name() {
        let line = "7 (a) S 1) (b) R 1 7 42 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 4711 99 1";
        let stat = Stat::parse(line).expect("readable");
        assert_eq!((stat.state, stat.started), ('R', 4711));
        assert!(Stat::parse("7 (a) R 1").is_none());
    }

    #[test]
    fn stops_what_it_started() {
        let daemon = start(Command::new("sleep").arg("3141"));
        assert!(daemon.is_running());
        daemon.stop().expect("sleep ends");
        assert!(!daemon.is_running());
    }

    #[test]
    fn a_process_runs_also_while_it_goes_from_one_program_to_the_next() {
        // A chain of programs such as the one that leads into Odoo's root folder, and long.
        let chain = "n=$0; test $n = 0 && exec sleep 3142; exec sh -c \"$CHAIN\" $((n - 1))";
        let daemon = start(
            Command::new("sh")
                .args(["-c", chain, "300"])
                .env("CHAIN", chain),
        );
        let mut looks = 0;
        let arrived = wait_until(PATIENCE, || {
            for _ in 0..2_000 {
                assert!(daemon.is_running(), "taken for ended, after {looks} looks");
                looks += 1;
            }
            let name = std::fs::read_to_string(format!("/proc/{}/comm", daemon.pid));
            name.is_ok_and(|name| name.trim() == "sleep")
        });
        daemon.stop().expect("it ends");
        assert!(arrived);
    }

    #[test]
    fn another_process_with_the_same_id_is_not_the_one() {
        let own = std::process::id();
        let daemon = Daemon {
            pid: own,
            started: Stat::of(own).expect("we run").started - 1,
            boot: super::boot().expect("Linux"),
        };
        assert!(!daemon.is_running());
        let daemon = Daemon {
            started: daemon.started + 1,
            ..daemon
        };
        assert!(daemon.is_running());
        let before_a_restart = Daemon {
            boot: "another".to_owned(),
            ..daemon
        };
        assert!(!before_a_restart.is_running());
    }
}
