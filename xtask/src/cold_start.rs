//! A function's start, as Lambda makes it: from exec to the first poll of the Runtime API.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_aws::RuntimeApi;
use tokio::process::Command;

use crate::bench::median;
use crate::progress::last_lines;
use crate::runtime::block_on;
use crate::{cache, memory};

/// Longest that half of a function's starts may take.
pub(crate) const LONGEST: Duration = Duration::from_millis(15);
/// Largest program of a function, in bytes.
pub(crate) const LARGEST: u64 = 9_000_000;
/// How often each function is started; odd, for a median.
pub(crate) const STARTS: usize = 15;

/// One that takes longer than this does not start.
const LIMIT: Duration = Duration::from_secs(10);

/// What one function's starts are like, medians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ColdStart {
    /// From exec to the first poll.
    pub(crate) took: Duration,
    /// Resident at the first poll, in bytes.
    pub(crate) memory: u64,
}

/// Starts a function so many times, one after the other. What it prints goes to a log that is
/// named after `caller`.
///
/// # Errors
/// Where it ends or asks for no event within ten seconds.
pub(crate) fn measure(
    program: &Path,
    binary: &str,
    caller: &str,
    starts: usize,
) -> Result<ColdStart> {
    let log = cache::log_file(&format!("{caller}-{binary}"))?;
    let mut times = Vec::new();
    let mut memories = Vec::new();
    for _ in 0..starts.max(1) {
        let start = block_on(first_poll(program, binary, &log))??;
        times.push(start.took);
        memories.push(start.memory);
    }
    Ok(ColdStart {
        took: median(times)?,
        memory: median(memories)?,
    })
}

/// Starts it with the variables that Lambda sets and no others, so also without a configuration.
async fn first_poll(program: &Path, binary: &str, log: &Path) -> Result<ColdStart> {
    let runtime_api = RuntimeApi::start().await?;
    let output = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().context("cannot share the log file")?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(runtime_api.variables(binary))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .kill_on_drop(true);
    let started = Instant::now();
    let mut process = command
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let id = process.id().context("it has no process id")?;
    let took = tokio::select! {
        () = runtime_api.polled() => started.elapsed(),
        status = process.wait() => {
            let printed = fs::read_to_string(log).unwrap_or_default();
            let status = status.context("the function is gone")?;
            bail!("it ended with {status}\n{}", last_lines(&printed));
        }
        () = tokio::time::sleep(LIMIT) => {
            bail!("it asked for no event within {} s", LIMIT.as_secs());
        }
    };
    let memory = memory::resident(id)?;
    process.kill().await.context("it cannot be ended")?;
    Ok(ColdStart { took, memory })
}

#[cfg(test)]
mod tests {
    use super::measure;
    use std::path::Path;

    #[test]
    fn what_ends_at_once_does_not_start() {
        let error = measure(Path::new("/bin/false"), "test", "cold-start", 1).expect_err("ended");
        assert!(error.to_string().contains("ended with"), "{error}");
    }
}
