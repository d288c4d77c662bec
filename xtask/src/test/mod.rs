//! `cargo xtask test`: the tests, with every server that they need.

pub(crate) mod servers;

use std::process::Command;

use anyhow::Result;

use crate::browser::Browser;
use crate::child;
use crate::odoo_environment::OdooEnvironment;
use crate::real_odoo::{Borrowed, Release};
use crate::schemathesis;
use crate::workspace::Workspace;
use servers::Servers;

/// Run the tests, with every server that they need
///
/// Without --odoo: all tests that need no real Odoo, against a private PostgreSQL and
/// PgBouncer under target/, both installed through apt where they are missing, as are
/// Chromium and Node.js, and moto, cargo-lambda and schemathesis from PyPI. All are stopped at the end.
///
/// With --odoo: only the tests against that real Odoo, which is installed and started
/// on a fresh database (see `cargo xtask real-odoo`) and stopped at the end. One that is
/// up already is used as it is and left up.
///
/// What stands after -- goes to `cargo test`:
///
///   cargo xtask test -- --package shared
///   cargo xtask test -- --test it postgres -- --nocapture
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Run the tests against this version of a real Odoo; may be repeated
    #[arg(long, value_name = "VERSION")]
    odoo: Vec<Release>,
    /// Arguments of `cargo test`
    #[arg(last = true)]
    cargo_test: Vec<String>,
}

/// Starts the servers, runs the tests, stops the servers.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let servers = Servers::start(&workspace, "test")?;
    if !selects_packages(&args.cargo_test) {
        build(&workspace)?;
    }
    if args.odoo.is_empty() {
        let mut command = cargo_test(&workspace, &servers, &args.cargo_test, &[]);
        command.env("TEST_SCHEMATHESIS", schemathesis::program()?);
        command.envs(Browser::ensure(&workspace)?.variables());
        return child::run_to_success(&command);
    }
    for release in &args.odoo {
        test_on_odoo(*release, &workspace, &servers, &args.cargo_test)?;
    }
    Ok(())
}

/// `cargo test` does not build every program that the tests start. Said in this way, both
/// build the same, so nothing is compiled twice.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut command = workspace.cargo();
    command.args(["build", "--workspace", "--bins", "--tests"]);
    child::run_to_success(&command)
}

fn test_on_odoo(
    release: Release,
    workspace: &Workspace,
    servers: &Servers,
    args: &[String],
) -> Result<()> {
    let odoo = Borrowed::up(release, &[])?;
    // One after the other: they share one Odoo, and some compare all of it with the mirror.
    let mut ours = vec!["--ignored", "--test-threads=1"];
    // By leaving out, since a name would be one more choice beside those of the caller.
    let others: Vec<String> = Release::ALL
        .into_iter()
        .filter(|other| *other != release)
        .map(|other| format!("odoo_{other}"))
        .collect();
    ours.extend(others.iter().flat_map(|name| ["--skip", name]));
    let mut command = cargo_test(workspace, servers, args, &ours);
    command.envs(odoo_variables(release, &odoo.environment));
    let postgres = format!("TEST_ODOO_{release}_POSTGRES_URL");
    command.env(postgres, &odoo.postgres_url);
    child::run_to_success(&command)
}

/// `cargo test` of all packages with what the caller asks for, and `ours` for the tests'
/// own program.
fn cargo_test(workspace: &Workspace, servers: &Servers, args: &[String], ours: &[&str]) -> Command {
    let (for_cargo, for_program) = split(args);
    let mut command = workspace.cargo();
    command.arg("test").args(for_cargo);
    if for_cargo.is_empty() {
        // Who asks for all tests wants to know of all that fail, not of the first program's.
        command.arg("--no-fail-fast");
    }
    if !ours.is_empty() {
        command.args(["--test", "it"]);
    }
    command.arg("--").args(ours).args(for_program);
    command.envs(servers.variables());
    command
}

/// `cargo test`'s own arguments, and those behind its `--`.
fn split(args: &[String]) -> (&[String], &[String]) {
    match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[]),
    }
}

/// Whether only some packages are asked for; then the others need not even compile.
fn selects_packages(args: &[String]) -> bool {
    let (for_cargo, _) = split(args);
    for_cargo
        .iter()
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

/// Such as `TEST_ODOO_14_URL`.
fn odoo_variables(release: Release, odoo: &OdooEnvironment) -> Vec<(String, &str)> {
    odoo.variables()
        .into_iter()
        .map(|(name, value)| {
            let name = name.trim_start_matches("ODOO_");
            (format!("TEST_ODOO_{release}_{name}"), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{OdooEnvironment, Release, odoo_variables, selects_packages, split};

    #[test]
    fn tells_cargo_s_arguments_from_those_of_the_tests() {
        let args = ["-p", "shared", "--", "--nocapture"].map(String::from);
        let (for_cargo, for_program) = split(&args);
        assert_eq!(for_cargo, ["-p", "shared"]);
        assert_eq!(for_program, ["--nocapture"]);
        assert_eq!(split(&args[..2]), (&args[..2], &[][..]));
        assert!(selects_packages(&args));
        assert!(!selects_packages(&args[2..]));
    }

    #[test]
    fn names_the_variables_of_each_odoo_apart() {
        let environment = OdooEnvironment {
            url: "u".into(),
            database: "d".into(),
            user: "a".into(),
            password: "p".into(),
            api_key: "k".into(),
        };
        let variables = odoo_variables(Release::V14, &environment);
        let names: Vec<&str> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "TEST_ODOO_14_URL",
                "TEST_ODOO_14_DB",
                "TEST_ODOO_14_USER",
                "TEST_ODOO_14_PASSWORD",
                "TEST_ODOO_14_API_KEY",
            ]
        );
    }
}
