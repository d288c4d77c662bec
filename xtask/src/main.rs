//! `cargo xtask`: what a person types to try, test and check this project.
//!
//! Each command sets up what it needs by itself, so that a fresh Debian or
//! Ubuntu machine with Rust is enough. What takes long to make is kept in a
//! cache folder outside the checkout (see [`cache`]); progress goes to standard
//! error, results to standard output, and what the tools underneath say goes to
//! log files that are named when something fails.

#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to a person through standard output"
)]

mod apt;
mod backup;
mod bench;
mod browser;
mod cache;
mod cargo_lambda;
mod chaos;
mod child;
mod ci;
mod cold_start;
mod daemon;
mod demo;
mod doctor;
#[cfg(test)]
mod documented;
mod function_environment;
mod fuzz;
mod lock;
mod memory;
mod migrate;
mod moto;
mod odoo_environment;
mod package;
mod postgres;
mod privilege;
mod progress;
mod python;
mod real_odoo;
mod restore;
mod runtime;
mod sam;
mod schemathesis;
mod session;
mod signals;
mod simulator;
mod supabase;
mod sync;
mod test;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a shell, too, makes of a program that SIGINT ended.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Backup(backup::Args),
    Bench(bench::Args),
    Chaos(chaos::Args),
    Ci(ci::Args),
    Demo(demo::Args),
    Doctor(doctor::Args),
    Fuzz(fuzz::Args),
    Migrate(migrate::Args),
    Package(package::Args),
    RealOdoo(real_odoo::Args),
    Restore(restore::Args),
    Supabase(supabase::Args),
    Sync(sync::Args),
    Test(test::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Backup(args) => backup::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Chaos(args) => chaos::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Demo(args) => demo::run(&args),
        Task::Doctor(args) => doctor::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Migrate(args) => migrate::run(&args),
        Task::Package(args) => package::run(&args),
        Task::RealOdoo(args) => real_odoo::run(&args),
        Task::Restore(args) => restore::run(&args),
        Task::Supabase(args) => supabase::run(&args),
        Task::Sync(args) => sync::run(&args),
        Task::Test(args) => test::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if child::is_interrupted() => {
            eprintln!("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            // The causes only: a backtrace says nothing about a machine that lacks something.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
