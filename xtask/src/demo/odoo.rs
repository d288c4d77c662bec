//! The Odoo of a demo: the simulator, or a real one.

use anyhow::Result;

use crate::odoo_environment::OdooEnvironment;
use crate::real_odoo::{Borrowed, Release};
use crate::simulator::Simulator;
use crate::workspace::Workspace;

/// An Odoo that runs as long as this lives, a real one that ran before longer.
pub(super) enum DemoOdoo {
    Simulated(Simulator),
    Real(Borrowed),
}

impl DemoOdoo {
    /// Starts the real one of this version, or the simulator, which is built already.
    pub(super) fn start(release: Option<Release>, workspace: &Workspace) -> Result<Self> {
        match release {
            Some(release) => Ok(Self::Real(Borrowed::up(release, &[])?)),
            None => Ok(Self::Simulated(Simulator::start(workspace)?)),
        }
    }

    pub(super) fn environment(&self) -> &OdooEnvironment {
        match self {
            Self::Simulated(odoo) => odoo.environment(),
            Self::Real(odoo) => &odoo.environment,
        }
    }
}
