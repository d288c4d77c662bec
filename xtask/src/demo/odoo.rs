//! The Odoo of a demo: the simulator, or a real one.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cache;
use crate::child::Server;
use crate::odoo_environment::OdooEnvironment;
use crate::progress::Step;
use crate::real_odoo::{Borrowed, Release};
use crate::workspace::Workspace;

const START_LIMIT: Duration = Duration::from_secs(60);

/// An Odoo that runs as long as this lives, a real one that ran before longer.
pub(super) enum DemoOdoo {
    Simulated {
        environment: OdooEnvironment,
        _server: Server,
    },
    Real(Borrowed),
}

impl DemoOdoo {
    /// Starts the real one of this version, or the simulator, which is built already.
    pub(super) fn start(release: Option<Release>, workspace: &Workspace) -> Result<Self> {
        match release {
            Some(release) => Ok(Self::Real(Borrowed::up(release)?)),
            None => simulate(workspace),
        }
    }

    pub(super) fn environment(&self) -> &OdooEnvironment {
        match self {
            Self::Simulated { environment, .. } => environment,
            Self::Real(odoo) => &odoo.environment,
        }
    }
}

fn simulate(workspace: &Workspace) -> Result<DemoOdoo> {
    let step = Step::start("Starting the simulated Odoo");
    let mut command = Command::new(workspace.target.join("debug/odoo-sim"));
    command.args(["--port", "0"]);
    let mut server = Server::start("odoo-sim", &command, &cache::log_file("odoo-sim")?)?;
    let environment = server.wait_until(START_LIMIT, |printed| {
        OdooEnvironment::from_shell(printed).ok()
    })?;
    step.done();
    Ok(DemoOdoo::Simulated {
        environment,
        _server: server,
    })
}
