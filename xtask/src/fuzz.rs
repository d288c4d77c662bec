//! `cargo xtask fuzz`: what reads other people's bytes, against bytes that libFuzzer makes up.
//!
//! The targets are those of `fuzz/`; what they do with the bytes stands in `shared::fuzzing`,
//! which the ordinary tests compile as well. No sanitizer is used: there is no unsafe code here,
//! panics and wrong results are looked for, and without one the stable compiler will do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::progress::run_logged;
use crate::workspace::Workspace;
use crate::{apt, cache, child};

const CARGO_FUZZ: &str = "0.13.2";

/// Longest input, in bytes: a page of a few records.
const LONGEST_INPUT: u32 = 16 * 1024;
/// Longest that one input may take, in seconds.
const LONGEST_TIME: u32 = 10;

/// Throw made-up bytes at what reads Odoo's answers and at what reads triggers
///
/// Starts from the inputs in fuzz/corpus and keeps what it finds under target/. An input that
/// breaks something is kept in fuzz/artifacts and named; once mended, put it into fuzz/corpus, over
/// which the ordinary tests go too.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Only this target
    target: Option<Target>,
    /// How long each target runs
    #[arg(long, default_value_t = 10)]
    minutes: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Odoo's answers over both protocols, through to rows and rejects
    #[value(name = "odoo_answer")]
    OdooAnswer,
    /// Events, schedules and HTTP requests
    #[value(name = "trigger")]
    Trigger,
}

impl Target {
    /// As in `fuzz/Cargo.toml`.
    fn name(self) -> &'static str {
        match self {
            Self::OdooAnswer => "odoo_answer",
            Self::Trigger => "trigger",
        }
    }
}

/// Runs each target for its time; the first that finds something ends it.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let cargo_fuzz = ensure_cargo_fuzz(&workspace)?;
    pin_versions(&workspace.root)?;
    let all = Target::value_variants();
    for target in args.target.as_ref().map_or(all, std::slice::from_ref) {
        let command = fuzz(&cargo_fuzz, &workspace, *target, args.minutes)?;
        child::run_to_success(&command)
            .with_context(|| format!("the target {} found something", target.name()))?;
    }
    Ok(())
}

/// The program, installed if it is not.
fn ensure_cargo_fuzz(workspace: &Workspace) -> Result<PathBuf> {
    // libFuzzer is C++.
    apt::ensure("c++", "g++")?;
    let folder = cache::folder()?
        .join("cargo")
        .join(format!("cargo-fuzz-{CARGO_FUZZ}"));
    let program = folder.join("bin/cargo-fuzz");
    if !program.exists() {
        run_logged(
            &format!("Installing cargo-fuzz {CARGO_FUZZ}"),
            &cache::log_file("cargo-install")?,
            workspace
                .cargo()
                .args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ])
                .arg("--root")
                .arg(&folder),
        )?;
    }
    Ok(program)
}

/// What is fuzzed is what is deployed: the same versions of everything.
fn pin_versions(root: &Path) -> Result<()> {
    let to = root.join("fuzz/Cargo.lock");
    fs::copy(root.join("Cargo.lock"), &to)
        .map(drop)
        .with_context(|| format!("cannot write {}", to.display()))
}

fn fuzz(cargo_fuzz: &Path, workspace: &Workspace, target: Target, minutes: u32) -> Result<Command> {
    let name = target.name();
    let mut command = Command::new(cargo_fuzz);
    command
        .current_dir(&workspace.root)
        .args(["run", "--sanitizer", "none", "--codegen-units", "16"])
        .arg("--target-dir")
        .arg(workspace.target.join("fuzz"))
        .arg(name)
        // What is found goes into the first folder; the others are only read.
        .arg(workspace.scratch(&format!("fuzz/{name}"))?)
        .arg(workspace.root.join("fuzz/corpus").join(name))
        .arg("--")
        .arg(format!("-max_total_time={}", minutes.saturating_mul(60)))
        .arg(format!("-max_len={LONGEST_INPUT}"))
        .arg(format!("-timeout={LONGEST_TIME}"))
        .arg("-print_final_stats=1");
    Ok(command)
}
