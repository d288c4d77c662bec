//! `cargo xtask chaos`: rounds in which everything fails at once, for as long as a person likes.

use std::num::NonZeroU32;

use anyhow::Result;

use crate::child;
use crate::test;
use crate::test::servers::Servers;
use crate::workspace::Workspace;

/// Break everything at once, again and again, and hold the mirror to Odoo after each round
///
/// Against the simulator and a private PostgreSQL with PgBouncer, as `cargo xtask test` has
/// them: functions are killed, frozen and cut off, Odoo, network and Postgres fail, and people
/// change Odoo meanwhile. The first round after which the mirror is not Odoo ends it, and names
/// the seed of its world.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many rounds, three seconds each
    #[arg(long, default_value = "200")]
    rounds: NonZeroU32,
    /// The seed of the first world; the next ones have those after it [default: a new one]
    #[arg(long)]
    seed: Option<u64>,
}

/// Starts the servers, runs the rounds, stops the servers.
pub(crate) fn run(args: &Args) -> Result<()> {
    child::catch_interrupts()?;
    let workspace = Workspace::find()?;
    let servers = Servers::start(&workspace, "chaos")?;
    test::build(&workspace)?;
    let mut command = workspace.cargo();
    command
        .args(["test", "--test", "it", "--", "chaos::", "--nocapture"])
        .envs(servers.variables())
        .env("TEST_CHAOS_ROUNDS", args.rounds.to_string());
    if let Some(seed) = args.seed {
        command.env("TEST_CHAOS_SEED", seed.to_string());
    }
    child::run_to_success(&command)
}
