//! How much memory a process has resident, as the kernel tells it.

use std::fs;

use anyhow::{Context, Result};

/// What it has now, in bytes.
///
/// # Errors
/// Where the process is gone.
pub(crate) fn resident(process: u32) -> Result<u64> {
    read(process, "VmRSS:")
}

/// The most that it ever had, in bytes.
///
/// # Errors
/// Where the process is gone.
pub(crate) fn peak(process: u32) -> Result<u64> {
    read(process, "VmHWM:")
}

fn read(process: u32, label: &str) -> Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{process}/status")).context("the process is gone")?;
    parse(&status, label).context("the kernel does not tell the memory")
}

/// Of the line `VmHWM:      1234 kB`.
fn parse(status: &str, label: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{parse, peak, resident};

    #[test]
    fn reads_each_figure_by_its_label() {
        let status = "Name:\tx\nVmHWM:\t   20480 kB\nVmRSS:\t 4 kB\n";
        assert_eq!(parse(status, "VmHWM:"), Some(20 * 1024 * 1024));
        assert_eq!(parse(status, "VmRSS:"), Some(4096));
        assert_eq!(parse("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn no_process_ever_had_less_than_it_has() {
        let this = std::process::id();
        let now = resident(this).expect("we live");
        assert!(now > 0 && peak(this).expect("we live") >= now);
    }
}
