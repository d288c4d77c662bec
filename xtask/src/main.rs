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
mod cache;
mod daemon;
mod postgres;
mod privilege;
mod progress;
mod real_odoo;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    RealOdoo(real_odoo::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::RealOdoo(args) => real_odoo::run(&args),
    }
}
