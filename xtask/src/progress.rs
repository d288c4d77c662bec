//! Tells the person what is going on: a spinner on a terminal, plain lines
//! elsewhere. All of it goes to standard error, so that standard output holds
//! results only.

use std::fs::{self, File};
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;

/// How much of a failed command's log is shown.
const SHOWN_LOG_LINES: usize = 15;

/// One thing being done. Dropped without [`Step::done`], it says that it failed.
pub(crate) struct Step {
    what: String,
    started: Instant,
    spinner: Option<ProgressBar>,
}

impl Step {
    pub(crate) fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        let spinner = stderr().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner().with_message(what.clone());
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        if spinner.is_none() {
            eprintln!("{what} …");
        }
        Self {
            what,
            started: Instant::now(),
            spinner,
        }
    }

    pub(crate) fn done(mut self) {
        self.end("✓");
    }

    fn end(&mut self, mark: &str) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
        let seconds = self.started.elapsed().as_secs_f32();
        eprintln!("{mark} {} ({seconds:.1} s)", self.what);
        self.what.clear();
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.what.is_empty() {
            self.end("✗");
        }
    }
}

/// Runs a command as one step. What it prints goes to the log file, whose path
/// and end stand in the error if the command fails.
pub(crate) fn run_logged(what: &str, log: &Path, command: &mut Command) -> Result<()> {
    let step = Step::start(what);
    run_quietly(log, command).with_context(|| format!("failed: {what}"))?;
    step.done();
    Ok(())
}

/// [`run_logged`] without telling: for what takes no time.
pub(crate) fn run_quietly(log: &Path, command: &mut Command) -> Result<()> {
    let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context("cannot share the log file")?;
    let status = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!(
            "{} ended with {status}\n{}\n(all of it: {})",
            command.get_program().display(),
            last_lines(&fs::read_to_string(log).unwrap_or_default()),
            log.display()
        );
    }
    Ok(())
}

/// The end of a log, short enough to be shown in an error.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LOG_LINES);
    lines[from..]
        .iter()
        .map(|line| format!("  | {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::{SHOWN_LOG_LINES, last_lines};

    #[test]
    fn shows_the_end_of_a_long_log() {
        let log: String = (0..100).map(|line| format!("{line}\n")).collect();
        let shown = last_lines(&log);
        assert_eq!(shown.lines().count(), SHOWN_LOG_LINES);
        assert!(shown.ends_with("  | 99"));
    }

    #[test]
    fn shows_an_empty_log_as_nothing() {
        assert_eq!(last_lines(""), "");
    }
}
