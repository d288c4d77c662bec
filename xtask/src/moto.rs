//! moto's server, which plays EventBridge, SQS, Secrets Manager and S3 on this machine.

use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::cache;
use crate::child::Server;
use crate::postgres::free_port;
use crate::progress::Step;
use crate::python::Tool;

const MOTO: Tool = Tool {
    package: "moto[server]",
    version: "5.2.5",
    with_dependencies: true,
};
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running server; it ends, with all that it holds, when this is dropped.
pub(crate) struct Moto {
    url: String,
    _server: Server,
}

impl Moto {
    /// Starts it on a free port. `name` tells its log from that of another.
    pub(crate) fn start(name: &str) -> Result<Self> {
        let programs = MOTO.ensure()?;
        let step = Step::start("Starting EventBridge (moto)");
        let port = free_port()?;
        let mut command = Command::new(programs.join("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        // It calls an API destination only where it is told to, and one on this machine through no proxy.
        command
            .env("MOTO_EVENTS_INVOKE_HTTP", "true")
            .env("NO_PROXY", "127.0.0.1");
        let log = cache::log_file(&format!("{name}-moto"))?;
        let mut server = Server::start("moto_server", &command, &log)?;
        server.wait_until(START_LIMIT, |_| {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        })?;
        step.done();
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            _server: server,
        })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
