//! Case `start`: what a cold start costs: from exec to the first poll of the Runtime API, the
//! memory that is resident then, and the size of the program that has to be loaded.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context, Result};
use shared::specs::REGISTRY;

use super::Bench;
use super::median;
use super::report::{Bar, Report, Unit, megabytes, milliseconds, ratio};
use crate::child;
use crate::cold_start::{self, LARGEST, LONGEST, STARTS};

const MOST_MEMORY: f64 = 12.0;
/// A program that does nothing at all: what starting any program costs on this machine.
const NOTHING: &str = "/bin/true";

/// Every function there is.
pub(super) fn functions() -> Vec<String> {
    let of_data_types = REGISTRY.iter().map(|spec| spec.function_name());
    let others = ["sync-all", "api", "backup"].map(str::to_owned);
    of_data_types.chain(others).collect()
}

/// Measures these functions. Each figure is that of the worst of them.
pub(super) fn run(bench: &Bench<'_>, functions: &[String]) -> Result<Report> {
    let mut report = Report::new(format!(
        "From exec to the first poll of the Runtime API, in a process with the variables that Lambda \
         sets and no others; the memory that is resident then; the size of the program. Medians of \
         {STARTS} starts one after the other, release build."
    ));
    report.table(
        format!("`{NOTHING}`, from exec to its end, is what starting any program costs."),
        &["function", "first poll", "resident", "program"],
    );
    let nothing = median(
        (0..STARTS)
            .map(|_| start_nothing())
            .collect::<io::Result<Vec<_>>>()?,
    )?;
    report.row([
        NOTHING.to_owned(),
        format!("{:.1} ms", milliseconds(nothing)),
        String::new(),
        String::new(),
    ]);
    let mut worst = (Duration::ZERO, 0, 0);
    for function in functions {
        child::check_interrupt()?;
        let program = bench.programs.join(function);
        let size = size(&program)?;
        let start = cold_start::measure(&program, function, "bench", STARTS)?;
        report.row([
            function.clone(),
            format!("{:.1} ms", milliseconds(start.took)),
            format!("{:.1} MB", megabytes(start.memory)),
            format!("{:.1} MB", megabytes(size)),
        ]);
        worst = (
            worst.0.max(start.took),
            worst.1.max(start.memory),
            worst.2.max(size),
        );
    }
    let (took, memory, size) = worst;
    report.figure(
        "start: slowest function to its first poll",
        milliseconds(took),
        Unit::Milliseconds,
        Bar::AtMost(milliseconds(LONGEST)),
    );
    report.figure(
        "start: slowest function against a program that does nothing",
        ratio(took, nothing),
        Unit::Ratio,
        Bar::None,
    );
    report.figure(
        "start: most memory at the first poll",
        megabytes(memory),
        Unit::Megabytes,
        Bar::AtMost(MOST_MEMORY),
    );
    report.figure(
        "start: largest program",
        megabytes(size),
        Unit::Megabytes,
        Bar::AtMost(megabytes(LARGEST)),
    );
    Ok(report)
}

fn size(program: &Path) -> Result<u64> {
    let about = fs::metadata(program);
    Ok(about
        .with_context(|| format!("{} was not built", program.display()))?
        .len())
}

fn start_nothing() -> io::Result<Duration> {
    let mut command = Command::new(NOTHING);
    command.env_clear().stdin(Stdio::null());
    let started = Instant::now();
    command.status()?;
    Ok(started.elapsed())
}
