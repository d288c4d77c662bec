//! A real Odoo for the time of another command: one that is up is used as it is and left
//! up, else one is started and stopped again.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::release::Release;
use super::state::State;
use crate::child;
use crate::odoo_environment::OdooEnvironment;

/// A real Odoo that is up at least as long as this lives.
pub(crate) struct Borrowed {
    pub(crate) environment: OdooEnvironment,
    /// Whether it was up before.
    pub(crate) was_up: bool,
    release: Release,
}

impl Borrowed {
    /// Finds or starts it.
    pub(crate) fn up(release: Release) -> Result<Self> {
        if let Some(state) = State::of_running(release)? {
            eprintln!("Odoo {release} is up already: used as it is, with the database it has");
            return Ok(Self {
                environment: state.environment(),
                was_up: true,
                release,
            });
        }
        // A process of its own, because it becomes root where it is not.
        let printed = child::read(&real_odoo("up", release)?)?;
        Ok(Self {
            environment: OdooEnvironment::from_shell(&printed)?,
            was_up: false,
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

fn real_odoo(action: &str, release: Release) -> Result<Command> {
    let this = env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(this);
    command.args(["real-odoo", action, &release.to_string()]);
    Ok(command)
}
