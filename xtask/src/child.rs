//! Processes that end with this one: on success, on failure, on Ctrl-C and on SIGTERM.
//!
//! Each leads a session of its own, so a terminal's Ctrl-C reaches this process alone.
//! It then asks those that run to end, each command fails at the place where it waits,
//! and servers are stopped in order by their destructors on the way out.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::progress::last_lines;
use crate::session;
use crate::signals::Signals;

/// How long a process may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The program that is running, to be started again: also after a build that it started itself
/// has replaced its file, whose name then leads to another one, or to none.
pub(crate) fn this_program() -> PathBuf {
    PathBuf::from(format!("/proc/{}/exe", std::process::id()))
}

/// From here on, Ctrl-C and SIGTERM end the children, and this process only through them.
pub(crate) fn catch_interrupts() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("cannot wait for signals")?;
    let mut signals = {
        let _runtime = runtime.enter();
        Signals::listen()?
    };
    thread::spawn(move || {
        loop {
            runtime.block_on(signals.next());
            interrupt();
        }
    });
    Ok(())
}

/// Asks all that runs to end.
pub(crate) fn interrupt() {
    let running = running();
    INTERRUPTED.store(true, Ordering::SeqCst);
    for session in running.iter() {
        session::terminate(*session);
    }
}

/// Whether somebody asked this process to end.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Fails if somebody asked this process to end.
pub(crate) fn check_interrupt() -> Result<()> {
    ensure!(!is_interrupted(), "interrupted");
    Ok(())
}

/// Runs a command to its end. What it prints is seen.
pub(crate) fn run(command: &Command) -> Result<ExitStatus> {
    let mut child = spawn(&mut session::leading(command), command)?;
    let status = child.wait();
    running().remove(&child.id());
    check_interrupt()?;
    status.context("a process that was started is gone")
}

/// As [`run`], for a command whose failure is ours.
pub(crate) fn run_to_success(command: &Command) -> Result<()> {
    let status = run(command)?;
    ensure!(status.success(), "{} ended with {status}", name_of(command));
    Ok(())
}

/// As [`run_to_success`], for a command whose standard output is its result.
pub(crate) fn read(command: &Command) -> Result<String> {
    let mut leading = session::leading(command);
    leading.stdout(std::process::Stdio::piped());
    let child = spawn(&mut leading, command)?;
    let session = child.id();
    let output = child.wait_with_output();
    running().remove(&session);
    check_interrupt()?;
    let output = output.context("a process that was started is gone")?;
    ensure!(
        output.status.success(),
        "{} ended with {}",
        name_of(command),
        output.status
    );
    String::from_utf8(output.stdout).context("it printed what is no text")
}

/// The lock is held over the start, so that no interrupt falls between it and the entry.
fn spawn(leading: &mut Command, command: &Command) -> Result<Child> {
    let mut running = running();
    check_interrupt()?;
    let child = leading
        .spawn()
        .with_context(|| format!("cannot start {}", name_of(command)))?;
    running.insert(child.id());
    Ok(child)
}

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy()),
    );
    words.join(" ")
}

/// A server; dropped, it is ended with all that it started.
pub(crate) struct Server {
    name: String,
    log: PathBuf,
    process: Child,
}

impl Server {
    /// Starts a server. What it prints goes to the log.
    pub(crate) fn start(name: &str, command: &Command, log: &Path) -> Result<Self> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let err = out.try_clone().context("cannot share the log file")?;
        let mut leading = session::leading(command);
        leading.stdout(out).stderr(err);
        Ok(Self {
            name: name.to_owned(),
            log: log.to_owned(),
            process: spawn(&mut leading, command)?,
        })
    }

    /// Asks until the answer is yes. Fails when it takes too long or the server ends.
    pub(crate) fn wait_until<T>(
        &mut self,
        limit: Duration,
        mut ask: impl FnMut(&str) -> Option<T>,
    ) -> Result<T> {
        let started = Instant::now();
        loop {
            check_interrupt()?;
            let printed = fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(answer) = ask(&printed) {
                return Ok(answer);
            }
            if self.has_ended() {
                bail!(self.problem("ended at once"));
            }
            if started.elapsed() > limit {
                bail!(self.problem("does not answer"));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Fails if it has ended, or should because this process should.
    pub(crate) fn check(&mut self) -> Result<()> {
        check_interrupt()?;
        if self.has_ended() {
            bail!(self.problem("ended"));
        }
        Ok(())
    }

    /// Returns when somebody asks this process to end. Fails if the server ends before.
    pub(crate) fn wait_for_interrupt(&mut self) -> Result<()> {
        loop {
            let ended = self.check();
            if is_interrupted() {
                return Ok(());
            }
            ended?;
            thread::sleep(PAUSE);
        }
    }

    fn has_ended(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(Some(_)))
    }

    fn problem(&self, what: &str) -> String {
        let printed = fs::read_to_string(&self.log).unwrap_or_default();
        format!(
            "{} {what}\n{}\n(all of it: {})",
            self.name,
            last_lines(&printed),
            self.log.display()
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let session = self.process.id();
        let sessions = session::of_family(session);
        session::terminate(session);
        let asked = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && asked.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
        session::kill(&sessions);
        let _ = self.process.wait();
        running().remove(&session);
    }
}

#[cfg(test)]
mod tests {
    use super::{Server, read, run, run_to_success};
    use crate::daemon::{lives, wait_until};
    use std::process::Command;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn tells_how_a_command_ended_and_what_it_printed() {
        assert!(!run(&Command::new("false")).expect("it runs").success());
        assert!(run_to_success(&Command::new("true")).is_ok());
        let printed = read(Command::new("echo").arg("hello")).expect("it runs");
        assert_eq!(printed, "hello\n");
        let error = read(&Command::new("no-such-program-here")).expect_err("it is none");
        assert!(format!("{error:#}").contains("no-such-program-here"));
    }

    #[test]
    fn a_server_is_ended_with_its_children_when_dropped() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("bash");
        // The child is in a group of its own and deaf to SIGTERM.
        command.args(["-c", "set -m; (trap '' TERM; sleep 60) & echo $!; wait"]);
        let mut server =
            Server::start("it", &command, &folder.path().join("log")).expect("bash starts");
        let child: u32 = server
            .wait_until(LIMIT, |printed| printed.trim().parse().ok())
            .expect("bash prints");
        drop(server);
        // The kernel takes a moment to end what was killed.
        assert!(wait_until(LIMIT, || !lives(child)));
    }

    #[test]
    fn says_what_a_server_printed_before_it_ended() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new("sh");
        command.args(["-c", "echo no room left"]);
        let mut server =
            Server::start("it", &command, &folder.path().join("log")).expect("sh starts");
        let error = server
            .wait_until(LIMIT, |_| None::<()>)
            .expect_err("it ends");
        assert!(error.to_string().contains("no room left"), "{error}");
    }
}
