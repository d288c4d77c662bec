//! The simulated Odoo, as a process that ends with ours.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cache;
use crate::child::Server;
use crate::odoo_environment::OdooEnvironment;
use crate::progress::Step;
use crate::workspace::Workspace;

const START_LIMIT: Duration = Duration::from_secs(60);

/// A running simulator of Odoo 19; it ends when this is dropped.
pub(crate) struct Simulator {
    environment: OdooEnvironment,
    _server: Server,
}

impl Simulator {
    /// Starts it on a free port. `cargo build --workspace --bins` has built it.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        let step = Step::start("Starting the simulated Odoo");
        let mut command = Command::new(workspace.target.join("debug/odoo-sim"));
        command.args(["--port", "0"]);
        let mut server = Server::start("odoo-sim", &command, &cache::log_file("odoo-sim")?)?;
        let environment = server.wait_until(START_LIMIT, |printed| {
            OdooEnvironment::from_shell(printed).ok()
        })?;
        step.done();
        Ok(Self {
            environment,
            _server: server,
        })
    }

    /// How it is reached.
    pub(crate) fn environment(&self) -> &OdooEnvironment {
        &self.environment
    }
}
