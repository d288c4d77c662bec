//! A real Odoo for the time of another command: one that is up is used as it is and left
//! up, else one is started and stopped again.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::release::Release;
use super::state::State;
use crate::child;
use crate::odoo_environment::OdooEnvironment;
use crate::postgres::{free_port, is_free};

/// A real Odoo that is up at least as long as this lives.
pub(crate) struct Borrowed {
    pub(crate) environment: OdooEnvironment,
    /// Its own database, for what cannot be done through Odoo.
    pub(crate) postgres_url: String,
    /// How many worker processes it has.
    pub(crate) workers: u16,
    was_up: bool,
    release: Release,
}

impl Borrowed {
    /// Finds or starts it; `options` are those of `real-odoo up`.
    pub(crate) fn up(release: Release, options: &[&str]) -> Result<Self> {
        let found = State::of_running(release)?;
        let was_up = found.is_some();
        let state = match found {
            Some(state) => {
                eprintln!("Odoo {release} is up already: used as it is, with the database it has");
                state
            }
            None => start(release, options)?,
        };
        Ok(Self {
            environment: state.environment(),
            postgres_url: state.postgres_url,
            workers: state.workers,
            was_up,
            release,
        })
    }

    fn down(&self) -> Result<()> {
        let mut command = real_odoo("down", self.release)?;
        let status = command
            .status()
            .context("cannot start this program again")?;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.was_up {
            return;
        }
        if let Err(error) = self.down() {
            eprintln!("Odoo {} was not stopped: {error:#}", self.release);
        }
    }
}

/// In a process of its own, because it becomes root where it is not. What that prints for
/// a shell is in the state too.
fn start(release: Release, options: &[&str]) -> Result<State> {
    let mut command = real_odoo("up", release)?;
    command.args(options);
    // Somebody else on this machine may have the usual ports: another user, another cache.
    // Where our own PostgreSQL has its port, the option is passed over.
    for (option, usual) in [
        ("--port", release.default_port()),
        ("--postgres-port", super::POSTGRES_PORT),
    ] {
        if !is_free(usual) {
            command.args([option, &free_port()?.to_string()]);
        }
    }
    child::read(&command)?;
    State::of_running(release)?.with_context(|| format!("Odoo {release} ended at once"))
}

fn real_odoo(action: &str, release: Release) -> Result<Command> {
    let this = child::this_program();
    let mut command = Command::new(this);
    command.args(["real-odoo", action, &release.to_string()]);
    Ok(command)
}
