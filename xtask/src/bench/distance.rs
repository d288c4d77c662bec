//! A long line to Odoo: every byte arrives later, either way, and none waits for another.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use odoo_sim::proxy::{Conduct, FaultProxy};

use crate::odoo_environment::OdooEnvironment;

/// A running line; it ends when this is dropped.
pub(super) struct Distance {
    environment: OdooEnvironment,
    _proxy: FaultProxy,
}

impl Distance {
    /// Puts this much before each byte to and from an Odoo at `http://address:port`.
    pub(super) fn to(odoo: &OdooEnvironment, delay: Duration) -> Result<Self> {
        let server: SocketAddr = odoo
            .url
            .strip_prefix("http://")
            .and_then(|address| address.trim_end_matches('/').parse().ok())
            .with_context(|| format!("{} is no address with a port", odoo.url))?;
        let proxy = FaultProxy::start(server);
        proxy.rule(move |_| Conduct::delay(delay));
        Ok(Self {
            environment: OdooEnvironment {
                url: format!("http://{}", proxy.address()),
                ..odoo.clone()
            },
            _proxy: proxy,
        })
    }

    /// How Odoo is reached over it.
    pub(super) fn environment(&self) -> &OdooEnvironment {
        &self.environment
    }
}
